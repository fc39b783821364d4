"""The champion on the challenger's test data, or the reason why not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmlkit.model.file import save_model, write_manifest
from cmlkit.model.manifest import read_manifest
from cmlkit.training.champion import kept_champion
from cmlkit.training.tables.dataset import Dataset

FEATURES = np.arange(200.0).reshape(-1, 1)
LABELS = (FEATURES[:, 0] > 100).astype(float)
DATA = Dataset(train_features=FEATURES, train_labels=LABELS, test_features=FEATURES, test_labels=LABELS)


class Threshold:
    """Says 1 above its threshold; fails on features of another width than `width`."""

    def __init__(self, threshold: float, width: int = 1) -> None:
        self.threshold, self.width = threshold, width

    def predict(self, features: Any) -> Any:
        if features.shape[1] != self.width:
            raise ValueError(f"expected {self.width} features")
        return (features[:, 0] > self.threshold).astype(float)


def accuracy(model: Any, features: Any) -> dict[str, float]:
    return {"accuracy": float((model.predict(features) == LABELS).mean())}


def never(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.joblib"


def rescored(champion: Threshold, challenger: Threshold, path: Path, warn: Any = never) -> Any:
    save_model(champion, path)
    with kept_champion(path, warn) as kept:
        assert kept is not None
        return kept.by_predictions(challenger, score=accuracy, data=DATA)


def test_the_champion_is_rescored_with_an_interval_of_the_difference(path: Path) -> None:
    result = rescored(Threshold(140), Threshold(100), path)
    assert (result.champion, result.metrics) == (read_manifest(path).sha256, {"accuracy": 0.8})
    assert result.intervals["accuracy"].low > 0.1
    assert result.intervals["accuracy"].samples == 200


def test_a_champion_that_predicts_another_column_is_not_rescored(path: Path) -> None:
    save_model(Threshold(140), path)
    write_manifest(path, metrics={}, columns={"size": "number"}, target="price")
    told: list[str] = []
    data = dataclasses.replace(DATA, columns={"size": "number"}, target="rent")
    with kept_champion(path, told.append) as champion:
        assert champion is not None
        assert champion.by_predictions(Threshold(1), score=accuracy, data=data) is None
    assert "it predicts price, and this training rent" in told[0]


def test_models_that_say_the_same_of_each_sample_show_no_difference(path: Path) -> None:
    interval = rescored(Threshold(120), Threshold(120), path).intervals["accuracy"]
    assert (interval.p_value, interval.shows_difference) == (1, False)
    assert -0.02 < interval.low < 0 < interval.high < 0.02  # of other samples they might say something else


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
        assert champion.copy.exists()
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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x04cabsent_library\nModel\n)\x81.", "cannot be loaded here"),
        (b"no pickle", "is in an unknown format"),
    ],
)
def test_a_model_that_cannot_be_loaded_here_is_told(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    write_manifest(path, metrics={})
    told: list[str] = []
    with kept_champion(path, told.append) as champion:
        assert champion is not None
        assert champion.by_predictions(Threshold(1), score=accuracy, data=DATA) is None
    assert told[0].startswith(f"The champion is not rescored on the new test data: {path} {reason}")
