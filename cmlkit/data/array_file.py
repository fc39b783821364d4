"""NumPy's `.npy` files, read without NumPy: the shape, and the values of some rows.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from cmlkit.bounds.files import open_regular

MAGIC = b"\x93NUMPY"
HEADER_LIMIT_BYTES = 1024 * 1024
# NumPy's type codes -> those of the module array.
_CODES = {
    "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "b1": "B",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ArrayFile:
    """The header of a `.npy` file.

    Attributes:
        dtype: NumPy's code with its byte order, such as `<f8`.
        by_columns: Whether the values are stored column by column instead of row by row.
        offset: Offset of the first value, in bytes.
    """

    file: Path
    shape: tuple[int, ...]
    dtype: str
    by_columns: bool
    offset: int

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 1

    def rows_at(self, numbers: Iterable[int]) -> list[list[float]]:
        """Return the values of some rows; empty if the array is not a table of numbers."""
        code = _CODES.get(self.dtype[1:])
        native = self.dtype[:1] in ("|", "<" if sys.byteorder == "little" else ">")
        if code is None or not native or len(self.shape) not in (1, 2) or (self.by_columns and len(self.shape) > 1):
            return []
        return list(self._rows(code, numbers))

    def _rows(self, code: str, numbers: Iterable[int]) -> Iterator[list[float]]:
        width = self.shape[1] if len(self.shape) == 2 else 1
        length = width * array(code).itemsize
        with self.file.open("rb") as content:
            for row in numbers:
                content.seek(self.offset + row * length)
                values = array(code)
                values.frombytes(content.read(length))
                if len(values) == width:
                    yield [float(value) for value in values]


def read_array_file(file: Path) -> ArrayFile | None:
    """Read the header; return None if the file is not a `.npy` file that can be read."""
    with open_regular(file) as content:
        return array_in(content, file)


def array_in(content: IO[bytes], file: Path) -> ArrayFile | None:
    """Read the header of an open file; the values are read from `file`."""
    if content.read(len(MAGIC)) != MAGIC:
        return None
    major, _ = content.read(2) or (0, 0)
    length = int.from_bytes(content.read(2 if major == 1 else 4), "little")
    header = content.read(min(length, HEADER_LIMIT_BYTES))
    try:
        shape, dtype, by_columns = _described(header)
    except (ValueError, SyntaxError, KeyError, TypeError):
        return None
    return ArrayFile(file=file, shape=shape, dtype=dtype, by_columns=by_columns, offset=content.tell())


# Arrays of one shape have one header.
@lru_cache(maxsize=256)
def _described(header: bytes) -> tuple[tuple[int, ...], str, bool]:
    found = ast.literal_eval(header.decode("latin-1"))
    return tuple(int(size) for size in found["shape"]), str(found["descr"]), bool(found["fortran_order"])
