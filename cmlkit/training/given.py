"""A given estimator: an object of the program that trains, and the data to fit and to test it with."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.records.json_text import plain
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.tables.columns import BOOLEAN, CATEGORY, DATE, NUMBER
from cmlkit.training.tables.dataset import Dataset
from cmlkit.training.tables.split import STRATIFIED, check_trained, random_rows, stratified_rows

_OWN_DATA = "Split the data, and pass test=(features, labels)."


@dataclass(frozen=True, kw_only=True)
class Given:
    """An estimator that is not fitted yet, with features and labels: arrays, DataFrames or lists.

    Attributes:
        test: Features and labels to test with; rows of the others are held out if None.
    """

    estimator: Any
    features: Any
    labels: Any
    test: tuple[Any, Any] | None = None

    def declared(self, spec: TrainSpec) -> TrainSpec:
        """Return the spec with the estimator's class, and those of its parameters that are not the defaults.

        Raises:
            SettingsError: It is no estimator, or the spec has settings that an estimator from a program cannot have.
        """
        if not callable(getattr(self.estimator, "fit", None)):
            raise SettingsError(
                f"{type(self.estimator).__name__} is not an estimator: it has no fit method.",
                next_step="Pass a cmlkit.TrainSpec, or an estimator with its features and labels.",
            )
        if inspect.isclass(self.estimator):
            name = self.estimator.__name__
            raise SettingsError(f"{name} is a class.", next_step=f"Pass an object of it: {name}().")
        for setting in ("run", "estimator", "target", "groups", "time_order", "search"):
            if getattr(spec, setting):
                raise SettingsError(
                    f"train.{setting.replace('_', '-')} does not go with an estimator from a program.",
                    next_step=_OWN_DATA if setting in ("groups", "time_order") else "Leave the setting out.",
                )
        if spec.accelerator != "none":
            raise SettingsError(
                f"train.accelerator is {spec.accelerator}, which cannot change an estimator that exists already.",
                next_step="Create the estimator with the library's own class, and leave the setting out.",
            )
        data = () if spec.data == TrainSpec().data else spec.data
        return replace(spec, estimator=import_path(type(self.estimator)), params=self._parameters(), data=data)

    def _parameters(self) -> Mapping[str, Any]:
        if not hasattr(self.estimator, "get_params"):
            return {}
        defaults = {name: item.default for name, item in inspect.signature(type(self.estimator)).parameters.items()}
        given = self.estimator.get_params(deep=False)
        return {name: _shown(value) for name, value in given.items() if not _same(value, defaults.get(name))}

    def dataset(self, spec: TrainSpec) -> Dataset:
        """Return the data to fit and to test with, which the estimator gets as they are.

        Raises:
            SettingsError: Features and labels do not fit together, or the rows cannot be split.
        """
        features, labels = _table(self.features), _column(self.labels)
        _check(features, labels, "features", "labels")
        if self.test is None:
            train, test = self._split(features, labels, spec)
            held_out, truth = _rows(features, test), labels[test]
            features, labels = _rows(features, train), labels[train]
        else:
            held_out, truth = _table(self.test[0]), _column(self.test[1])
            _check(held_out, truth, "features to test with", "labels")
        if self._classifies():
            check_trained(labels, truth)
        return Dataset(
            train_features=features,
            train_labels=labels,
            test_features=held_out,
            test_labels=truth,
            columns=dict(_types(features)),
            target=str(getattr(self.labels, "name", None) or ""),
            is_ready=True,
        )

    def _split(self, features: Any, labels: Any, spec: TrainSpec) -> tuple[Any, Any]:
        # The rule of `train.split` for tables.
        stratified = spec.split == STRATIFIED or (not spec.split and self._classifies() and not _is_numeric(features))
        if stratified:
            return stratified_rows(labels, test_size=spec.test_size, seed=spec.seed)
        return random_rows(len(labels), test_size=spec.test_size, seed=spec.seed)

    def _classifies(self) -> bool:
        from sklearn.base import is_classifier

        return bool(is_classifier(self.estimator))


def import_path(kind: type[Any]) -> str:
    """Return the path under which a class is imported: the shortest, without modules that are private."""
    parts = kind.__module__.split(".")
    public = [part for part in parts if not part.startswith("_") or part == "__main__"]
    for length in range(1, len(public) + 1):
        module = ".".join(public[:length])
        try:
            found = getattr(importlib.import_module(module), kind.__name__, None)
        except ImportError:
            continue
        if found is kind:
            return f"{module}.{kind.__name__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _table(values: Any) -> Any:
    """Return features as a DataFrame or a matrix that were one already, else as an array."""
    import numpy as np

    return values if hasattr(values, "iloc") or hasattr(values, "tocsr") else np.asarray(values)


def _column(values: Any) -> Any:
    import numpy as np

    array = np.asarray(values)
    return array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array


def _rows(table: Any, numbers: Any) -> Any:
    if hasattr(table, "iloc"):
        return table.iloc[numbers]
    return (table.tocsr() if hasattr(table, "tocsr") else table)[numbers]


def _check(features: Any, labels: Any, name: str, of_labels: str) -> None:
    if not getattr(features, "shape", ()) or not labels.shape or features.shape[0] != len(labels):
        counts = [f"{shape[0]:,}" if shape else "no" for shape in (getattr(features, "shape", ()), labels.shape)]
        raise SettingsError(
            f"There are {counts[0]} rows of {name} and {counts[1]} {of_labels}.",
            next_step="Pass as many labels as rows: cmlkit.train(estimator, features, labels).",
        )


def _is_numeric(features: Any) -> bool:
    return all(kind == NUMBER for _, kind in _types(features)) if hasattr(features, "iloc") else True


def _types(features: Any) -> Iterator[tuple[str, str]]:
    """Yield column and type of a DataFrame; an array has no names."""
    if not hasattr(features, "iloc"):
        return
    from pandas.api import types

    for name, values in features.items():
        if types.is_bool_dtype(values):
            yield str(name), BOOLEAN
        elif types.is_numeric_dtype(values):
            yield str(name), NUMBER
        else:
            yield str(name), DATE if types.is_datetime64_any_dtype(values) else CATEGORY


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, str | int | float | bool | None) and value == default)


def _shown(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None):
        return plain(value)
    return " ".join(str(value).split())[:200]
