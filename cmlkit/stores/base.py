"""The protocol of stores: check a model, store its bytes, say what to commit for it, and read it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from cmlkit.bounds.files import open_regular
from cmlkit.errors import ModelError
from cmlkit.formats import size as shown_size
from cmlkit.progress import Say
from cmlkit.stores.pointer import Pointer

CHUNK_BYTES = 1024**2
PAUSES_SECONDS = (1.0, 4.0, 15.0)  # between tries without progress

ReadTree = Callable[[str], bytes | None]
"""Returns a file of the repository by its path; None if it is missing."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model to store.

    Attributes:
        path: Path in the repository.
        file: The file with its bytes; a folder only for a store that takes folders.
        sha256: Hash of the bytes, in hexadecimal; `size` is their number.
    """

    path: str
    file: Path
    sha256: str
    size: int

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The files of the commit for a model.

    Attributes:
        files: Repository path -> bytes: the model itself, or a pointer to it.
        removes: Paths that must not be in the commit too, such as files that another store left there.
    """

    files: Mapping[str, bytes]
    removes: tuple[str, ...] = ()


class Source(Protocol):
    """A place to read models from."""

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        """Yield the model's bytes from `offset` on; if the source ignores the offset, an empty piece, then all bytes.

        Raises:
            NotFound: The bytes are missing.
            PermissionDenied, ServiceError: The source refused something; AnswerLost if another try may help.
        """


class Store(Protocol):
    """A place to keep models in."""

    def check(self, path: str, *, size: int) -> str:
        """Return a warning about a model of `size` bytes at the repository path `path`, or "".

        Called before anything is written.

        Raises:
            ModelError: The store cannot take it; the message names a way out.
        """

    def paths(self, path: str) -> tuple[str, ...]:
        """Return the repository paths that tell whether a commit has a model at `path`, and in which store."""

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        """Return whether a commit has this model in this store already.

        Args:
            there: Repository path -> blob id, for those of `paths` that the commit has.
            read: Reads files of the commit.
        """

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        """Store the bytes. A repeated call finds them there and returns the same.

        Args:
            there: Repository path -> blob id, for those of `paths` that the base commit has.
            read: Reads files of the base commit.
            say: Called with the progress.

        Raises:
            ModelError: The file has changed since it was hashed.
            PermissionDenied, NotFound, ServiceError: The store refused something.
        """


def takes_folders(store: Store) -> bool:
    """Return whether the store takes a folder as one model, as its attribute `takes_folders` says; else its files."""
    return bool(getattr(store, "takes_folders", False))


def hashed(file: Path) -> tuple[str, int]:
    """Return SHA-256 in hexadecimal and size of a file, read in pieces. Raise OSError if it cannot be read."""
    with open_regular(file) as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        return sha256, content.tell()


def pieces(file: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield the file's bytes from `offset` on, `CHUNK_BYTES` at a time."""
    with open_regular(file) as content:
        content.seek(offset)
        while piece := content.read(CHUNK_BYTES):
            yield piece


def changed(model: ModelFile) -> ModelError:
    """Return the error for a file that has changed since it was hashed."""
    return ModelError(f"{model.path} changed while it was being published.", next_step="Run cmlkit train again.")


def share(done: int, size: int) -> str:
    """Return progress such as `12 MiB of 90 MiB, 13 %`."""
    return f"{shown_size(done)} of {shown_size(size)}, {100 * done // max(size, 1)} %"


def with_line(content: bytes, line: str) -> bytes:
    """Return a text file with one more line at its end."""
    before = content if not content or content.endswith(b"\n") else content + b"\n"
    return before + line.encode() + b"\n"
