"""Files and folders of the cache on disk: packed into one stream of bytes, and put back beside what is there."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cmlkit.bounds.files import open_regular
from cmlkit.errors import ServiceError
from cmlkit.stores.base import CHUNK_BYTES
from cmlkit.stores.checkpoints import Still
from cmlkit.training.cache.record import MOST_FOLDERS_DEEP, Entry, Place
from cmlkit.training.checkpoints.folder import paths_in

FILE_MODE, PROGRAM_MODE = 0o644, 0o755


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The content of a place: its files and links, and how many of them cannot be kept."""

    entries: tuple[Entry, ...]
    left_out: int = 0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)


def seen(root: Path) -> Seen:
    """Return the content of a file or folder.

    Left out are links that lead out of it, other things than files and links, names that are no UTF-8, and files that
    cannot be read.
    """
    if root.is_file():
        found = [_entry(root, "", root)]
    else:
        found = [_entry(path, path.relative_to(root).as_posix(), root) for path in paths_in(root)]
    entries = tuple(entry for entry in found if entry is not None)
    return Seen(entries=entries, left_out=len(found) - len(entries))


def pack(path: str, root: Path, content: Seen, output: BinaryIO, *, still: Still) -> Place:
    """Write the bytes of a place's files one after another; return its record, with the sizes that were read.

    Args:
        path: The place as the setting names it; `root` is where it is.

    Raises:
        OSError: A file is gone or cannot be read, or `output` cannot be written.
    """
    digest, entries = hashlib.sha256(), []
    for entry in content.entries:
        size = 0
        if not entry.link:
            with open_regular(_below(root, entry)) as file:
                # No more than was seen, of a file that grows.
                while piece := file.read(min(CHUNK_BYTES, entry.size - size)):
                    still()
                    output.write(piece)
                    digest.update(piece)
                    size += len(piece)
        entries.append(dataclasses.replace(entry, size=size))
    output.flush()
    return Place(path=path, sha256=digest.hexdigest(), entries=tuple(entries))


def unpack(place: Place, root: Path, pieces: Iterator[bytes], *, still: Still) -> None:
    """Write a place's files and links to `root`, which does not exist yet.

    Raises:
        ServiceError: The bytes are not those that were saved, or a link leads out of `root`.
        OSError: `root` cannot be written, or the names exclude each other.
    """
    source = _Source(pieces, still)
    files = [entry for entry in place.entries if not entry.link]
    links = [entry for entry in place.entries if entry.link]
    for entry in files:
        target = _below(root, entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for piece in source.take(entry.size):
                file.write(piece)
        target.chmod(PROGRAM_MODE if entry.executable else FILE_MODE)
        os.utime(target, (entry.modified, entry.modified))
    if not source.is_at_end() or source.digest != place.sha256:
        raise ServiceError(f"{place.path} is not as it was saved.")
    # All folders before the first link, so that none is made at the end of one.
    for entry in links:
        _below(root, entry).parent.mkdir(parents=True, exist_ok=True)
    for entry in links:
        _below(root, entry).symlink_to(entry.link)
    # All links before the first look, as one may lead through another.
    for entry in links:
        if not _is_inside(_below(root, entry), root):
            raise ServiceError(f"The link {entry.path} of {place.path} leads out of it.")


def put_in_place(source: Path, target: Path) -> None:
    """Move a file or folder to its place. Files that are there already stay as they are, such as those of the checkout.

    Raises:
        OSError: The place cannot be written.
    """
    if not os.path.lexists(target):
        source.replace(target)
    elif all(path.is_dir() and not path.is_symlink() for path in (source, target)):
        for entry in source.iterdir():
            put_in_place(entry, target / entry.name)


class _Source:
    """Bytes that come in pieces, taken in others."""

    def __init__(self, pieces: Iterator[bytes], still: Still) -> None:
        self._pieces, self._still = pieces, still
        self._digest = hashlib.sha256()
        self._left = memoryview(b"")

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def take(self, count: int) -> Iterator[memoryview]:
        """Yield the next bytes; raise ServiceError if there are less."""
        while count:
            if self.is_at_end():
                raise ServiceError("It ends before its last file.")
            piece, self._left = self._left[:count], self._left[count:]
            count -= len(piece)
            yield piece

    def is_at_end(self) -> bool:
        while not self._left:
            self._still()
            if not (piece := next(self._pieces, b"")):
                return True
            self._digest.update(piece)
            self._left = memoryview(piece)
        return False


def _entry(path: Path, relative: str, root: Path) -> Entry | None:
    """Return a file or a link; None for anything that cannot be kept."""
    try:
        relative.encode()
        status = path.lstat()
        if relative.count("/") >= MOST_FOLDERS_DEEP:
            return None
        if stat.S_ISLNK(status.st_mode):
            is_kept = bool(relative) and path.exists() and _is_inside(path, root)
            link = os.path.relpath(os.path.realpath(path), os.path.realpath(path.parent))
            link.encode()
            return Entry(path=relative, link=link) if is_kept else None
        if not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
            return None
    except (OSError, UnicodeEncodeError):
        return None
    return Entry(
        path=relative,
        size=status.st_size,
        modified=status.st_mtime,
        executable=bool(status.st_mode & stat.S_IXUSR),
    )


def _below(root: Path, entry: Entry) -> Path:
    return root / entry.path if entry.path else root


def _is_inside(path: Path, root: Path) -> bool:
    """Return whether a path, with all links followed, is in a folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
