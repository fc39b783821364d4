"""Construction of the declared estimator: a class, or a pipeline of them, with parameters and a seed."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.settings.pipeline import CLASS, PARAMS, paths_of, steps_of
from cmlkit.settings.schema import TrainSpec

NESTED = "__"


def title_of(spec: TrainSpec) -> str:
    """Return the name of the class that predicts: the last step's."""
    return paths_of(spec.estimator)[-1].rpartition(".")[2]


def made(spec: TrainSpec) -> Any:
    """Return the estimator with its parameters; seeded and on every core, if a class takes these parameters.

    In a pipeline, `STEP__NAME` in `train.params` is a parameter of that step, and any other one of the last.

    Raises:
        SettingsError: A class cannot be imported, or does not take its parameters.
    """
    defaults: dict[str, Any] = {"random_state": spec.seed}
    if not spec.search:  # which itself takes every core
        defaults["n_jobs"] = -1
    steps = steps_of(spec.estimator)
    if not steps:
        return _instance(spec.estimator, spec.params, defaults)
    from sklearn.pipeline import Pipeline

    of_last = {name: value for name, value in spec.params.items() if NESTED not in name}
    built = [
        (step.name, _instance(step.path, {**step.params, **(of_last if step is steps[-1] else {})}, defaults))
        for step in steps
    ]
    for name, step in built[:-1]:
        if not hasattr(step, "transform"):
            raise SettingsError(f"The step {name} of train.estimator, before the last, has no transform method.")
    _check_fits(built[-1][1], steps[-1].path)
    pipeline = Pipeline(built)
    return _with_params(pipeline, {name: value for name, value in spec.params.items() if NESTED in name})


def _with_params(estimator: Any, params: Mapping[str, Any]) -> Any:
    try:
        return estimator.set_params(**{name: _value(value, {}) for name, value in params.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"The pipeline does not take these parameters: {error}", next_step="Correct train.params."
        ) from error


def _instance(path: str, params: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    kind = _imported(path)
    takes = inspect.signature(kind).parameters
    wanted = {name: value for name, value in defaults.items() if name in takes}
    given = {name: _value(value, defaults) for name, value in params.items()}
    try:
        return kind(**{**wanted, **given})
    except TypeError as error:
        raise SettingsError(
            f"{path} does not take these parameters: {error}.",
            next_step=f"It takes: {', '.join(takes)}.",
        ) from error


def _value(value: Any, defaults: Mapping[str, Any]) -> Any:
    """Return a parameter's value: an estimator if it is a mapping with `class`."""
    if isinstance(value, Mapping) and CLASS in value and set(value) <= {CLASS, PARAMS}:
        return _instance(str(value[CLASS]), value.get(PARAMS) or {}, defaults)
    if isinstance(value, list):
        return [_value(item, defaults) for item in value]
    return value


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"The estimator {path!r} cannot be imported: {error}.",
            next_step="Give its full import path, such as sklearn.ensemble.RandomForestClassifier.",
        ) from error
    _check_fits(kind, path)
    made: Callable[..., Any] = kind
    return made


def _check_fits(kind: Any, path: str) -> None:
    if not callable(getattr(kind, "fit", None)):
        raise SettingsError(f"{path} is not an estimator: it has no fit method.")
