"""JSON as every reader takes it: the one place that writes it, and the reader of what others wrote.

RFC 8259 knows no NaN and no infinity, which Python would write as bare words that `jq`, JavaScript and most other
readers refuse. They are `null` here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# Those who walk through a value need some frames of Python's 1,000 for each level; a Keras configuration has about 30.
DEPTH_LIMIT = 100


def json_text(value: Any, *, indent: int | None = None, ensure_ascii: bool = True) -> str:
    """Return a value as strict JSON; what `plain` does to it comes first."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=ensure_ascii, allow_nan=False)


def read_json(text: str | bytes) -> Any:
    """Return the value of a JSON text that somebody else wrote.

    Raises:
        ValueError: It is not JSON, not in a Unicode encoding, has a whole number of more digits than Python takes
            (4,300), or nests deeper than `DEPTH_LIMIT` levels.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"it nests deeper than {DEPTH_LIMIT} levels") from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_LIMIT + 1):
        inside = (
            [*part.values()] if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)
        )
        level = [part for parts in inside for part in parts]
        if not level:
            return
    raise ValueError(f"it nests deeper than {DEPTH_LIMIT} levels")


def plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinity are None, NumPy scalars are numbers, unknown objects are text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the entries that are finite numbers, as of metrics in a file that may have `null` or NaN among them."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _key(key: Any) -> Any:
    return key if key is None or isinstance(key, str | int) else str(key)


def _scalar(value: Any) -> Any:
    """Return the Python number of a NumPy scalar, known without an import of NumPy; the text of all else."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return str(value)
    scalar = value.item()
    return str(value) if type(scalar) is type(value) else plain(scalar)
