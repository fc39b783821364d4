"""The record of a saved cache: its files and links, whose bytes stand one after another, place by place."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cmlkit.records.json_text import json_text, read_json
from cmlkit.records.typed import typed

FORMAT = 1
# As much as GitHub's own cache keeps for a repository.
# https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching#usage-limits-and-eviction-policy
MOST_BYTES = 10 * 1024**3
# The record is read as a whole, and has some 200 bytes for each.
MOST_FILES = 200_000
MOST_FOLDERS_DEEP = 100
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or a link.

    Attributes:
        path: POSIX path below the place; empty if the place is a file.
        modified: When it was written, in seconds since the epoch.
        link: The path that a link leads to, relative to its own folder; empty for a file.
    """

    path: str
    size: int = 0
    modified: float = 0.0
    executable: bool = False
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file or folder of the setting.

    Attributes:
        path: As the setting names it.
        sha256: Hash of its files' bytes, one after another, in hexadecimal.
        entries: Its files, in the order of their bytes, and its links.
    """

    path: str
    sha256: str
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)


@dataclass(frozen=True, kw_only=True)
class CacheRecord:
    """A saved cache, complete once this is written. `saved` is in seconds since the epoch."""

    saved: float
    places: tuple[Place, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(place.size for place in self.places)

    @property
    def files(self) -> int:
        """The number of files and links."""
        return sum(len(place.entries) for place in self.places)

    def to_json(self) -> str:
        # Of each entry only what is not usual: there are many.
        places = [
            {"path": place.path, "sha256": place.sha256, "entries": [_shown(entry) for entry in place.entries]}
            for place in self.places
        ]
        return json_text({"format": FORMAT, "saved": self.saved, "places": places}) + "\n"

    @classmethod
    def from_json(cls, content: bytes, *, paths: Sequence[str]) -> CacheRecord:
        """Read a record that `to_json` wrote.

        Args:
            paths: The places that it may have.

        Raises:
            ValueError: It is none, is larger than what is saved, or leads out of a place, as whoever may write to the
                store must not choose where files are written.
        """
        try:
            record: dict[str, Any] = read_json(content)
            if record.pop("format") != FORMAT:
                raise ValueError("another version of cmlkit wrote it")
            places = tuple(
                Place(**{**item, "entries": tuple(Entry(**entry) for entry in item["entries"])})
                for item in record.pop("places")
            )
            found = typed(cls(**record, places=places))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"it has not the fields of one: {error!r}") from error
        _check(found, paths)
        return found


def _shown(entry: Entry) -> dict[str, Any]:
    usual = Entry(path="")
    fields = dataclasses.asdict(entry)
    return {name: value for name, value in fields.items() if name == "path" or value != getattr(usual, name)}


def _check(record: CacheRecord, paths: Sequence[str]) -> None:
    names = [place.path for place in record.places]
    if len(set(names)) != len(names) or not set(names) <= set(paths):
        raise ValueError("it has other places than the setting")
    if not math.isfinite(record.saved):
        raise ValueError("it has no time")
    for place in record.places:
        if not _HASH.fullmatch(place.sha256):
            raise ValueError(f"{place.path} has no hash")
        for entry in place.entries:
            _check_entry(entry, is_alone=len(place.entries) == 1)
    if record.size > MOST_BYTES or record.files > MOST_FILES:
        raise ValueError("it is larger than what is saved")


def _check_entry(entry: Entry, *, is_alone: bool) -> None:
    path = PurePosixPath(entry.path)
    is_below = bool(path.parts) and not path.is_absolute() and ".." not in path.parts and str(path) == entry.path
    is_place = entry.path == "" and is_alone and not entry.link
    if not (is_below or is_place) or "\0" in entry.path + entry.link or len(path.parts) > MOST_FOLDERS_DEEP:
        raise ValueError(f"{entry.path!r} is no path below the place")
    if entry.size < 0 or (entry.link and entry.size) or not math.isfinite(entry.modified):
        raise ValueError(f"{entry.path!r} has no size, or no time")
