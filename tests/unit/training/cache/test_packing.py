"""Packed files and folders: as they were, beside what is there, and never outside of their place."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.training.cache.packing import pack, put_in_place, seen, unpack
from cmlkit.training.cache.record import CacheRecord, Entry, Place

LONG_AGO = 1000.0


def still() -> None:
    """There is always time."""


def packed(root: Path) -> tuple[Place, bytes]:
    output = io.BytesIO()
    place = pack("data", root, seen(root), output, still=still)
    return place, output.getvalue()


def in_pieces(content: bytes, size: int = 3) -> Iterator[bytes]:
    """The bytes as a store gives them: in pieces that end anywhere."""
    return (content[start : start + size] for start in range(0, len(content), size))


def tree(root: Path) -> dict[str, str]:
    """Path -> content of a file, or where a link leads."""
    return {
        path.relative_to(root).as_posix(): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def place(*entries: Entry, content: bytes = b"") -> Place:
    return Place(path="data", sha256=hashlib.sha256(content).hexdigest(), entries=entries)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as uv's cache has it: unpacked archives, and links to them."""
    archive = tmp_path / "uv" / "archive-v0" / "x1" / "numpy"
    archive.mkdir(parents=True)
    (archive / "__init__.py").write_text("import numpy")
    (archive / "empty.py").touch()
    (archive / "f2py").write_text("#!/bin/sh")
    (archive / "f2py").chmod(0o700)
    os.utime(archive / "f2py", (LONG_AGO, LONG_AGO))
    wheels = tmp_path / "uv" / "wheels-v5" / "pypi"
    wheels.mkdir(parents=True)
    (wheels / "numpy-relative").symlink_to("../../archive-v0/x1")
    (wheels / "numpy-absolute").symlink_to(archive.parent)  # as uv wrote them before 0.9
    return tmp_path / "uv"


def test_a_folder_comes_back_as_it_was_and_links_stay_inside(folder: Path, tmp_path: Path) -> None:
    found, content = packed(folder)
    found = CacheRecord.from_json(CacheRecord(saved=1.0, places=(found,)).to_json().encode(), paths=["data"]).places[0]
    target = tmp_path / "elsewhere" / "uv"
    unpack(found, target, in_pieces(content), still=still)
    assert tree(target) == {**tree(folder), "wheels-v5/pypi/numpy-absolute": "-> ../../archive-v0/x1"}
    program = (target / "archive-v0/x1/numpy/f2py").stat()
    assert (program.st_mode & 0o777, program.st_mtime) == (0o755, LONG_AGO)


def test_a_single_file_comes_back(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")
    found, content = packed(tmp_path / "train.csv")
    unpack(found, tmp_path / "again.csv", in_pieces(content), still=still)
    assert (tmp_path / "again.csv").read_text() == "a,b\n1,2\n"


def test_what_leads_out_or_is_no_file_is_left_out_and_counted(folder: Path) -> None:
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("../..")
    (folder / "nowhere").symlink_to("missing")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()
    found = seen(folder)
    assert found.left_out == 6
    assert {entry.path.partition("/")[0] for entry in found.entries} == {"archive-v0", "wheels-v5"}


def test_a_file_that_grows_meanwhile_keeps_the_size_that_was_seen(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log").write_text("one")
    found = seen(tmp_path / "data")
    (tmp_path / "data" / "log").write_text("one two")
    output = io.BytesIO()
    assert pack("data", tmp_path / "data", found, output, still=still).size == len(output.getvalue()) == 3


@pytest.mark.parametrize(
    "content", [b"", b"1234", b"12345", b"1234567", b"123457"], ids=["empty", "shorter", "short", "longer", "other"]
)
def test_other_bytes_than_were_saved_are_refused(content: bytes, tmp_path: Path) -> None:
    there = place(Entry(path="a", size=4), Entry(path="b", size=2), content=b"123456")
    with pytest.raises(ServiceError):
        unpack(there, tmp_path / "new", iter([content]), still=still)


@pytest.mark.parametrize(
    "links",
    [
        {"out": "/etc"},
        {"out": "../../outside"},
        # One link through another: each of them alone would stay inside.
        {"deep/far/here": "../..", "deep/far/out": "here/../.."},
        {"later": "first/../../outside", "first": "."},
        {"first": "../../outside", "first/file": "passwd"},
    ],
    ids=["absolute", "up", "through another", "through a later one", "below another"],
)
def test_links_that_lead_out_are_refused_and_nothing_is_written_through_them(
    links: dict[str, str], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    entries = (Entry(path="file"), *(Entry(path=path, link=link) for path, link in links.items()))
    with pytest.raises((ServiceError, OSError)):
        unpack(place(*entries), tmp_path / "beside" / "content", iter([]), still=still)
    assert list(outside.iterdir()) == []


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    entries = (Entry(path="in", link="../../outside"), Entry(path="in/file", size=1))
    with pytest.raises((ServiceError, OSError)):
        unpack(place(*entries, content=b"1"), tmp_path / "beside" / "content", iter([b"1"]), still=still)
    assert list(outside.iterdir()) == []


def test_files_that_are_there_stay_and_the_others_join_them(tmp_path: Path) -> None:
    """The checkout's own files are newer than those of the cache."""
    source, target = tmp_path / "source", tmp_path / "data"
    for path, text in {"a.csv": "cached", "raw/b.csv": "cached", "raw/c.csv": "cached"}.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    (source / "link").symlink_to("raw")
    (target / "raw").mkdir(parents=True)
    (target / "raw" / "b.csv").write_text("checked out")
    put_in_place(source, target)
    assert tree(target) == {"a.csv": "cached", "raw/b.csv": "checked out", "raw/c.csv": "cached", "link": "-> raw"}


def test_nothing_is_put_through_a_link_that_is_there(tmp_path: Path) -> None:
    source, target, outside = tmp_path / "source", tmp_path / "data", tmp_path / "outside"
    for path in (source / "raw", target, outside):
        path.mkdir(parents=True)
    (source / "raw" / "b.csv").write_text("cached")
    (target / "raw").symlink_to(outside)
    put_in_place(source, target)
    assert list(outside.iterdir()) == []
