"""The checkpoint folder on disk: what is in it, and putting saved files into it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import ServiceError
from cmlkit.formats import size as shown_size
from cmlkit.training.checkpoints.saved import Saved, SavedFile

DOWNLOADS_AT_A_TIME = 4


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A regular file as it is now; two looks that are equal have seen the same bytes.

    Attributes:
        path: POSIX path below the checkpoint folder.
        place: Where its bytes are, which is elsewhere in the folder for a link.
        modified: Modification time in nanoseconds since the epoch.
    """

    path: str
    place: Path
    size: int
    modified: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A file or folder directly in the checkpoint folder, which is saved whole or not at all."""

    name: str
    files: tuple[FoundFile, ...]

    @property
    def modified(self) -> float:
        """When its newest file was written, in seconds since the epoch."""
        return max(file.modified for file in self.files) / 1e9


@dataclass(frozen=True, kw_only=True)
class Look:
    """The content of the folder: units, the newest first, and the paths that are neither files nor links to them."""

    units: tuple[Unit, ...] = ()
    left_out: tuple[str, ...] = ()


def look(folder: Path) -> Look:
    """Return the content of the folder now; empty if it does not exist."""
    units: dict[str, list[FoundFile]] = {}
    left_out = []
    for path in paths_in(folder):
        relative = path.relative_to(folder).as_posix()
        try:
            found = _found(path, relative, folder)
        except FileNotFoundError:
            continue  # removed since it was listed
        if found is None:
            left_out.append(relative)
        else:
            units.setdefault(relative.partition("/")[0], []).append(found)
    whole = (Unit(name=name, files=tuple(files)) for name, files in units.items())
    return Look(units=tuple(sorted(whole, key=lambda unit: (-unit.modified, unit.name))), left_out=tuple(left_out))


def restore(saved: Saved, folder: Path, read: Callable[[str], Iterator[bytes]]) -> None:
    """Put saved files into the folder: all of them are there and verified before the first one is put in its place.

    Args:
        read: Yields the bytes of a hash.

    Raises:
        ServiceError: A file is not as it was saved, leads out of the folder, or the disk is too small.
        OSError: The folder cannot be written; what the store's reading raises.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if saved.size > free:
        raise ServiceError(
            f"The checkpoint has {shown_size(saved.size)}, and the disk has {shown_size(free)} left.",
            next_step="Set runner.disk-size.",
        )
    targets = {file: _target(file, folder) for file in saved.files}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        once = {file.sha256: file for file in saved.files}
        with ThreadPoolExecutor(max_workers=DOWNLOADS_AT_A_TIME) as pool:
            list(pool.map(lambda file: _download(file, Path(temporary), read), once.values()))
        uses = Counter(file.sha256 for file in saved.files)
        for file, target in targets.items():
            uses[file.sha256] -= 1
            _put_in_place(file, Path(temporary) / file.sha256, target, is_last=not uses[file.sha256])


def paths_in(folder: Path) -> Iterator[Path]:
    """Yield everything in the folder that is no folder itself, and links to folders."""
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in sorted(names))
        yield from (path for name in sorted(folders) if (path := Path(place, name)).is_symlink())


def _found(path: Path, relative: str, folder: Path) -> FoundFile | None:
    """Return a file, or the one in the folder that a link leads to; None for anything else."""
    place = path.resolve(strict=True)
    status = place.stat()
    if not stat.S_ISREG(status.st_mode) or not place.is_relative_to(folder.resolve()):
        return None
    return FoundFile(path=relative, place=place, size=status.st_size, modified=status.st_mtime_ns, inode=status.st_ino)


def _target(file: SavedFile, folder: Path) -> Path:
    """Return the place of a file; raise ServiceError if a link in the folder leads it out, or a folder has its name."""
    target = folder / file.path
    if not target.parent.resolve().is_relative_to(folder.resolve()) or target.is_dir():
        raise ServiceError(
            f"{file.path} of the checkpoint cannot be put into {folder}: a link or a folder is in its way.",
            next_step="Let the checkout have nothing in that folder.",
        )
    return target


def _download(file: SavedFile, temporary: Path, read: Callable[[str], Iterator[bytes]]) -> None:
    digest, size = hashlib.sha256(), 0
    with (temporary / file.sha256).open("wb") as target:
        for piece in read(file.sha256):
            digest.update(piece)
            size += len(piece)
            if size > file.size:
                break
            target.write(piece)
    if (digest.hexdigest(), size) != (file.sha256, file.size):
        raise ServiceError(f"{file.path} of the checkpoint is not as it was saved.")


def _put_in_place(file: SavedFile, content: Path, target: Path, *, is_last: bool) -> None:
    """Move the content there, or a copy if another file has the same bytes; with its time, by which trainings sort."""
    ready = content
    if not is_last:
        ready = content.with_name(f"{content.name}.copy")
        shutil.copyfile(content, ready)
    os.utime(ready, (file.modified, file.modified))
    target.parent.mkdir(parents=True, exist_ok=True)
    ready.replace(target)
