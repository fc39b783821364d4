"""The list of a saved checkpoint: its files, and the attempt and runner that saved them."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cmlkit.records.json_text import json_text, read_json
from cmlkit.records.typed import typed

FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """One file.

    Attributes:
        path: POSIX path below the checkpoint folder.
        sha256: Hash of its bytes, in hexadecimal; `size` is their number.
        modified: When it was written, in seconds since the epoch.
    """

    path: str
    sha256: str
    size: int
    modified: float

    @property
    def unit(self) -> str:
        """The file or folder directly in the checkpoint folder that it is, or is in."""
        return self.path.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A list of files, complete once it is written.

    Attributes:
        key: Identifies the training: repository, run, job and command.
        attempt: The attempt of the run that wrote it.
        owner: Name of the runner that wrote it.
        saved: Seconds since the epoch.
        is_shared: Whether two jobs of one attempt wrote there, so that nobody knows whose files these are.
    """

    key: str
    attempt: int
    owner: str
    saved: float = 0.0
    files: tuple[SavedFile, ...] = ()
    is_shared: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(file.sha256 for file in self.files)

    def is_of_another(self, ours: Saved) -> bool:
        """Return whether another job, or a later attempt, has written it during the attempt of `ours`."""
        is_of_attempt = self.attempt == ours.attempt
        return self.attempt > ours.attempt or (is_of_attempt and (self.is_shared or self.owner != ours.owner))

    def to_json(self) -> str:
        return json_text({"format": FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, content: bytes) -> Saved:
        """Read a list that `to_json` wrote; raise ValueError if it is none, or names a file outside of the folder."""
        try:
            record: dict[str, Any] = read_json(content)
            if record.pop("format") != FORMAT:
                raise ValueError("another version of cmlkit wrote it")
            files = tuple(_file(item) for item in record.pop("files"))
            return typed(cls(**record, files=files))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"it has not the fields of one: {error!r}") from error


def merged(
    taken: Mapping[str, Iterable[SavedFile]], last: Saved | None, not_taken: Collection[str]
) -> tuple[SavedFile, ...]:
    """Return the files of a new list: those just taken, and the older ones of units that could not be taken now.

    Args:
        taken: Unit -> its files.
        last: The list before.
        not_taken: Units that still exist, but were being written, or for which time was lacking.
    """
    older = [file for file in (last.files if last else ()) if file.unit in not_taken]
    return tuple(sorted((*older, *(file for files in taken.values() for file in files)), key=lambda file: file.path))


def _file(record: dict[str, Any]) -> SavedFile:
    file = typed(SavedFile(**record))
    path = PurePosixPath(file.path)
    # Whoever may write to the store must not choose where files of this machine are written.
    if path.is_absolute() or ".." in path.parts or str(path) != file.path or "\0" in file.path or not path.parts:
        raise ValueError(f"{file.path!r} is no path below the folder")
    if not _HASH.fullmatch(file.sha256) or type(file.size) is not int or file.size < 0:
        raise ValueError(f"{file.path!r} has no hash, or no size")
    if not isinstance(file.modified, int | float) or not math.isfinite(file.modified):
        raise ValueError(f"{file.path!r} has no time")
    return file
