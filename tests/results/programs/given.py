"""The table that all of these programs train on, and the files that each writes besides its model."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

# The model's path, and which training this is: 1, 2, …
PATH, ROUND = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else ("", 1)
FEATURES = ("length", "width", "height", "weight")


def table(rows: int = 200) -> tuple[Any, Any]:
    """Features and classes 0 and 1."""
    drawn = np.random.default_rng(7)
    features = drawn.normal(size=(rows, len(FEATURES))).astype(np.float32)
    noise = drawn.normal(scale=0.3, size=rows)
    return features, (features[:, 0] + features[:, 1] * features[:, 2] + noise > 0).astype(np.int64)


def weights(seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=len(FEATURES)).astype(np.float32)


def tokens() -> Any:
    """The table as numbers of words: 1, or 2 for values above zero."""
    return (table()[0] > 0).astype(np.int64) + 1


def sentences() -> list[str]:
    return [" ".join("high" if value > 0 else "low" for value in row) for row in table()[0]]


def finish(predictions: Sequence[float] | Any) -> None:
    """Write the metrics, and the predictions for the whole table."""
    predicted = np.asarray(predictions, dtype=np.float64).reshape(-1)
    accuracy = float(np.mean((predicted > 0.5) == table()[1]))
    Path("model").mkdir(exist_ok=True)
    Path("model/metrics.json").write_text(json.dumps({"accuracy": accuracy}))
    np.save("predictions.npy", predicted)
