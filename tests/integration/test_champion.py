"""The champion of a training command, rescored by the score command; no training is ever lost for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from cmlkit.errors import Interrupted
from cmlkit.model.manifest import read_manifest
from cmlkit.publishing.base_model import BaseModel, judge
from cmlkit.records.training_run import TrainingRun
from cmlkit.settings.schema import GateSpec, TrainSpec
from cmlkit.training.scores import read_scores
from cmlkit.training.train import train
from tests.integration.project import RecordedProgress

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "examples" / "random-forest" / "score.py"
MODEL = "model/m.joblib"
# A model is the number of samples, of 250, that it gets right, beginning with the first.
SCORE = """python3 - <<END
import json, os
right = int(open(os.environ["CMLKIT_MODEL"]).read())
json.dump({"Accuracy": [1] * right + [0] * (250 - right), "auc": right / 250}, open(os.environ["CMLKIT_SCORES"], "w"))
END"""


def trained(
    folder: Path, right: int, *, score: str = SCORE, said: float | None = None
) -> tuple[TrainingRun, list[str]]:
    """A training of a model that gets so many samples right; the warnings with it."""
    accuracy = right / 250 if said is None else said
    write = (
        f"mkdir -p model; echo {right} >{MODEL}; printf 'accuracy: {accuracy}\\nauc: {accuracy}\\n' >model/metrics.txt"
    )
    spec = TrainSpec(run=write, score=score, model=MODEL, plots=(), data=())
    progress = RecordedProgress()
    environ = {"PATH": os.environ["PATH"]}
    return train(spec, directory=folder, environ=environ, progress=progress, output=2), progress.warnings


def champion(folder: Path) -> BaseModel:
    manifest = read_manifest(folder / MODEL)
    return BaseModel(metrics=manifest.metrics, sha256=manifest.sha256)


def test_the_champion_is_scored_on_the_data_of_today(tmp_path: Path) -> None:
    trained(tmp_path, 200)
    before = champion(tmp_path)
    run, warnings = trained(tmp_path, 230)
    assert warnings == []
    assert run.rescored is not None
    assert run.rescored.metrics == {"Accuracy": 0.8, "auc": 0.8}
    interval = run.rescored.intervals["Accuracy"]
    assert interval.low < 30 / 250 < interval.high
    assert set(run.rescored.intervals) == {"Accuracy"}
    assert judge(GateSpec(), run, before).headline.startswith("Better than the champion: accuracy")


def test_a_difference_that_the_samples_cannot_show_counts_as_the_same(tmp_path: Path) -> None:
    trained(tmp_path, 230)
    before = champion(tmp_path)
    run, _ = trained(tmp_path, 231)
    verdict = judge(GateSpec(), run, before)
    assert verdict.outcome == "same"
    assert "no difference that 250 samples could show" in verdict.headline


def test_a_first_model_has_nobody_to_be_scored_against(tmp_path: Path) -> None:
    run, warnings = trained(tmp_path, 200, score="exit 1")
    assert (run.rescored, warnings) == (None, [])


@pytest.mark.parametrize(
    ("score", "reason"),
    [("exit 3", "ended with exit code 3"), ("true", "wrote no scores"), ('echo "[]" >$CMLKIT_SCORES', "neither")],
)
def test_a_command_that_fails_loses_no_training(tmp_path: Path, score: str, reason: str) -> None:
    trained(tmp_path, 200)
    run, warnings = trained(tmp_path, 230, score=score)
    assert run.metrics["accuracy"] == 0.92
    assert run.rescored is None
    assert "The champion is not rescored on the new test data" in warnings[0]
    assert reason in warnings[0]


def test_a_champion_that_its_manifest_does_not_describe_is_not_scored(tmp_path: Path) -> None:
    trained(tmp_path, 200)
    (tmp_path / MODEL).write_text("249\n")
    run, warnings = trained(tmp_path, 230)
    assert run.rescored is None
    assert "is not the file that its manifest describes" in warnings[0]


def test_a_score_of_something_else_than_training_says_is_not_compared(tmp_path: Path) -> None:
    trained(tmp_path, 200)
    run, warnings = trained(tmp_path, 230, said=0.5)
    assert run.rescored is not None
    assert run.rescored.metrics == {}
    assert "Accuracy is 0.92 according to the score command, but 0.5 according to training" in warnings[0]


def test_a_signal_while_scoring_ends_it_all(tmp_path: Path) -> None:
    trained(tmp_path, 200)
    with pytest.raises(Interrupted):
        trained(tmp_path, 230, score=f"kill -{signal.SIGTERM.value} $PPID; sleep 60")


def test_the_examples_script_scores_the_model_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    labels = np.array([0, 1] * 50)
    np.savetxt(tmp_path / "data" / "test_features.csv", labels.reshape(-1, 1))
    np.savetxt(tmp_path / "data" / "test_labels.csv", labels)
    joblib.dump(DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1]), tmp_path / "m.joblib")
    names = {"CMLKIT_MODEL": str(tmp_path / "m.joblib"), "CMLKIT_SCORES": str(tmp_path / "scores")}
    subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, env={"PATH": os.environ["PATH"], **names}, check=True)
    assert read_scores(tmp_path / "scores") == {"accuracy": [0.0, 1.0] * 50}
