"""Four files in a folder: features and labels to train on, and to test with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError
from cmlkit.formats import is_number
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.tables.column_types import typed
from cmlkit.training.tables.columns import index_left_out, unnamed_index
from cmlkit.training.tables.dataset import PARTS, Dataset, LargestTable, Warn
from cmlkit.training.tables.dialect import DECIMALS
from cmlkit.training.tables.frame import PACKED_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES, header_of, joined, read_frame
from cmlkit.training.tables.labels import labels_of
from cmlkit.training.tables.table import looks_plain, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

_SUFFIXES = (
    ".npy",
    *TEXT_SUFFIXES,
    *PARQUET_SUFFIXES,
    *(f"{suffix}{packed}" for suffix in TEXT_SUFFIXES for packed in PACKED_SUFFIXES),
)
_Files = Mapping[str, Path]
_Plain = Mapping[str, "NDArray[Any] | None"]


def read_parts(spec: TrainSpec, directory: Path, *, largest: LargestTable, classifies: bool, warn: Warn) -> Dataset:
    """Return the data of the four files in the folder that the spec names.

    Args:
        largest: From `largest_table`.
        classifies: Whether labels are classes.
        warn: Called with what is doubtful in the data.

    Raises:
        SettingsError: A file is missing or is no table, or the parts do not fit together.
    """
    import numpy as np

    folder = directory / spec.data[0]
    files = {part: _part_file(folder, part) for part in PARTS}
    # The largest last, as the worker is still reading it.
    plain = {part: _plain(files[part], part, largest) for part in reversed(PARTS)}
    features, labels = _features(files, plain, spec, warn), _labels(files, plain, spec, classifies)
    for half, rows, found in (("train", features.train, labels[0]), ("test", features.test, labels[1])):
        if len(rows) != len(found):
            raise SettingsError(f"{spec.data[0]}: {half} has {len(rows):,} rows of features and {len(found):,} labels.")
    return Dataset(
        train_features=np.asfortranarray(features.train) if isinstance(features.train, np.ndarray) else features.train,
        train_labels=labels[0],
        test_features=features.test,
        test_labels=labels[1],
        columns=features.types,
        formats=features.formats,
    )


def _part_file(folder: Path, part: str) -> Path:
    for suffix in _SUFFIXES:
        if (file := folder / f"{part}{suffix}").is_file():
            return file
    raise SettingsError(
        f"{folder} contains neither {part}.csv nor {part}.npy.",
        next_step="Write the four files, or set train.target and make train.data one table with a header.",
    )


def _plain(file: Path, part: str, largest: LargestTable) -> NDArray[Any] | None:
    """Return the file's numbers; None if it has anything else."""
    import numpy as np

    if file.suffix == ".npy":
        table = _load_array(file)
    elif file.suffix not in TEXT_SUFFIXES or not looks_plain(file):
        return None
    else:
        try:
            table = largest.read() if file == largest.file else read_table(file)
        except SettingsError:
            return None
    return table.ravel() if part.endswith("labels") else np.atleast_2d(table)


def _load_array(file: Path) -> NDArray[Any]:
    import numpy as np

    try:
        array: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SettingsError(f"{file} is not a NumPy array: {error}.") from error
    return array


@dataclass(frozen=True, kw_only=True)
class _Features:
    train: Any
    test: Any
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    formats: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _features(files: _Files, plain: _Plain, spec: TrainSpec, warn: Warn) -> _Features:
    train, test = plain["train_features"], plain["test_features"]
    if train is not None and test is not None:
        return _Features(train=train, test=test)
    table, rows, has_names = _both(files["train_features"], files["test_features"], spec)
    if index := list(unnamed_index(list(table.columns))):
        warn(index_left_out(spec.data[0], index))
    found = typed(table.drop(columns=index), spec.columns, source=spec.data[0], warn=warn)
    array = found.as_array()
    if array is not None:
        return _Features(train=array[:rows], test=array[rows:], types=found.types if has_names else {})
    frame = found.frame
    return _Features(train=frame.iloc[:rows], test=frame.iloc[rows:], types=found.types, formats=found.formats)


def _labels(files: _Files, plain: _Plain, spec: TrainSpec, classifies: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    train, test = plain["train_labels"], plain["test_labels"]
    if train is not None and test is not None:
        return train, test
    table, rows, _ = _both(files["train_labels"], files["test_labels"], spec)
    table = table.drop(columns=list(unnamed_index(list(table.columns))))
    if table.shape[1] != 1:
        raise SettingsError(f"{files['train_labels']} has {table.shape[1]} columns, and labels are one.")
    labels = labels_of(table.iloc[:, 0], classifies=classifies, source=spec.data[0])
    if labels.isna().any():
        raise SettingsError(f"{spec.data[0]}: {int(labels.isna().sum()):,} labels are missing.")
    return labels.to_numpy()[:rows], labels.to_numpy()[rows:]


def _both(train: Path, test: Path, spec: TrainSpec) -> tuple[DataFrame, int, bool]:
    """Return the rows of both files, how many are to train on, and whether columns have names."""
    names = header_of(train)
    # Both files begin with the same names; no two rows of texts begin so.
    has_names = not any(map(is_number, names)) and set(names) == set(header_of(test))
    has_names = has_names or train.suffix.lower() in PARQUET_SUFFIXES
    decimal = DECIMALS[spec.decimal]
    frames = [(str(file), read_frame(file, decimal=decimal, header=has_names)) for file in (train, test)]
    return joined(frames, source=str(train)), len(frames[0][1]), has_names
