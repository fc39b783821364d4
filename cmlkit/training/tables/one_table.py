"""One table with a target column, in one file or several, split into rows to train on and rows to test with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.settings.setting import nearest
from cmlkit.training.tables import split
from cmlkit.training.tables.column_types import IGNORE, Typed, typed
from cmlkit.training.tables.columns import (
    CATEGORY,
    LEAST_ROWS,
    NUMBER,
    id_like,
    index_left_out,
    looks_like_id,
    unnamed_index,
)
from cmlkit.training.tables.dataset import Dataset, LargestTable, Warn
from cmlkit.training.tables.dialect import DECIMALS
from cmlkit.training.tables.frame import header_of, is_table, joined, read_frame
from cmlkit.training.tables.labels import labels_of
from cmlkit.training.tables.table import looks_plain

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series


def read_one_table(spec: TrainSpec, directory: Path, *, largest: LargestTable, classifies: bool, warn: Warn) -> Dataset:
    """Return the rows of the table that the spec names, split as it says.

    Args:
        largest: From `largest_table`.
        classifies: Whether the target has classes.
        warn: Called with what is doubtful in the data.

    Raises:
        SettingsError: The table cannot be read or split, or has no such columns.
    """
    files = _files(spec, directory, warn)
    header = header_of(files[0])
    if spec.target not in header:
        raise SettingsError(
            f"{files[0]} has no column {spec.target!r}; it has {', '.join(header)}.", next_step="Correct train.target."
        )
    _check_names(spec, header)
    table = _numbers(files, spec, header, largest)
    if table is None:
        return _from_frame(_read(files, spec), spec, classifies, warn)
    names = _features(spec, header, warn)
    features, labels = table[:, [header.index(name) for name in names]], table[:, header.index(spec.target)]
    if found := list(id_like(features, names)):
        warn(looks_like_id(spec.data[0], found))
    return _split(features, labels, spec, types=dict.fromkeys(names, NUMBER), classifies=classifies)


def _files(spec: TrainSpec, directory: Path, warn: Warn) -> list[Path]:
    """Return the files of the table: the first path, and further ones with the same columns."""
    first = _inside(directory / spec.data[0])
    columns = set(header_of(first[0]))
    for path in spec.data[1:]:
        further = [] if "://" in path or not (directory / path).is_file() else [directory / path]
        if further and is_table(further[0]):
            if set(header_of(further[0])) == columns:
                first += further
            else:
                warn(f"{path} has other columns than {spec.data[0]}: the model is not trained on it.")
    return first


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and is_table(file))
    shown = [file for file in found if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)]
    if not shown:
        raise SettingsError(f"{path} has no table in it.", next_step="Correct train.data.")
    return shown


def _check_names(spec: TrainSpec, header: Sequence[str]) -> None:
    named = {
        "train.groups": [spec.groups],
        "train.time-order": [spec.time_order],
        "train.columns": list(spec.columns),
    }
    for setting, names in named.items():
        for name in filter(None, names):
            if name not in header:
                raise SettingsError(f"{setting} names {name!r}, which is no column.", next_step=nearest(name, header))
    if spec.groups and spec.time_order:
        raise SettingsError("train.groups and train.time-order exclude each other.", next_step="Leave one out.")


def _numbers(files: Sequence[Path], spec: TrainSpec, header: Sequence[str], largest: LargestTable) -> Any:
    """Return the table as an array if it is one CSV file of numbers without gaps; None otherwise."""
    if len(files) > 1 or spec.columns or spec.groups or spec.time_order or spec.decimal == "comma":
        return None
    if not looks_plain(files[0], skip=1):
        return None
    try:
        table = largest.read()
    except SettingsError:
        return None
    return table if table.ndim == 2 and table.shape[1] == len(header) else None


def _features(spec: TrainSpec, header: Sequence[str], warn: Warn) -> list[str]:
    """Return the names of the columns to train on."""
    index = [name for name in unnamed_index(header) if name not in (spec.target, *spec.columns)]
    if index:
        warn(index_left_out(spec.data[0], index))
    out = {spec.target, *index} | ({spec.groups} if spec.groups not in spec.columns else set())
    names = [name for name in header if name not in out and spec.columns.get(name) != IGNORE]
    if not names:
        raise SettingsError(f"{spec.data[0]} has no column besides {spec.target!r} to train on.")
    return names


def _read(files: Sequence[Path], spec: TrainSpec) -> DataFrame:
    decimal = DECIMALS[spec.decimal]
    return joined([(str(file), read_frame(file, decimal=decimal)) for file in files], source=spec.data[0])


def _from_frame(frame: DataFrame, spec: TrainSpec, classifies: bool, warn: Warn) -> Dataset:
    source = spec.data[0]
    labels = labels_of(frame[spec.target], classifies=classifies, source=source)
    if missing := int(labels.isna().sum()):
        warn(f"{source}: {missing:,} rows without {spec.target} are left out.")
        frame, labels = frame[labels.notna()], labels.dropna()
    found = typed(frame[_features(spec, list(frame.columns), warn)], spec.columns, source=source, warn=warn)
    if ids := list(_ids(found)):
        warn(looks_like_id(source, ids))
    array = found.as_array()
    return _split(
        found.frame if array is None else array,
        labels.to_numpy(),
        spec,
        types=found.types,
        formats=found.formats,
        classifies=classifies,
        groups=_texts(frame[spec.groups]) if spec.groups else None,
        times=_times(frame[spec.time_order], spec) if spec.time_order else None,
    )


def _ids(found: Typed) -> list[str]:
    """Return the columns with another whole number or text in each row."""
    frame, types = found.frame, found.types
    whole = [name for name, kind in types.items() if kind == NUMBER and frame[name].dtype.kind == "i"]
    ids = list(id_like(frame[whole].to_numpy(), whole))
    texts = [name for name, kind in types.items() if kind == CATEGORY and len(frame) >= LEAST_ROWS]
    return ids + [name for name in texts if frame[name].is_unique]


def _texts(values: Series) -> NDArray[Any]:
    found: NDArray[Any] = values.astype(str).to_numpy(dtype=object)
    return found


def _times(values: Series, spec: TrainSpec) -> NDArray[Any]:
    import pandas

    name = str(values.name)
    declared = {name: spec.columns[name]} if spec.columns.get(name, IGNORE) != IGNORE else {}
    found = typed(values.to_frame(name), declared, source=spec.data[0], warn=lambda _: None)
    if values.isna().any():
        raise SettingsError(f"{spec.data[0]}: {name} has gaps, and train.time-order needs a time in each row.")
    if found.types[name] == NUMBER:
        numbers: NDArray[Any] = found.frame[name].to_numpy()
        return numbers
    if name not in found.formats:
        raise SettingsError(f"{spec.data[0]}: {name} has neither dates nor numbers, as train.time-order needs.")
    dates: NDArray[Any] = pandas.to_datetime(values, format=found.formats[name], utc=True).astype("int64").to_numpy()
    return dates


def _split(
    features: Any,
    labels: NDArray[Any],
    spec: TrainSpec,
    *,
    types: Mapping[str, str],
    classifies: bool,
    formats: Mapping[str, str] | None = None,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
) -> Dataset:
    import numpy as np

    is_array = isinstance(features, np.ndarray)
    train, test = _rows(labels, spec, classifies, is_array, groups, times)
    if classifies and (groups is not None or times is not None):
        split.check_trained(labels[train], labels[test])
    return Dataset(
        train_features=np.asfortranarray(features[train]) if is_array else features.iloc[train],
        test_features=features[test] if is_array else features.iloc[test],
        train_labels=labels[train],
        test_labels=labels[test],
        columns=types,
        formats=formats or {},
        target=spec.target,
        groups=None if groups is None else groups[train],
        in_time=times is not None,
    )


def _rows(
    labels: NDArray[Any],
    spec: TrainSpec,
    classifies: bool,
    is_array: bool,
    groups: NDArray[Any] | None,
    times: NDArray[Any] | None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the numbers of the rows to train on and of those to test with."""
    size, seed = spec.test_size, spec.seed
    if times is not None:
        return split.rows_by_time(times, test_size=size)
    if groups is not None:
        return split.rows_by_group(groups, test_size=size, seed=seed)
    # A table of numbers keeps the split of 0.1.0: the champion has seen the rows of another one's test.
    of_numbers = is_array and labels.dtype.kind in "iuf"
    if spec.split == split.STRATIFIED or (classifies and not spec.split and not of_numbers):
        return split.stratified_rows(labels, test_size=size, seed=seed)
    if classifies and not spec.split:
        split.check_classes(labels)
    return split.random_rows(len(labels), test_size=size, seed=seed)
