"""Metrics that a Python program passes: finite numbers, Python's or NumPy's, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from cmlkit.errors import MetricsError

_NEXT_STEP = "Metrics are finite numbers; leave everything else out."


def checked_metrics(values: Mapping[str, Any], *, of: str = "the metrics") -> dict[str, float]:
    """Return metrics as Python's numbers; a float32 becomes the number that it is printed as, such as 0.9.

    Args:
        of: Whose metrics they are, for the message.

    Raises:
        MetricsError: A name is no text, or a value is NaN, infinite, a truth value, text or no number; it is named.
    """
    if not isinstance(values, Mapping):
        raise MetricsError(f"{of} are {type(values).__name__}, not a mapping.", next_step="Pass name -> number.")
    return {_name(name, of): _number(value, f"{of}: {name!r}") for name, value in values.items()}


def _name(name: Any, of: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise MetricsError(f"{of}: {name!r} is no name of a metric.", next_step="Name each metric with text.")
    return name


def _number(value: Any, where: str) -> float:
    if getattr(value, "shape", None) == () and hasattr(value, "item") and not isinstance(value, Real):
        value = value.item()  # an array or a tensor of one number, or NumPy's truth value
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        kind = "a list" if isinstance(value, list) else repr(value)[:60]
        raise MetricsError(f"{where} is {kind}, which is not a number.", next_step=_NEXT_STEP)
    try:
        number = _converted(value)
        is_finite = math.isfinite(number)
    except OverflowError:
        number, is_finite = math.inf, False
    if not is_finite:
        raise MetricsError(f"{where} is {number}.", next_step=f"{_NEXT_STEP} See why the training diverged.")
    return number


def _converted(value: Any) -> float:
    if type(value) is int:
        return value
    # A float32 of 0.9 is 0.89999998 as a float: its shortest decimal is what a metrics file would have.
    return float(str(value)) if hasattr(value, "dtype") and not isinstance(value, float) else float(value)
