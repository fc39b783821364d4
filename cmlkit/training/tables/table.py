"""Tables of numbers, read by NumPy's reader in C."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.bounds.files import open_regular
from cmlkit.errors import SettingsError
from cmlkit.formats import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


PROBED_LINES = 50


def read_table(file: Path, skip: int = 0) -> NDArray[Any]:
    """Read a table of numbers, separated by commas if the first line has any, else by white space.

    Raises:
        SettingsError: The file cannot be read, or contains anything but numbers.
    """
    import numpy as np

    delimiter: str | None = None
    try:
        with open_regular(file) as lines:
            delimiter = "," if b"," in lines.readline() else None
        table: NDArray[Any] = np.loadtxt(file, delimiter=delimiter, skiprows=skip, ndmin=1)
    except OSError as error:
        raise SettingsError(f"The table {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(
            f"{file} is not a table of numbers: {_first_fault(file, delimiter, skip) or error}",
            next_step="Encode text as numbers and fill gaps before training.",
        ) from error
    if not np.isfinite(table).all():
        raise SettingsError(f"{file} contains NaN or infinity.", next_step="Fill the gaps before training.")
    return table


def looks_plain(file: Path, skip: int = 0) -> bool:
    """Return whether the first rows, behind `skip` lines, are numbers, so that `read_table` may take the rest, too."""
    delimiter = "," if skip or "," in _first_line(file) else None
    rows = [cells for _, cells in islice(_rows(file, delimiter, skip), PROBED_LINES)]
    return bool(rows) and all(len(row) == len(rows[0]) and all(map(is_number, row)) for row in rows)


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline()


def _first_fault(file: Path, delimiter: str | None, skip: int) -> str:
    """Return the first fault in the file, with its line; empty if only NumPy can tell."""
    width = 0
    for number, cells in _rows(file, delimiter, skip):
        wrong = next((column for column, cell in enumerate(cells) if not is_number(cell)), None)
        if wrong is not None:
            return f"line {number} has {cells[wrong].strip()!r} in column {wrong + 1}."
        width = width or len(cells)
        if len(cells) != width:
            return f"line {number} has {len(cells)} columns, but the lines before it have {width}."
    return ""


def _rows(file: Path, delimiter: str | None, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each row as NumPy sees it, without header, comments and blank lines."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.partition("#")[0].strip()
            if number > skip and content:
                yield number, content.split(delimiter)
