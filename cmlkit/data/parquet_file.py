"""Parquet files: rows, columns and sampled values, if pyarrow is installed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, TypeVar

from cmlkit.data.table_head import Head

T = TypeVar("T")

SUFFIXES = (".parquet", ".pq", ".parq")
# Values come in groups of rows that are read whole: at most this many for a table, of at most so many bytes.
GROUPS, GROUPS_BYTES = 50, 64 * 1024 * 1024


@lru_cache(maxsize=1)
def _pyarrow() -> Any:
    """Return pyarrow with its reader of Parquet; None if it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        return None
    return pyarrow


def shape(source: Any) -> tuple[int | None, Head | None]:
    """Return rows and columns of a path or an open file; None without pyarrow, or if the file is damaged."""
    pyarrow = _pyarrow()
    if pyarrow is None:
        return None, None
    try:
        metadata = pyarrow.parquet.read_metadata(source)
        return metadata.num_rows, Head(names=tuple(metadata.schema.to_arrow_schema().names), has_names=True)
    except (pyarrow.ArrowException, OSError):
        return None, None


def sampled(files: Sequence[str], names: Sequence[str], count: int) -> dict[str, list[Any]]:
    """Return about `count` values of each column, gaps left out, from random groups of rows of all files.

    The sample is random, but the same in every call. It is empty if a file turns out to be damaged.
    """
    pyarrow, source = _pyarrow(), random.Random(len(files))  # noqa: S311 - no secret
    try:
        opened = [pyarrow.parquet.ParquetFile(file) for file in _some(files, source)]
        groups = [(file, number) for file in opened for number in range(file.num_row_groups)]
        return _values(_affordable(_some(groups, source)), names, count, source)
    except (pyarrow.ArrowException, OSError):
        return {}


def _some(items: Sequence[T], source: random.Random) -> list[T]:
    return [items[index] for index in sorted(source.sample(range(len(items)), min(len(items), GROUPS)))]


def _affordable(groups: Sequence[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Return as many groups as may be read, and at least one."""
    sizes = [file.metadata.row_group(number).total_byte_size for file, number in groups]
    return [group for group, read in zip(groups, accumulate(sizes), strict=True) if read <= max(GROUPS_BYTES, sizes[0])]


def _values(
    groups: Sequence[tuple[Any, int]], names: Sequence[str], count: int, source: random.Random
) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {name: [] for name in names}
    taken = 0
    for left, (file, number) in zip(range(len(groups), 0, -1), groups, strict=True):
        table = file.read_row_group(number, columns=list(names))
        rows = sorted(source.sample(range(table.num_rows), min(table.num_rows, -(-(count - taken) // left))))
        taken += len(rows)
        for name, column in zip(table.column_names, table.take(rows).columns, strict=True):
            values[name] += [value for value in column.to_pylist() if value is not None]
    return values
