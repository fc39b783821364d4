"""Each reader of files that others write tells of a pipe, a device or a huge file, and does not wait for its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cmlkit.ci.github_event import read_payload
from cmlkit.cli.markdown_file import _content_of
from cmlkit.data.data_file import read_files
from cmlkit.errors import CmlkitError
from cmlkit.gate.metrics import find
from cmlkit.model.file import hashed, read_content
from cmlkit.model.file_format import recognize
from cmlkit.model.folder import parts_of
from cmlkit.model.manifest import read_manifest
from cmlkit.settings.schema import load
from cmlkit.stores.base import hashed as hashed_for_store
from cmlkit.training.parameters import in_file
from cmlkit.training.scores import read_scores
from cmlkit.training.tables.frame import read_frame
from cmlkit.training.tables.table import read_table

Read = Callable[[Path], object]


def told(folder: Path) -> str:
    (warning,) = [*find(["m.json"], folder).warnings]
    return warning


def of_parameters(folder: Path) -> str:
    warnings: list[str] = []
    assert in_file(folder, warnings.append) == {}
    return warnings[0]


def refused(read: Read) -> Read:
    """Return a reader whose result is its refusal."""

    def text(folder: Path) -> str:
        try:
            raise AssertionError(f"it was read: {read(folder)!r:.80}")
        except (CmlkitError, OSError) as error:
            return str(error)

    return text


READERS: dict[str, tuple[str, Read]] = {
    "settings": ("cmlkit.yaml", refused(lambda folder: load(file=folder / "cmlkit.yaml", environ={}))),
    "metrics": ("m.json", told),
    "parameters": ("params.yaml", of_parameters),
    "scores": ("scores.json", refused(lambda folder: read_scores(folder / "scores.json"))),
    "manifest": ("m.joblib.json", refused(lambda folder: read_manifest(folder / "m.joblib"))),
}
ENDLESS: dict[str, tuple[str, Read]] = {
    **READERS,
    "model": ("m.joblib", refused(lambda folder: hashed(folder / "m.joblib"))),
    "model's content": ("m.joblib", refused(lambda folder: read_content(folder / "m.joblib"))),
    "model's format": ("m.joblib", refused(lambda folder: recognize(folder / "m.joblib"))),
    "model for a store": ("m.joblib", refused(lambda folder: hashed_for_store(folder / "m.joblib"))),
    "part of a model": ("weights", refused(parts_of)),
    "report": ("report.md", refused(lambda folder: _content_of(folder / "report.md"))),
    "data": ("d.csv", refused(lambda folder: read_files([("d.csv", str(folder / "d.csv"))]))),
    "table": ("d.csv", refused(lambda folder: read_table(folder / "d.csv"))),
    "frame": ("d.csv", refused(lambda folder: read_frame(folder / "d.csv"))),
}


@pytest.mark.parametrize("reader", ENDLESS)
@pytest.mark.parametrize("kind", ["a named pipe", "a device"])
def test_what_may_have_no_end_is_not_read(tmp_path: Path, reader: str, kind: str) -> None:
    name, read = ENDLESS[reader]
    if kind == "a device":
        (tmp_path / name).symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / name)
    assert f"it is {kind}, not a regular file" in str(read(tmp_path))


@pytest.mark.parametrize("reader", READERS)
def test_a_huge_file_is_not_read(tmp_path: Path, reader: str) -> None:
    name, read = READERS[reader]
    with (tmp_path / name).open("wb") as file:
        file.truncate(1024**4)
    assert name in str(read(tmp_path)) or reader == "scores"
    assert "1 TiB" in str(read(tmp_path)) or "1,048,576.0 MiB" in str(read(tmp_path))


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"action": ' + b"9" * 5000 + b"}", b"\xff"])
def test_an_event_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "event.json").write_bytes(content)
    assert read_payload({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == {}


def test_an_event_that_has_no_end_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "event.json")
    for path in (str(tmp_path / "event.json"), "/dev/zero", str(tmp_path)):
        assert read_payload({"GITHUB_EVENT_PATH": path}) == {}
