"""Stores of checkpoints and caches: files named by their hash, and one list of them that is written last.

A newer save never touches the bytes of an older one, and the list tells a complete save from one that broke off.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from cmlkit.bounds.files import RECORD_BYTES, read_regular
from cmlkit.files import write_whole
from cmlkit.stores.base import CHUNK_BYTES, pieces

LIST_NAME = "manifest.json"
FILES_NAME = "files"

Still = Callable[[], None]
"""Called between pieces of work; raises if there is no time left for the rest."""


class CheckpointStore(Protocol):
    """The place of one job's checkpoint, or of one cache.

    Every method raises PermissionDenied, SettingsError, ServiceError or OSError if the place refuses or fails.

    Attributes:
        address: The place in messages.
    """

    address: str

    def read_list(self) -> bytes | None:
        """Return the list that was written last; None if there is none."""

    def write_list(self, content: bytes) -> None:
        """Replace the list as a whole."""

    def put(self, file: BinaryIO, sha256: str, *, size: int, still: Still) -> None:
        """Store the bytes of an open file, from its beginning, under their hash; not at all if `still` raises."""

    def get(self, sha256: str) -> Iterator[bytes]:
        """Yield the bytes that were stored under a hash."""

    def drop(self, hashes: Collection[str]) -> None:
        """Remove the bytes that were stored under these hashes."""

    def clear(self) -> None:
        """Remove the list first, and then everything else."""


class FolderCheckpoints:
    """A folder of the job, which a step of the workflow carries to the next attempt.

    Args:
        folder: The folder; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self._folder = folder

    def read_list(self) -> bytes | None:
        try:
            return read_regular(self._folder / LIST_NAME, RECORD_BYTES)
        except FileNotFoundError:
            return None

    def write_list(self, content: bytes) -> None:
        # An ignore file of its own keeps `git add .` away, as beside the record of a run.
        write_whole(self._folder / ".gitignore", b"*\n")
        write_whole(self._folder / LIST_NAME, content)

    def put(self, file: BinaryIO, sha256: str, *, size: int, still: Still) -> None:
        target = self._folder / FILES_NAME / sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{sha256}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        try:
            if not _linked(file, temporary):
                _copy(file, temporary, still)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def get(self, sha256: str) -> Iterator[bytes]:
        return pieces(self._folder / FILES_NAME / sha256)

    def drop(self, hashes: Collection[str]) -> None:
        for sha256 in hashes:
            (self._folder / FILES_NAME / sha256).unlink(missing_ok=True)

    def clear(self) -> None:
        (self._folder / LIST_NAME).unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def checkpoint_store(address: str, *, setting: str = "train.checkpoint-store") -> CheckpointStore:
    """Return the store at an address of a setting, with what a job adds to it; messages name the setting."""
    from cmlkit.stores.s3_checkpoints import S3Checkpoints

    return S3Checkpoints(address, setting=setting)


def _linked(file: BinaryIO, target: Path) -> bool:
    """Make `target` another name of an open file, which costs neither time nor disk; return whether that worked."""
    try:
        os.link(file.name, target)
    except OSError:
        return False  # another file system, or one without links
    if target.stat().st_ino == os.fstat(file.fileno()).st_ino:
        return True
    target.unlink()
    return False


def _copy(file: BinaryIO, target: Path, still: Still) -> None:
    file.seek(0)
    with target.open("wb") as copy:
        while piece := file.read(CHUNK_BYTES):
            still()
            copy.write(piece)
