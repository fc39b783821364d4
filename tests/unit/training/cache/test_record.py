"""Records of caches: read as they were written, and refused if anybody could have made up a place in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmlkit.training.cache import record
from cmlkit.training.cache.record import CacheRecord, Entry, Place

FILE = Entry(path="raw/a.csv", size=3, modified=1000.5, executable=True)
PLACE = Place(path="data/", sha256="0" * 64, entries=(FILE, Entry(path="now", link="raw")))
RECORD = CacheRecord(saved=2000.0, places=(PLACE,))


def read(found: CacheRecord) -> CacheRecord:
    return CacheRecord.from_json(found.to_json().encode(), paths=["data/", "~/.cache/uv"])


def test_a_record_is_read_as_it_was_written() -> None:
    assert read(RECORD) == RECORD
    assert (RECORD.size, RECORD.files) == (3, 2)


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "/etc/passwd"},
        {"path": "../train.py"},
        {"path": "raw/../../train.py"},
        {"path": "raw//a.csv"},
        {"path": "./a.csv"},
        {"path": "a\0b"},
        {"path": ""},
        {"path": "/".join(["d"] * 101)},
        {"size": -1},
        {"size": True},
        {"size": "3"},
        {"modified": float("inf")},
        {"link": "a", "size": 3},
        {"link": "a\0b", "size": 0},
        {"path": None},
    ],
    ids=str,
)
def test_an_entry_that_names_no_file_of_the_place_is_refused(entry: dict[str, object]) -> None:
    changed = replace(RECORD, places=(replace(PLACE, entries=(replace(FILE, **entry), FILE)),))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"."):
        read(changed)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 2, "saved": 1, "places": []}',
        b'{"format": 1, "saved": 1, "places": [{}]}',
        b'{"format": 1, "saved": 1, "places": [], "more": 1}',
        b'{"format": 1, "saved": "now", "places": []}',
        b"[" * 100_000,
    ],
    ids=["empty", "a list", "nothing", "another format", "no fields", "more fields", "no number", "deep"],
)
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        CacheRecord.from_json(content, paths=["data/"])


@pytest.mark.parametrize(
    "places",
    [(replace(PLACE, path="~/.ssh"),), (PLACE, PLACE), (replace(PLACE, sha256="../list"),)],
    ids=["another place", "one twice", "no hash"],
)
def test_a_record_with_other_places_is_refused(places: tuple[Place, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(replace(RECORD, places=places))


def test_a_record_of_more_than_is_saved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_BYTES", 2)
    with pytest.raises(ValueError, match="larger"):
        read(RECORD)
    monkeypatch.setattr(record, "MOST_BYTES", 3)
    monkeypatch.setattr(record, "MOST_FILES", 1)
    with pytest.raises(ValueError, match="larger"):
        read(RECORD)
