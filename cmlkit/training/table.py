"""Tables of numbers: read in C, and a large one by a process of its own, beside what this one does meanwhile."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError
from cmlkit.formats import is_number
from cmlkit.process import beside, helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMMAND = helper("cmlkit.training.table")
# A process needs 0.2 s to come up; a table of this size is read in that time.
LARGE_BYTES = 16 * 1024**2


def read_table(file: Path, *, skip: int = 0) -> NDArray[Any]:
    """numpy's reader in C; it takes commas where the first row has any, else white space.

    Raises:
        SettingsError: The file cannot be read, or holds anything but numbers.
    """
    import numpy as np

    delimiter: str | None = None
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            delimiter = "," if "," in lines.readline() else None
        table: NDArray[Any] = np.loadtxt(file, delimiter=delimiter, skiprows=skip, ndmin=1)
    except OSError as error:
        raise SettingsError(f"The table {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(
            f"{file} is not a table of numbers: {_first_fault(file, delimiter, skip) or error}",
            next_step="Encode text as numbers and fill gaps before training.",
        ) from error
    if not np.isfinite(table).all():
        raise SettingsError(f"{file} holds NaN or infinity.", next_step="Fill the gaps before training.")
    return table


def _first_fault(file: Path, delimiter: str | None, skip: int) -> str:
    """What keeps the file from being a table, with its line; empty where only numpy knows."""
    width = 0
    for number, cells in _rows(file, delimiter, skip):
        wrong = next((column for column, cell in enumerate(cells) if not is_number(cell)), None)
        if wrong is not None:
            return f"line {number} has {cells[wrong].strip()!r} in column {wrong + 1}."
        width = width or len(cells)
        if len(cells) != width:
            return f"line {number} has {len(cells)} columns, and the lines before it {width}."
    return ""


def _rows(file: Path, delimiter: str | None, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of what numpy takes for a row: neither header nor comment nor blank."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.partition("#")[0].strip()
            if number > skip and content:
                yield number, content.split(delimiter)


class Ahead:
    """Begins to read a large table at the start of its `with` block; nothing where the table is small.

    Args:
        file: The table that will be asked for.
        skip: Lines of its header.
    """

    def __init__(self, file: Path, *, skip: int = 0) -> None:
        self.file = file
        self.skip = skip
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Ahead:
        if self.file.is_file() and self.file.stat().st_size > LARGE_BYTES:
            self._process = beside((*COMMAND, str(self.file), str(self.skip)), answers=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def table(self) -> NDArray[Any]:
        """The table, as `read_table` gives it and with its errors."""
        found = self._answer()
        # Whatever kept the process from it happens here again, where it can be told, or does not happen at all.
        return read_table(self.file, skip=self.skip) if found is None else found

    def _answer(self) -> NDArray[Any] | None:
        if self._process is None or self._process.stdout is None:
            return None
        try:
            table: NDArray[Any] = pickle.load(self._process.stdout)  # noqa: S301 - our own process writes it
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        return table


def main() -> None:
    """Read the table that the arguments name, and hand it to the process that started this one."""
    file, skip = sys.argv[1:]
    pickle.dump(read_table(Path(file), skip=int(skip)), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
