"""The dialect of a text table: its encoding, its separator, and how it writes decimal numbers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DECIMALS = {"": "", "point": ".", "comma": ","}
"""Value of the setting `train.decimal` -> the sign; empty if the values tell."""
HEAD_BYTES = 256 * 1024
_LINES = 500
_SEPARATORS = (",", ";", "\t", "|")
_BLANKS = r"\s+"
_HINT = re.compile(r"sep=(.)\s*\Z")  # the first line that Excel reads and writes
_COMMA_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A dialect, in the terms of `pandas.read_csv`.

    Attributes:
        separator: One character, or a regular expression for blanks.
        decimal: `.` or `,`.
        skipped: Lines before the header.
    """

    encoding: str
    separator: str
    decimal: str = "."
    skipped: int = 0


def dialect_of(head: bytes, *, decimal: str = "") -> Dialect:
    """Tell the dialect from the first bytes of a table.

    Args:
        decimal: `.` or `,` if known, else empty.
    """
    encoding = _encoding(head)
    lines = [line for line in head.decode(encoding, errors="replace").splitlines() if line.strip()]
    hint = _HINT.match(lines[0]) if lines else None
    # The last line may be cut off.
    lines = lines[bool(hint) : _LINES] if len(head) < HEAD_BYTES else lines[bool(hint) : _LINES][:-1] or lines
    separator = hint[1] if hint else _separator(lines)
    return Dialect(
        encoding=encoding,
        separator=separator,
        decimal=decimal or _decimal(_rows(lines[1:], separator), separator),
        skipped=int(bool(hint)),
    )


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of one line, without quotes and blanks around them."""
    return _rows([line], separator)[0]


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    try:
        # A character may be cut off at the end.
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252" if not set(head) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1"
    return "utf-8"


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that gives all lines the same number of cells, the largest if several do."""
    counts = {separator: [len(row) for row in _rows(lines, separator)] for separator in _SEPARATORS}
    fitting = [separator for separator, found in counts.items() if found and found[0] > 1 and len(set(found)) == 1]
    if fitting:
        return max(fitting, key=lambda separator: counts[separator][0])
    in_header = max(_SEPARATORS, key=lambda separator: counts[separator][0] if counts[separator] else 0)
    if counts[in_header] and counts[in_header][0] > 1:
        return in_header
    widths = {len(line.split()) for line in lines}
    return _BLANKS if len(widths) == 1 and widths != {1} else ","


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == _BLANKS:
        return [line.split() for line in lines]
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error:
        return [line.split(separator) for line in lines]


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    """Return `,` if a column has decimal commas in all cells with a comma, as only quotes allow in a `,` table."""
    columns = zip(*(row for row in rows if len(row) == len(rows[0])), strict=True) if rows else ()
    return "," if any(has_decimal_commas(column) for column in columns) else "."


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Return whether the cells with commas are numbers, and one tells that the comma is no thousands separator."""
    found = [cell for cell in cells if "," in cell]
    # `1,234` may be a thousand, `1,5` and `0,123` are none.
    return all(map(_COMMA_NUMBER.fullmatch, found)) and any(
        len(cell.rpartition(",")[2]) != 3 or cell.lstrip("+-").startswith("0,") for cell in found
    )
