"""scikit-learn-intelex in estimator mode and in a command: active, saved as scikit-learn's own, and as good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification

from cmlkit.model.manifest import read_manifest
from cmlkit.records.training_run import TrainingRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.train import train

FOREST = "sklearn.ensemble.RandomForestClassifier"
TRAIN = """
import joblib, numpy as np
from sklearn.ensemble import RandomForestClassifier
read = lambda name: np.load(f"data/{name}.npy")
model = RandomForestClassifier(max_depth=5, random_state=0).fit(read("train_features"), read("train_labels"))
accuracy = model.score(read("test_features"), read("test_labels"))
open("model/metrics.txt", "w").write(f"accuracy: {accuracy}")
joblib.dump(model, "model/random_forest.joblib")
"""
# Where nothing patches scikit-learn, and its accelerator cannot be imported.
PLAIN = """
import sys
sys.modules["sklearnex"] = sys.modules["daal4py"] = sys.modules["onedal"] = None
import joblib, numpy as np
model = joblib.load("model/random_forest.joblib")
print(model.score(np.load("data/test_features.npy"), np.load("data/test_labels.npy")))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    features, labels = make_classification(4_000, 20, n_informative=8, class_sep=1.4, random_state=0)
    (tmp_path / "data").mkdir()
    (tmp_path / "model").mkdir()
    for part, rows in (("train", slice(0, 3_000)), ("test", slice(3_000, None))):
        np.save(tmp_path / "data" / f"{part}_features.npy", features[rows])
        np.save(tmp_path / "data" / f"{part}_labels.npy", labels[rows])
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def trained(folder: Path, **spec: object) -> TrainingRun:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    wanted = TrainSpec(plots=(), data=("data",), **spec)  # type: ignore[arg-type]
    return train(wanted, directory=folder, environ={**os.environ, "PATH": path})


@pytest.mark.parametrize(
    "spec",
    [{"estimator": FOREST, "params": {"max_depth": 5}}, {"run": "python train.py"}],
    ids=["estimator", "command"],
)
def test_a_forest_is_accelerated_and_plain_scikit_learn_loads_it(folder: Path, spec: dict[str, object]) -> None:
    slow = trained(folder, **spec)
    run = trained(folder, accelerator="intelex", **spec)
    assert run.accelerator == "scikit-learn-intelex was active in 1 fit"
    assert run.model_class == "sklearn.ensemble._forest.RandomForestClassifier"
    done = subprocess.run([sys.executable, "-c", PLAIN], cwd=folder, capture_output=True, text=True, check=True)
    (accuracy,) = run.metrics.values()
    # The accelerator rounds to single precision, so that a sample on the border may fall to the other side.
    assert float(done.stdout) == pytest.approx(accuracy, abs=0.01)
    assert accuracy == pytest.approx(next(iter(slow.metrics.values())), abs=0.03)


def test_in_estimator_mode_the_model_that_is_saved_is_the_one_that_was_scored(folder: Path) -> None:
    run = trained(folder, estimator=FOREST, accelerator="intelex")
    model = joblib.load(folder / run.model)
    score = model.score(np.load(folder / "data/test_features.npy"), np.load(folder / "data/test_labels.npy"))
    assert run.metrics["Accuracy"] == score


def test_a_class_that_the_accelerator_lacks_is_trained_by_scikit_learn_and_that_is_said(folder: Path) -> None:
    run = trained(folder, estimator="sklearn.ensemble.GradientBoostingClassifier", accelerator="intelex")
    assert run.accelerator.startswith("scikit-learn-intelex was not active")


@pytest.mark.parametrize("name", ["svm.SVC", "neighbors.KNeighborsClassifier", "linear_model.LogisticRegression"])
def test_other_estimators_are_saved_as_plain_scikit_learn(folder: Path, name: str) -> None:
    run = trained(folder, estimator=f"sklearn.{name}", accelerator="intelex")
    assert run.accelerator.startswith("scikit-learn-intelex was active in ")
    manifest = read_manifest(folder / run.model)
    assert manifest.class_path.startswith("sklearn.")
    assert (manifest.notes, manifest.library) == ((), "scikit-learn")
