"""Heads of tables: the names of the columns, as the first line of a text, or an array's shape, tells them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache

SEPARATORS = (",", "\t", ";")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The columns of a table.

    Attributes:
        names: Names in the file; numbers from 1 if it has none.
        has_names: Whether the file has them, and so does not begin with values.
        separator: Separator of cells in a text; empty for blanks.
    """

    names: tuple[str, ...]
    has_names: bool
    separator: str = ""

    def cells(self, line: str) -> list[str]:
        """Split a line as the first one is split."""
        if not self.separator:
            return line.split()
        if '"' in line:
            return next(csv.reader([line.strip()], delimiter=self.separator), [])
        return line.strip().split(self.separator)


# Partitions of one table repeat their first line.
@lru_cache(maxsize=1024)
def text_head(line: bytes) -> Head:
    """Return the head that a text's first line is or, if all its cells are numbers, shows the number of columns of."""
    text = line.decode("utf-8-sig", errors="replace")
    separator = next((separator for separator in SEPARATORS if separator in text), "")
    cells = Head(names=(), has_names=False, separator=separator).cells(text)
    if all(map(_is_number, cells)):
        return Head(names=numbered(len(cells)), has_names=False, separator=separator)
    return Head(names=tuple(cell.strip(' "') for cell in cells), has_names=True, separator=separator)


def numbered(count: int) -> tuple[str, ...]:
    """Return names for columns without any: 1, 2, …"""
    return tuple(map(str, range(1, count + 1)))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
