"""Data files: the hash of each and, if it is a table, its rows and columns; many files at once, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

from cmlkit.bounds.files import check_regular
from cmlkit.data import parquet_file
from cmlkit.data.array_file import array_in
from cmlkit.data.table_head import Head, numbered, text_head
from cmlkit.errors import SettingsError

# A file up to this size is read at once, so that hash, rows and columns cost one reading.
WHOLE_BYTES = 4 * 1024 * 1024
BLOCK_BYTES = 256 * 1024
# Of so many tables, the small ones stay in memory, so that a sample of their rows costs no second reading.
KEPT_FILES, KEPT_BYTES = 2_000, 16 * 1024
# Files that a thread takes at a time: a turn costs as much as several small files.
FILES_AT_A_TIME = 100
# From this size on, counting lines by NumPy saves more time than importing it takes.
NUMPY_BYTES = 256 * 1024 * 1024
_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
TEXTS, ARRAYS = (".csv", ".tsv", ".txt"), (".npy",)


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file.

    Attributes:
        path: As messages and hashes of folders name it.
        file: The file itself.
        size: Bytes.
        rows: Rows of a table or an array without its header; None for other formats.
        head: Columns of a table or an array; None for other formats.
        content: The bytes of a small table that is one of few; None if a sample of its rows is read from the file.
    """

    path: str
    file: str
    sha256: str
    size: int
    rows: int | None = None
    head: Head | None = None
    content: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def suffix(self) -> str:
        return _suffix(self.path)

    @property
    def columns(self) -> int | None:
        return len(self.head.names) or None if self.head else None


def read_files(places: Iterable[tuple[str, str]]) -> list[DataFile]:
    """Return the files in the order of their path and place.

    Raises:
        SettingsError: A file cannot be read.
    """
    waiting = list(places)
    read = partial(_read_chunk, kept_bytes=KEPT_BYTES if len(waiting) <= KEPT_FILES else 0)
    with ThreadPoolExecutor(max_workers=cores()) as pool:
        chunks = [waiting[start : start + FILES_AT_A_TIME] for start in range(0, len(waiting), FILES_AT_A_TIME)]
        small = [file for chunk in pool.map(read, chunks) for file in chunk]
        large = [_begin(pool, *place) for place, file in zip(waiting, small, strict=True) if file is None]
        rest = iter([end() for end in large])
    return [file or next(rest) for file in small]


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_chunk(places: Sequence[tuple[str, str]], *, kept_bytes: int) -> list[DataFile | None]:
    return [_read(path, file, kept_bytes) for path, file in places]


def _read(path: str, file: str, kept_bytes: int) -> DataFile | None:
    """Return a file; None if it is too large to be read at once."""
    try:
        content = small_content(file)
    except OSError as error:
        raise _unreadable(path, error) from error
    if content is None:
        return None
    rows, head = _table_in(content, _suffix(path))
    return DataFile(
        path=path,
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        rows=rows,
        head=head,
        content=content if head and len(content) <= kept_bytes else None,
    )


def small_content(file: str) -> bytes | None:
    """Return the content; None if the file is too large to be read at once. Raise OSError if it cannot be read."""
    # A file object costs more than opening, reading and closing together.
    descriptor = os.open(file, _OPEN)
    try:
        status = os.fstat(descriptor)
        check_regular(status, file)
        size = status.st_size
        if size > WHOLE_BYTES:
            return None
        content = os.read(descriptor, size + 1)
        while block := os.read(descriptor, BLOCK_BYTES):
            content += block
        return content
    finally:
        os.close(descriptor)


def _table_in(content: bytes, suffix: str) -> tuple[int | None, Head | None]:
    if suffix in TEXTS:
        head = text_head(content[: content.find(b"\n") + 1] or content)
        return content.count(b"\n") + (content[-1:] not in (b"\n", b"")) - head.has_names, head
    if suffix in ARRAYS:
        return _array(BytesIO(content))
    return parquet_file.shape(BytesIO(content)) if suffix in parquet_file.SUFFIXES else (None, None)


def _array(content: IO[bytes]) -> tuple[int | None, Head | None]:
    array = array_in(content, Path())
    if array is None:
        return None, None
    return array.rows, Head(names=numbered(array.shape[1] if len(array.shape) == 2 else 0), has_names=False)


def _begin(pool: ThreadPoolExecutor, path: str, file: str) -> Callable[[], DataFile]:
    """Begin to read a large file, its hash beside the rest; return a function that waits for both."""
    hashed = pool.submit(_hash, file)
    shape = pool.submit(_shape, file, _suffix(path))

    def end() -> DataFile:
        try:
            (sha256, size), (rows, head) = hashed.result(), shape.result()
            return DataFile(path=path, file=file, sha256=sha256, size=size, rows=rows, head=head)
        except OSError as error:
            raise _unreadable(path, error) from error

    return end


def _hash(file: str) -> tuple[str, int]:
    """Return hash and size."""
    with open(file, "rb", buffering=0) as content:  # noqa: PTH123 - a path costs more than it saves here
        return hashlib.file_digest(content, "sha256").hexdigest(), content.tell()


def _shape(file: str, suffix: str) -> tuple[int | None, Head | None]:
    if suffix in TEXTS:
        with Path(file).open("rb") as content:
            head = text_head(content.readline())
        return _lines(file) - head.has_names, head
    if suffix in ARRAYS:
        with Path(file).open("rb") as content:
            return _array(content)
    return parquet_file.shape(file) if suffix in parquet_file.SUFFIXES else (None, None)


def _lines(file: str) -> int:
    """Return the number of lines; the last one may lack its end."""
    count = _counter(Path(file).stat().st_size)
    lines, last = 0, b"\n"
    for block in _blocks(file):
        lines += count(block)
        last = block[-1:]
    return lines + (last != b"\n")


def _blocks(file: str) -> Iterator[bytes]:
    with Path(file).open("rb", buffering=0) as content:
        while block := content.read(BLOCK_BYTES):
            yield block


def _counter(size: int) -> Callable[[bytes], int]:
    """Return a function that counts line ends: NumPy's, which lets other threads run, if it is worth its import."""
    if size >= NUMPY_BYTES:
        try:
            import numpy as np
        except ImportError:
            pass
        else:
            return lambda block: int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")))
    return lambda block: block.count(b"\n")


def _suffix(path: str) -> str:
    # Paths of pathlib would cost as much as the hash of a small file.
    name = path[path.rfind("/") + 1 :]
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _unreadable(path: str, error: OSError) -> SettingsError:
    return SettingsError(f"The data file {path} cannot be read: {error.strerror}.")
