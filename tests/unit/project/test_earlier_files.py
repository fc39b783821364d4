"""Records, manifests, models and comments that version 0.1.0 wrote are read by this one."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from cmlkit.data.drift import drifts
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import ModelManifest, read_manifest
from cmlkit.publishing.marker import Kind, Marker, marker_in
from cmlkit.publishing.spending import carried, notes_in
from cmlkit.records.training_run import InstanceFacts, Interval, TrainingRun

WRITTEN = Path(__file__).parents[2] / "fixtures" / "0.1.0"
PLOTS = [
    f"model/{name}.png" for name in ("confusion_matrix", "roc_curve", "precision_recall_curve", "feature_importances")
]


def text(name: str) -> str:
    return (WRITTEN / name).read_text(encoding="utf-8")


@pytest.fixture
def run() -> TrainingRun:
    return TrainingRun.from_json(text("run.json"))


def test_a_record_says_what_was_trained_and_where(run: TrainingRun) -> None:
    assert (run.mode, run.command) == ("estimator", "sklearn.linear_model.LogisticRegression")
    assert (run.metrics, run.metrics_files) == ({"Accuracy": 0.88}, ("model/metrics.txt",))
    assert run.parameters["C"] == 1.0
    assert run.libraries["scikit-learn"] == "1.9.1"
    assert run.instance == InstanceFacts(
        instance_id="i-0123456789abcdef0",
        instance_type="t3a.medium",
        market="spot",
        region="eu-west-1",
        price=0.0216,
        started=1795893758.0,
    )


def test_a_record_has_the_champion_scored_again_with_its_interval(run: TrainingRun) -> None:
    assert run.rescored is not None
    assert run.rescored.champion.startswith("00012bc1823f")
    assert run.rescored.metrics == {"accuracy": 0.9}
    assert run.rescored.intervals == {"accuracy": Interval(low=-0.06, high=0.0, samples=50)}


def test_a_record_has_the_plots_as_tables(run: TrainingRun) -> None:
    assert list(run.plots) == PLOTS == list(run.plot_tables)
    assert run.plot_tables[PLOTS[0]].header == ("True \\ predicted", "0.0", "1.0")
    assert run.plot_tables[PLOTS[3]].rows[0][0] == "1"


def test_a_record_is_written_as_it_was(run: TrainingRun) -> None:
    assert json.loads(run.to_json()) == json.loads(text("run.json"))


def test_a_manifest_is_read_with_the_profiles_of_its_data_and_written_as_it_was(run: TrainingRun) -> None:
    manifest = read_manifest(WRITTEN / "m.joblib")
    assert manifest.metrics == {"Accuracy": 0.88}
    assert (manifest.class_path, manifest.format) == ("sklearn.linear_model._logistic.LogisticRegression", "joblib")
    assert [(item.path, item.rows, item.columns) for item in manifest.data] == [("data/table.csv", 200, 3)]
    assert {drift.name for drift in drifts(manifest.data, run.data)} == {
        f"data/table.csv: {column}" for column in ("width", "height", "label")
    }
    assert json.loads(manifest.to_json()) == json.loads(text("m.joblib.json"))


@pytest.mark.parametrize("name", ["plain.joblib", "plain.skops"])
def test_a_model_is_what_its_manifest_says_and_is_loaded(name: str) -> None:
    with warnings.catch_warnings(action="ignore"):  # libraries have moved on since
        assert load_model(WRITTEN / name) == {"weights": [1.0, 2.0]}
    assert ModelManifest.from_json(text(f"{name}.json"), source=name).format == name.partition(".")[2]


@pytest.mark.parametrize(("name", "kind"), [("pull-request.md", "pull-request"), ("comment.md", "report")])
def test_a_pull_request_and_its_comment_are_known_again(name: str, kind: Kind) -> None:
    marker = marker_in(text(name))
    assert marker == Marker(kind=kind, subject="model/m.joblib", run="300", attempt=1)
    assert text(name).startswith(str(marker))


def test_spending_is_read_from_a_pull_request_and_carried_on() -> None:
    body = text("pull-request.md")
    assert [(note.run, note.usd) for note in notes_in(body)] == [("300", 0.000754), ("200", 0.000686)]
    newer = str(notes_in(body)[0]).replace('"300"', '"400"')
    assert [note.run for note in notes_in(carried(body, newer, limit=60_000))] == ["400", "300", "200"]
