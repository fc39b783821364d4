"""The metric that decides whether a challenger is better, if the person did not name one.

Candidates are the metrics whose better direction is known, and which tell of the whole model: no speed or size, and no
row of a single class in a table. Those of validation or test come first; those of training never decide.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cmlkit.gate.difference import Difference
from cmlkit.gate.direction import words
from cmlkit.gate.metrics import key

_HELD_OUT = frozenset(
    {"test", "testing", "val", "valid", "validation", "eval", "evaluation", "dev", "holdout", "heldout"}
)
# ultralytics writes what it measures on the validation set as `metrics/…`, beside `train/…` and `val/…`.
_SCORED = "metrics"
_TRAINING = frozenset({"train", "training", "trn", "tr"})
_RESOURCES = frozenset({"latency", "throughput", "memory", "speed", "fps", "params", "parameters"})
_REFERENCES = frozenset({"baseline", "dummy", "chance", "random", "champion", "previous", "naive"})
# Rows that tables of scores have besides those of single classes.
_WHOLE = frozenset(
    {"avg", "average", "mean", "macro", "micro", "weighted", "samples", "overall", "total", "all", "accuracy", "median"}
)
_REPORT = frozenset({"precision", "recall", "f1_score", "support"})


def candidates(deltas: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return the metrics of the challenger that may decide, in its order; empty if none is known."""
    classes = _single_classes([delta.name for delta in deltas])
    known = [
        delta
        for delta in deltas
        if delta.challenger is not None
        and delta.higher_is_better is not None
        and delta.name not in classes
        and _tells_of_model(words(delta.name))
    ]
    held_out = [delta for delta in known if _has(delta.name, _HELD_OUT) or words(delta.name)[0] == _SCORED]
    return tuple(held_out or (delta for delta in known if not _has(delta.name, _TRAINING)))


def _has(name: str, some: frozenset[str]) -> bool:
    # Numbers are attached to the names of sets: `valid_0`, `validation1`.
    return any(word.rstrip("0123456789") in some for word in words(name))


def _tells_of_model(found: Sequence[str]) -> bool:
    is_class = "class" in found and not {"multi", "per"} & set(found)
    return not (is_class or (_RESOURCES | _REFERENCES) & set(found))


def _single_classes(names: Iterable[str]) -> frozenset[str]:
    """Return the metrics that are a row of one class, `setosa.recall`, and not of the whole, `macro avg.recall`."""
    rows: dict[tuple[tuple[str, ...], str], dict[str, str]] = defaultdict(dict)  # table and row -> column -> name
    for name in names:
        table, row, column = _place(name)
        if row:
            rows[table, row][column] = name
    wholes = {table for table, row in rows if _has(row, _WHOLE)}
    found: set[str] = set()
    for (table, row), columns in rows.items():
        is_class = not _has(row, _WHOLE | _HELD_OUT | _TRAINING)
        if is_class and (table in wholes or len(_REPORT & set(columns)) >= 3):
            found |= set(columns.values())
    return frozenset(found)


def _place(name: str) -> tuple[tuple[str, ...], str, str]:
    """Return the table, row and column that `TABLE.ROW.COLUMN` names; row and table are empty if it has no parts."""
    *table, column = re.split(r"[./](?!\d*$)", name)
    row = table.pop() if table else ""
    return tuple(table), row, key(column)
