"""Files that are written whole or not at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmlkit.files import append_whole, write_whole


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Files of this process may have so many bytes: more fails as on a full disk (Python ignores SIGXFSZ)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_and_its_folder_are_made_for_all_to_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "model" / "m.joblib", b"new")
    assert (tmp_path / "model" / "m.joblib").read_bytes() == b"new"
    assert (tmp_path / "model" / "m.joblib").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "m.joblib"
    file.write_bytes(b"old")
    with no_room_beyond(1000), pytest.raises(OSError, match="too large"):
        write_whole(file, b"x" * 100_000)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, b"old")]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"of DVC")
    (tmp_path / "m.joblib").symlink_to(tmp_path / "cache")
    write_whole(tmp_path / "m.joblib", b"new")
    assert ((tmp_path / "m.joblib").read_bytes(), (tmp_path / "cache").read_bytes()) == (b"new", b"of DVC")


def test_what_cannot_be_appended_whole_is_not_appended(tmp_path: Path) -> None:
    file = tmp_path / "output"
    append_whole(file, "label=a\n")
    with no_room_beyond(1000), pytest.raises(OSError, match="too large"):
        append_whole(file, "x" * 100_000)
    assert file.read_text() == "label=a\n"


def test_a_name_that_is_no_utf_8_is_written_as_escapes(tmp_path: Path) -> None:
    append_whole(tmp_path / "output", "model-\udcff")
    assert (tmp_path / "output").read_text() == "model-\\udcff"
