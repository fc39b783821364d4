"""The dataset of estimator mode: what to fit and what to test with."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.settings.schema import TrainSpec
from cmlkit.training.tables.table import looks_plain, read_table
from cmlkit.training.worker import Worker

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The worker takes 0.2 s to start; a table of this size is read in that time.
LARGE_BYTES = 16 * 1024**2
PARTS = ("train_features", "train_labels", "test_features", "test_labels")

Warn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Features of shape (samples, features), labels of shape (samples,).

    Features are an array if all are numbers without gaps, else a DataFrame. An array to train on is stored column by
    column, the order in which trees read it: a forest fits 5 % faster.

    Attributes:
        columns: Feature -> type, in order; empty if the files do not name them.
        formats: Date column -> its format, for `pandas.to_datetime`.
        target: The name of the labels; empty if they have none.
        groups: For each row to train on, the group that it belongs to; None if the split is by no groups.
        in_time: Whether the rows to train on are in the order of time.
        is_ready: Whether the estimator takes the features as they are, even if they are a DataFrame.
    """

    train_features: Any
    train_labels: NDArray[Any]
    test_features: Any
    test_labels: NDArray[Any]
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    formats: Mapping[str, str] = dataclasses.field(default_factory=dict)
    target: str = ""
    groups: NDArray[Any] | None = None
    in_time: bool = False
    is_ready: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the features need no preparation, as an array needs none."""
        return self.is_ready or not hasattr(self.train_features, "iloc")


@dataclass(frozen=True, kw_only=True)
class LargestTable:
    """The table that takes longest to read; `read` returns it and raises the errors of `read_table`."""

    file: Path
    read: Callable[[], NDArray[Any]]


def largest_table(spec: TrainSpec, directory: Path, worker: Worker) -> LargestTable:
    """Return the largest table of numbers; above `LARGE_BYTES` the worker begins to read it."""
    source = directory.joinpath(*spec.data[:1])
    file, skip = (source, 1) if spec.target else (source / f"{PARTS[0]}.csv", 0)
    if file.is_file() and file.stat().st_size > LARGE_BYTES and looks_plain(file, skip):
        return LargestTable(file=file, read=worker.begin(read_table, file, skip))
    return LargestTable(file=file, read=functools.partial(read_table, file, skip))
