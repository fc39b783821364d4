"""The champion on the challenger's test data, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmlkit.model.file import save_model, write_manifest
from cmlkit.model.manifest import read_manifest
from cmlkit.training.champion import kept_champion

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.joblib"


def rescored(champion: Threshold, challenger: Threshold, path: Path, warn: Any = never) -> Any:
    save_model(champion, path)
    with kept_champion(path, warn) as kept:
        assert kept is not None
        return kept.by_predictions(challenger, score=accuracy, features=FEATURES, labels=LABELS)


def test_the_champion_is_rescored_with_an_interval_of_the_difference(path: Path) -> None:
    result = rescored(Threshold(140), Threshold(100), path)
    assert (result.champion, result.metrics) == (read_manifest(path).sha256, {"accuracy": 0.8})
    assert result.intervals["accuracy"].low > 0.1
    assert result.intervals["accuracy"].samples == 200


def test_models_that_say_the_same_differ_by_nothing(path: Path) -> None:
    interval = rescored(Threshold(120), Threshold(120), path).intervals["accuracy"]
    assert (interval.low, interval.high, interval.shows_difference) == (0, 0, False)


def test_a_champion_that_does_not_fit_the_data_is_told(path: Path) -> None:
    told: list[str] = []
    assert rescored(Threshold(140, width=7), Threshold(100), path, told.append) is None
    assert told == ["The champion is not rescored on the new test data: expected 7 features"]


def test_the_model_that_lies_there_is_the_champion_even_when_training_writes_there(path: Path) -> None:
    manifest = save_model(Threshold(140), path)
    content = path.read_bytes()
    with kept_champion(path, never) as champion:
        path.write_bytes(b"the challenger")
        assert champion is not None
        assert (champion.copy.read_bytes(), champion.manifest) == (content, manifest)


def test_nothing_is_left_of_the_copy(path: Path) -> None:
    save_model(Threshold(140), path)
    with kept_champion(path, never) as champion:
        assert champion is not None
    assert not champion.copy.parent.exists()


@pytest.mark.parametrize("missing", ["m.joblib", "m.joblib.json"])
def test_without_model_or_manifest_there_is_none(path: Path, missing: str) -> None:
    save_model(Threshold(140), path)
    path.with_name(missing).unlink()
    with kept_champion(path, never) as champion:
        assert champion is None


def test_a_model_that_its_manifest_does_not_match_is_not_rescored(path: Path) -> None:
    save_model(Threshold(140), path)
    path.write_bytes(b"something else")
    told: list[str] = []
    with kept_champion(path, told.append) as champion:
        assert champion is None
    assert told == [
        f"The champion is not rescored on the new test data: {path} is not the file that its manifest describes."
    ]


def test_a_model_that_cannot_be_loaded_here_is_told(path: Path) -> None:
    path.write_bytes(b"no pickle")
    write_manifest(path, metrics={})
    told: list[str] = []
    with kept_champion(path, told.append) as champion:
        assert champion is not None
        assert champion.by_predictions(Threshold(1), score=accuracy, features=FEATURES, labels=LABELS) is None
    assert told[0].startswith(f"The champion is not rescored on the new test data: {path} cannot be loaded here")
