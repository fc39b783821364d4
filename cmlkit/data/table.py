"""Tables: files of a folder that have the same columns are partitions of one, whose columns have profiles."""

from __future__ import annotations

import math
import random
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cmlkit.data import parquet_file
from cmlkit.data.array_file import read_array_file
from cmlkit.data.data_file import ARRAYS, TEXTS, DataFile, small_content
from cmlkit.data.profile import LEAST_VALUES, profile
from cmlkit.data.table_head import Head

# Of a table with more rows, so many random ones are profiled, and only its first columns.
SAMPLED_ROWS = 5_000
PROFILED_COLUMNS = 200
# Of a folder with more tables, those with the first names are profiled.
PROFILED_TABLES = 200
# Spellings of a missing number, besides an empty cell and NaN.
_MISSING = frozenset({"na", "n/a", "null", "none"})

_Column = tuple[str, list[float] | list[str]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Files with the same columns.

    Attributes:
        name: The file's name; of several, the pattern that fits all: `part-*.csv`.
    """

    name: str
    files: tuple[DataFile, ...]
    head: Head

    @property
    def rows(self) -> int:
        return sum(file.rows or 0 for file in self.files)

    def profiles(self) -> dict[str, str]:
        """Return column -> profile, for those that have one; from a sample that is random, but always the same."""
        if self.rows < LEAST_VALUES:
            return {}
        columns = _READERS[self.files[0].suffix](self)
        found = {name: profile(values) for name, values in columns}
        return {name: line for name, line in found.items() if line}


def profiles_of(files: Iterable[DataFile]) -> dict[str, str]:
    """Return table and column -> profile, for the tables among the files of a folder."""
    found = (
        (f"{table.name}: {column}", line)
        for table in islice(tables(files), PROFILED_TABLES)
        for column, line in table.profiles().items()
    )
    return dict(islice(found, PROFILED_COLUMNS))


def tables(files: Iterable[DataFile]) -> Iterator[Table]:
    """Yield the tables among the files, in the order of their first files.

    Files whose columns have the same names are one table. Without names, their names must differ in digits only, too:
    features and labels may have as many columns.
    """
    together: dict[object, list[DataFile]] = {}
    for file in files:
        if file.head is not None and file.suffix in _READERS:
            apart = "" if file.head.has_names else _pattern(file.path)
            together.setdefault((file.suffix, file.head, apart), []).append(file)
    names: set[str] = set()
    for found in together.values():
        name = _name(found)
        if name in names:
            name = f"{found[0].path} and {len(found) - 1} more"
        names.add(name)
        if found[0].head is not None:
            yield Table(name=name, files=tuple(found), head=found[0].head)


def _name(files: Sequence[DataFile]) -> str:
    if len(files) == 1:
        return files[0].path
    patterns = {_pattern(file.path) for file in files}
    return patterns.pop() if len(patterns) == 1 else f"*{files[0].suffix}"


def _pattern(path: str) -> str:
    return re.sub(r"\d+", "*", path)


def _of_texts(table: Table) -> Iterator[_Column]:
    names = table.head.names
    rows = [table.head.cells(line) for file, chosen in _drawn(table) for line in _lines(file, chosen)]
    columns = zip(*(row for row in rows if len(row) == len(names)), strict=True)
    return ((name, _values(cells)) for name, cells in zip(names[:PROFILED_COLUMNS], columns, strict=False))


def _of_arrays(table: Table) -> Iterator[_Column]:
    rows: list[list[float]] = []
    for file, chosen in _drawn(table):
        if array := read_array_file(Path(file.file)):
            rows += array.rows_at(chosen)
    columns = islice(zip(*rows, strict=True), PROFILED_COLUMNS)
    return ((str(number), list(filter(math.isfinite, values))) for number, values in enumerate(columns, start=1))


def _of_parquet(table: Table) -> Iterator[_Column]:
    names = table.head.names[:PROFILED_COLUMNS]
    values = parquet_file.sampled([file.file for file in table.files], names, SAMPLED_ROWS)
    return ((name, _typed(column)) for name, column in values.items())


_READERS: Mapping[str, Callable[[Table], Iterator[_Column]]] = {
    **dict.fromkeys(TEXTS, _of_texts),
    **dict.fromkeys(ARRAYS, _of_arrays),
    **dict.fromkeys(parquet_file.SUFFIXES, _of_parquet),
}


def _drawn(table: Table) -> Iterator[tuple[DataFile, list[int]]]:
    """Yield each file from which rows are drawn, with their numbers; every row of the table is as likely."""
    source = random.Random(table.rows)  # noqa: S311 - the same files give the same profile
    numbers = range(table.rows)
    drawn = sorted(source.sample(numbers, SAMPLED_ROWS)) if len(numbers) > SAMPLED_ROWS else numbers
    passed = first = 0
    for file in table.files:
        last = bisect_left(drawn, passed + (file.rows or 0), lo=first)
        if last > first:
            yield file, [number - passed for number in drawn[first:last]]
        passed, first = passed + (file.rows or 0), last


def _lines(file: DataFile, rows: Sequence[int]) -> list[str]:
    """Return rows of a text; of a large one, as many from random places. Blank ones are left out."""
    has_names = bool(file.head and file.head.has_names)
    content = small_content(file.file) if file.content is None else file.content
    if content is None:
        lines = list(_random_lines(file, len(rows)))
    else:
        there = content.split(b"\n")[has_names:]
        lines = [there[row] for row in rows if row < len(there)]  # it may have changed since
    return [line.decode("utf-8", errors="replace") for line in lines if line.strip()]


def _random_lines(file: DataFile, count: int) -> Iterator[bytes]:
    source = random.Random(file.size)  # noqa: S311 - as above
    with Path(file.file).open("rb") as content:
        for _ in range(count):
            content.seek(source.randrange(file.size))
            content.readline()
            yield content.readline()


def _values(cells: Sequence[str]) -> list[float] | list[str]:
    """Return the column's finite numbers, or its texts if it contains anything but numbers and gaps."""
    try:
        return list(filter(math.isfinite, map(float, cells)))  # most columns are that plain
    except ValueError:
        pass
    texts = [text for cell in cells if (text := cell.strip(' "'))]
    try:
        return [value for text in texts if text.lower() not in _MISSING and math.isfinite(value := float(text))]
    except ValueError:
        return texts


def _typed(values: Sequence[Any]) -> list[float] | list[str]:
    """Return a typed column's finite numbers or its texts; empty if it has other values, such as dates."""
    if all(isinstance(value, int | float) for value in values):
        return [float(value) for value in values if math.isfinite(value)]
    return list(values) if all(isinstance(value, str) for value in values) else []
