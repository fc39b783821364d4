"""Saves of one checkpoint folder: whole files only, the newest first, and nothing that the store has already."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cmlkit.clock import Clock
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.stores.base import CHUNK_BYTES
from cmlkit.stores.checkpoints import CheckpointStore, Still
from cmlkit.training.checkpoints.folder import FoundFile, Unit, look
from cmlkit.training.checkpoints.saved import Saved, SavedFile, merged

# The list of a checkpoint is read as a whole, and each file costs a request.
LIMIT_FILES = 10_000
# A training that still writes a file has touched it a moment ago.
SETTLED_SECONDS = 2.0


class OutOfTime(Exception):
    """The time for a save is over."""


class Shared(SettingsError):
    """Another job of the same attempt saves to the same place."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Another job of this run keeps its checkpoint at {address} too, so neither can be restored.",
            next_step="Give each job a prefix of its own, such as s3://bucket/prefix/${{ matrix.seed }} in the variable"
            " CMLKIT_TRAIN_CHECKPOINT_STORE.",
        )


class _Changing(Exception):
    """A file of a unit is being written."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a save; tuples have paths below the folder.

    Attributes:
        saved: The list that the store has now; None if it has none.
        is_new: Whether this save changed it.
        changing: Units that were being written: their older files stay saved, if there are any.
        late: Units for which there was no time.
        left_out: Paths that are neither files nor links to files in the folder.
        undeleted: Why files of the save before are still in the store; empty if they are not.
    """

    saved: Saved | None
    is_new: bool
    changing: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    undeleted: str = ""


class Saver:
    """Saves one folder to one store.

    Args:
        of: A list without files, which says who saves.
    """

    def __init__(self, folder: Path, store: CheckpointStore, *, of: Saved, clock: Clock) -> None:
        self._folder = folder
        self._store = store
        self._of = of
        self._clock = clock
        self._last: Saved | None = None
        self._stored: set[str] = set()
        # Hashes of files that changed while they were sent: the bytes in the store are others.
        self._doubtful: set[str] = set()
        self._hashes: dict[FoundFile, str] = {}

    def adopt(self, saved: Saved) -> None:
        """Take over a list that the store has: its files need not be sent again."""
        self._last = saved
        self._stored |= saved.hashes

    def save(self, *, still: Still, settled_seconds: float = 0.0) -> Outcome:
        """Save each file or folder directly in the folder, whole or not at all.

        Args:
            still: Raises OutOfTime once there is no time for more.
            settled_seconds: How long ago a file was written last, for it to count as whole.

        Raises:
            Shared: Another job saves there too; nothing of this job will be restored.
            SettingsError: There are too many files.
            PermissionDenied, ServiceError, OSError: The store or the disk failed; the save before stays complete.
        """
        found = look(self._folder)
        if (count := sum(len(unit.files) for unit in found.units)) > LIMIT_FILES:
            raise SettingsError(
                f"The checkpoint folder {self._folder.name} has {count:,} files; at most {LIMIT_FILES:,} are saved.",
                next_step="Let the training remove old checkpoints, or write each as one archive.",
            )
        taken: dict[str, tuple[SavedFile, ...]] = {}
        changing, late = [], []
        for unit in found.units:
            try:
                taken[unit.name] = self._take(unit, still, settled_seconds)
            except _Changing:
                changing.append(unit.name)
            except OutOfTime:
                late.append(unit.name)
        before = self._last
        undeleted = self._write_list(merged(taken, self._last, (*changing, *late)))
        return Outcome(
            saved=self._last,
            is_new=self._last is not before,
            changing=tuple(changing),
            late=tuple(late),
            left_out=found.left_out,
            undeleted=undeleted,
        )

    def _take(self, unit: Unit, still: Still, settled_seconds: float) -> tuple[SavedFile, ...]:
        """Store a unit's files that are not stored yet; raise _Changing if any of them is written meanwhile."""
        if 0 <= self._clock.now() - unit.modified < settled_seconds:
            raise _Changing
        try:
            taken = tuple(self._take_file(file, still) for file in unit.files)
        except FileNotFoundError as error:
            raise _Changing from error
        if unit not in look(self._folder).units:
            known = self._last.hashes if self._last else frozenset()
            self._doubtful |= {file.sha256 for file in taken} - known
            self._stored -= self._doubtful
            raise _Changing
        return taken

    def _take_file(self, file: FoundFile, still: Still) -> SavedFile:
        still()
        if self._hashes.get(file) not in self._stored:
            with file.place.open("rb") as opened:
                sha256 = self._hashes[file] = _hashed(opened, still)
                if sha256 not in self._stored:
                    self._store.put(opened, sha256, size=file.size, still=still)
                    self._stored.add(sha256)
        return SavedFile(path=file.path, sha256=self._hashes[file], size=file.size, modified=file.modified / 1e9)

    def _write_list(self, files: tuple[SavedFile, ...]) -> str:
        """Replace the store's list if it is another, and remove the files of the old one; return why that failed."""
        if not files or (self._last is not None and files == self._last.files):
            return ""
        self.check_owner()
        saved = replace(self._of, saved=self._clock.now(), files=files)
        self._store.write_list(saved.to_json().encode())
        self._last = saved
        old = (self._stored | self._doubtful) - saved.hashes
        try:
            self._store.drop(old)
        except CmlkitError as error:
            return error.message  # the save itself is complete
        self._stored, self._doubtful = self._stored - old, set()
        return ""

    def check_owner(self) -> None:
        """Raise Shared, and make sure that nobody restores it, if another job of this attempt saves there."""
        content = self._store.read_list()
        try:
            there = Saved.from_json(content) if content else None
        except ValueError:
            there = None
        if there is not None and there.is_of_another(self._of):
            shared = replace(self._of, saved=self._clock.now(), is_shared=True)
            self._store.write_list(shared.to_json().encode())
            raise Shared(self._store.address)


def _hashed(file: BinaryIO, still: Still) -> str:
    digest = hashlib.sha256()
    while piece := file.read(CHUNK_BYTES):
        still()
        digest.update(piece)
    return digest.hexdigest()
