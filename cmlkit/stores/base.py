"""What publishing needs of a store: whether it takes a model, what goes into the commit for it, and its bytes again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from cmlkit.errors import ModelError
from cmlkit.formats import size as shown_size
from cmlkit.progress import Say
from cmlkit.stores.pointer import Pointer

CHUNK_BYTES = 1024**2
PAUSES_SECONDS = (1.0, 4.0, 15.0)  # between tries that brought nothing

ReadTree = Callable[[str], bytes | None]
"""Gives a file of the repository by its path; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model that is to be stored.

    Attributes:
        path: In the repository.
        file: Where its bytes are.
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
    """What the commit holds for a model.

    Attributes:
        files: Repository path -> bytes: the model itself, or what stands for it.
        removes: Paths that must not be in the commit beside them, such as what another store left there.
    """

    files: Mapping[str, bytes]
    removes: tuple[str, ...] = ()


class Source(Protocol):
    """Where the bytes come from again."""

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        """The model's bytes from `offset` on; from the start, after an empty piece, where the source cannot do so.

        Raises:
            NotFound: They are not there.
            PermissionDenied, ServiceError: The source refused something; AnswerLost where it is worth another try.
        """


class Store(Protocol):
    """Where model bytes go."""

    def check(self, path: str, *, size: int) -> str:
        """A warning about a model of `size` bytes at the repository path `path`; empty where there is none.

        Called before anything is written.

        Raises:
            ModelError: The store cannot take it; the message names a way out.
        """

    def paths(self, path: str) -> tuple[str, ...]:
        """Repository paths that tell whether a commit has a model at `path`, and how."""

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        """Whether a commit has this model by way of this store already.

        Args:
            there: Repository path -> blob id of what the commit has of `paths`.
            read: Reads files of the commit.
        """

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        """Store the bytes. Done again, it finds them there and answers the same.

        Args:
            there: Repository path -> blob id of what the base commit has of `paths`.
            read: Reads files of the commit that the model is put on top of.
            say: Told how far it is.

        Raises:
            ModelError: The file has changed since it was hashed.
            PermissionDenied, NotFound, ServiceError: The store refused something.
        """


def hashed(file: Path) -> tuple[str, int]:
    """SHA-256 in hexadecimal and size of a file, which is read in pieces. OSError where it cannot be read."""
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        return sha256, content.tell()


def pieces(file: Path, offset: int = 0) -> Iterator[bytes]:
    """The file's bytes from `offset` on, `CHUNK_BYTES` at a time."""
    with file.open("rb") as content:
        content.seek(offset)
        while piece := content.read(CHUNK_BYTES):
            yield piece


def changed(model: ModelFile) -> ModelError:
    """The error for a file that is no longer what was hashed."""
    return ModelError(f"{model.path} has changed while it was published.", next_step="Run cmlkit train again.")


def share(done: int, size: int) -> str:
    """`12 MiB of 90 MiB, 13 %`."""
    return f"{shown_size(done)} of {shown_size(size)}, {100 * done // max(size, 1)} %"


def with_line(content: bytes, line: str) -> bytes:
    """A text file with one line more at its end."""
    before = content if not content or content.endswith(b"\n") else content + b"\n"
    return before + line.encode() + b"\n"
