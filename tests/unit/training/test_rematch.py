"""The rematch: the champion on the challenger's test data, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmlkit.model.file import save_model
from cmlkit.training.rematch import Champion, champion_at, rematch

FEATURES = np.arange(200.0).reshape(-1, 1)
LABELS = (FEATURES[:, 0] > 100).astype(float)


class Threshold:
    """Says 1 above its threshold; fails on features of another width than `width`."""

    def __init__(self, threshold: float, width: int = 1) -> None:
        self.threshold, self.width = threshold, width

    def predict(self, features: Any) -> Any:
        if features.shape[1] != self.width:
            raise ValueError(f"expected {self.width} features")
        return (features[:, 0] > self.threshold).astype(float)


def accuracy(model: Any) -> dict[str, float]:
    return {"accuracy": float((model.predict(FEATURES) == LABELS).mean())}


def never(text: str) -> None:
    raise AssertionError(text)


def played(champion: Threshold, challenger: Threshold, warn: Any = never) -> Any:
    return rematch(
        Champion(model=champion, sha256="ab"),
        challenger,
        score=accuracy,
        features=FEATURES,
        labels=LABELS,
        warn=warn,
    )


def test_the_champion_is_scored_with_an_interval_of_the_difference() -> None:
    result = played(Threshold(140), Threshold(100))
    assert (result.champion, result.metrics) == ("ab", {"accuracy": 0.8})
    assert result.intervals["accuracy"].low > 0.1
    assert result.intervals["accuracy"].samples == 200


def test_models_that_say_the_same_differ_by_nothing() -> None:
    interval = played(Threshold(120), Threshold(120)).intervals["accuracy"]
    assert (interval.low, interval.high, interval.shows_difference) == (0, 0, False)


def test_a_champion_that_does_not_fit_the_data_is_told() -> None:
    told: list[str] = []
    assert played(Threshold(140, width=7), Threshold(100), told.append) is None
    assert told == ["The champion cannot be scored on the new test data: expected 7 features"]


def test_the_model_that_lies_there_is_the_champion(tmp_path: Path) -> None:
    manifest = save_model({"any": "model"}, tmp_path / "m.joblib")
    found = champion_at(tmp_path / "m.joblib", never)
    assert found == Champion(model={"any": "model"}, sha256=manifest.sha256)


@pytest.mark.parametrize("missing", ["m.joblib", "m.joblib.json"])
def test_without_model_or_manifest_there_is_none(tmp_path: Path, missing: str) -> None:
    save_model({"any": "model"}, tmp_path / "m.joblib")
    (tmp_path / missing).unlink()
    assert champion_at(tmp_path / "m.joblib", never) is None


def test_a_model_that_its_manifest_does_not_match_is_not_loaded(tmp_path: Path) -> None:
    save_model({"any": "model"}, tmp_path / "m.joblib")
    (tmp_path / "m.joblib").write_bytes(b"something else")
    told: list[str] = []
    assert champion_at(tmp_path / "m.joblib", told.append) is None
    assert "It was not loaded" in told[0]
