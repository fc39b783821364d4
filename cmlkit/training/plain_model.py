"""The model as plain scikit-learn has it, made from one of scikit-learn-intelex, wherever that can be."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from cmlkit.training.accelerator import is_accelerated

AGREEING = 0.95
"""Share of the test rows for which both must predict the same class, or of the variance that they must share."""


def plain_model(estimator: Any, features: Any) -> Any | None:
    """Return a fitted model of scikit-learn's own classes that predicts the same; None if that cannot be.

    Args:
        features: Those of the test samples, on which the predictions are compared.
    """
    try:
        made = _converted(estimator)
        return made if _agree(estimator.predict(features), made.predict(features)) else None
    except Exception:  # noqa: BLE001 - attributes that a version lacks raise errors of any kind; the original is kept
        return None


def has_accelerated(value: Any) -> bool:
    """Return whether a model is of the library's classes, or has one among its steps and parameters."""
    if is_accelerated(value):
        return True
    if isinstance(value, list | tuple):
        return any(map(has_accelerated, value))
    if isinstance(value, Mapping):
        return any(map(has_accelerated, value.values()))
    return hasattr(value, "get_params") and not isinstance(value, type) and has_accelerated(vars(value))


def _converted(value: Any) -> Any:
    """Return the value with all estimators in it converted."""
    if isinstance(value, list):
        return [_converted(item) for item in value]
    if type(value) is tuple:
        return tuple(_converted(item) for item in value)
    if type(value) is dict:
        return {key: _converted(item) for key, item in value.items()}
    if not hasattr(value, "get_params") or isinstance(value, type):
        return value
    kind = _plain_class(type(value)) if is_accelerated(value) else type(value)
    made: Any = object.__new__(kind)
    state = _state(value, kind) if is_accelerated(value) else vars(value)
    made.__dict__.update({name: _converted(item) for name, item in state.items()})
    return made


def _plain_class(kind: type[Any]) -> type[Any]:
    """Return scikit-learn's class of the same name; raise LookupError if there is none."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == "sklearn":
            found = getattr(importlib.import_module(base.__module__), kind.__name__, None)
            if isinstance(found, type) and found.__module__ == base.__module__:
                return found
    raise LookupError(kind.__name__)


def _state(value: Any, kind: type[Any]) -> dict[str, Any]:
    """Return the attributes of scikit-learn's class, also those that are properties of the library's class."""
    state = {name: item for name, item in vars(value).items() if "onedal" not in name and not is_accelerated(item)}
    for name in dir(type(value)):
        is_fitted = name.endswith("_") and not name.startswith("_")
        if is_fitted and isinstance(getattr(type(value), name), property) and not hasattr(kind, name):
            state[name] = getattr(value, name)
    # A support vector machine predicts from these.
    for name in ("_intercept_", "_dual_coef_"):
        if hasattr(value, name):
            state[name] = getattr(value, name)
    for name in ("support_", "_n_support"):
        if name in state:
            state[name] = state[name].astype("int32")  # as libsvm takes them
    if state.get("_tree", state) is None:
        state["_fit_method"] = "brute"  # the neighbours without a tree, which only the library has
    state.pop("_cached_estimators_", None)
    return state


def _agree(before: Any, after: Any) -> bool:
    import numpy as np

    if before.dtype.kind not in "f" or np.array_equal(before, np.floor(before)):
        return bool((before == after).mean() >= AGREEING)
    spread = float(np.var(before))
    return bool(np.mean((before - after) ** 2) <= (1 - AGREEING) * spread)
