"""NumPy's `.npy` files, read without NumPy: the shape, and the values of some rows.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import math
import random
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def columns(self, *, at_most_rows: int) -> list[list[float]]:
        """Return the finite values of each column, from a sample of rows; empty if the array is not a table of numbers.

        The sample is random, but the same in every call.
        """
        code = _CODES.get(self.dtype[1:])
        native = self.dtype[:1] in ("|", "<" if sys.byteorder == "little" else ">")
        if code is None or not native or len(self.shape) not in (1, 2) or (self.by_columns and len(self.shape) > 1):
            return []
        rows = list(self._rows(code, at_most_rows))
        return [[value for value in column if math.isfinite(value)] for column in zip(*rows, strict=True)]

    def _rows(self, code: str, count: int) -> Iterator[list[float]]:
        width = self.shape[1] if len(self.shape) == 2 else 1
        length = width * array(code).itemsize
        chosen = range(self.rows)
        drawn = sorted(random.Random(0).sample(chosen, count)) if self.rows > count else chosen  # noqa: S311 - no secret
        with self.file.open("rb") as content:
            for row in drawn:
                content.seek(self.offset + row * length)
                values = array(code)
                values.frombytes(content.read(length))
                if len(values) == width:
                    yield [float(value) for value in values]


def read_array_file(file: Path) -> ArrayFile | None:
    """Read the header; return None if the file is not a `.npy` file that can be read."""
    with file.open("rb") as content:
        if content.read(len(MAGIC)) != MAGIC:
            return None
        major, _ = content.read(2) or (0, 0)
        length = int.from_bytes(content.read(2 if major == 1 else 4), "little")
        header = content.read(min(length, HEADER_LIMIT_BYTES))
        offset = content.tell()
    try:
        found = ast.literal_eval(header.decode("latin-1"))
        shape = tuple(int(size) for size in found["shape"])
        return ArrayFile(
            file=file,
            shape=shape,
            dtype=str(found["descr"]),
            by_columns=bool(found["fortran_order"]),
            offset=offset,
        )
    except (ValueError, SyntaxError, KeyError, TypeError):
        return None
