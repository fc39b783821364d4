"""Training with real processes: command mode, estimator mode, and what goes wrong in them."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import UserDict
from collections.abc import Callable, KeysView
from pathlib import Path

import numpy as np
import pytest

from cmlkit.errors import CmlkitError, Interrupted, MetricsError, ModelError, SettingsError, TrainingFailed
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify
from cmlkit.records.training_run import RECORD, TrainingRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training import dataset
from cmlkit.training.command import run_shell
from cmlkit.training.train import train
from tests.integration.project import RecordedProgress

DEADLINE_SECONDS = 30
WRITES_ALL = (
    "mkdir -p model; echo 'Accuracy: 0.97' > model/metrics.txt; "
    "echo pixels > model/p.png; echo weights > model/m.joblib"
)
SPEC = TrainSpec(run=WRITES_ALL, model="model/m.joblib", plots=("model/p.png",), data=("data",))


def environ() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def changed(**values: object) -> TrainSpec:
    return dataclasses.replace(SPEC, **values)  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.02)


def test_a_command_leaves_a_run_a_manifest_and_a_record(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("1,2\n3,4\n")
    run = train(changed(setup="echo ready > prepared"), directory=tmp_path, environ=environ())
    assert (run.setup, run.metrics) == ("echo ready > prepared", {"Accuracy": 0.97})
    assert (run.data[0].rows, run.data[0].columns) == (2, 2)
    assert {"python", "numpy"} <= set(run.libraries)
    assert run.resources.wall_seconds > 0
    assert run.resources.peak_memory_bytes > 2**20
    assert TrainingRun.from_json((tmp_path / RECORD).read_text()) == run
    assert json.loads((tmp_path / "model" / "m.joblib.json").read_text())["metrics"] == {"Accuracy": 0.97}
    assert (tmp_path / "prepared").exists()


def test_called_from_python_the_commands_get_no_token_but_those_that_are_named(tmp_path: Path) -> None:
    spec = changed(setup="env -0 >setup.seen", run=f"{WRITES_ALL}; env -0 >run.seen", pass_env=("GH_TOKEN",))
    tokens = {"GITHUB_TOKEN": "of-workflow", "GH_TOKEN": "of-gh"}
    train(spec, directory=tmp_path, environ={**environ(), **tokens})
    for seen in ("setup.seen", "run.seen"):
        variables = (tmp_path / seen).read_text().split("\0")
        assert "GH_TOKEN=of-gh" in variables
        assert [line for line in variables if "of-workflow" in line] == []


def test_the_parameters_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("depth: 5\nfeatures:\n  bins: [1, 2]\n")
    run = train(SPEC, directory=tmp_path, environ=environ())
    assert run.parameters == {"depth": 5, "features.bins": "[1, 2]"}


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (changed(run="exit 3"), TrainingFailed, "exit code 3"),
        (changed(run="kill -9 $$"), TrainingFailed, "memory ran out"),
        (changed(run="kill -TERM $$"), TrainingFailed, "SIGTERM"),
        (changed(run="no-such-program"), TrainingFailed, "does not exist"),
        (changed(run="false | cat"), TrainingFailed, "exit code 1"),
        (changed(setup="exit 4"), TrainingFailed, "exit code 4"),
        (changed(run=""), SettingsError, "Neither a command nor an estimator is set"),
        (changed(run=f"{WRITES_ALL}; rm model/m.joblib"), ModelError, "model/m.joblib does not exist"),
        (changed(run=f"{WRITES_ALL}; : > model/m.joblib"), ModelError, "is empty"),
        (changed(run=f"{WRITES_ALL}; rm model/metrics.txt"), MetricsError, "model/metrics.txt does not exist"),
        (changed(run=f"{WRITES_ALL}; echo 'a: nan' > model/metrics.txt"), MetricsError, "'a' is nan"),
        (changed(run=f"{WRITES_ALL}; rm model/p.png"), SettingsError, "plot model/p.png does not exist"),
    ],
)
def test_what_fails_says_why_and_leaves_no_record(
    tmp_path: Path, spec: TrainSpec, error: type[CmlkitError], message: str
) -> None:
    (tmp_path / RECORD).parent.mkdir()
    (tmp_path / RECORD).write_text("of yesterday")
    with pytest.raises(error) as caught:
        train(spec, directory=tmp_path, environ=environ())
    assert message in caught.value.message
    assert not (tmp_path / RECORD).exists()


def test_what_the_command_installs_is_among_its_libraries(tmp_path: Path) -> None:
    installs = f"{WRITES_ALL}; mkdir -p site/numpy-9.9.9.dist-info"
    run = train(changed(run=installs), directory=tmp_path, environ={**environ(), "PYTHONPATH": str(tmp_path / "site")})
    assert run.libraries["numpy"] == "9.9.9"


def test_the_commands_own_exit_code_is_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed) as caught:
        train(changed(run="exit 42"), directory=tmp_path, environ=environ())
    assert (caught.value.returncode, caught.value.exit_code) == (42, 8)


def test_yesterdays_model_is_not_taken_for_todays(tmp_path: Path) -> None:
    train(SPEC, directory=tmp_path, environ=environ())
    with pytest.raises(ModelError, match="training did not write it"):
        train(changed(run="echo 'Accuracy: 1' > model/metrics.txt"), directory=tmp_path, environ=environ())


def test_a_signal_reaches_the_command_which_may_write_its_checkpoint(tmp_path: Path) -> None:
    script = "trap 'echo saved > checkpoint; exit 1' TERM; touch started; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [sys.executable, "-m", "cmlkit", "train", "--", "bash", "-c", script],
        cwd=tmp_path,
        env=environ(),
        stderr=subprocess.PIPE,
        text=True,
    )
    until((tmp_path / "started").exists)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130
    assert "SIGTERM ended the training command" in errors
    assert (tmp_path / "checkpoint").read_text() == "saved\n"


def test_a_signal_that_comes_before_the_command_has_started_ends_it_all_the_same(tmp_path: Path) -> None:
    class Interrupting(UserDict[str, str]):
        """An environment at whose first look SIGTERM comes."""

        def keys(self) -> KeysView[str]:
            os.kill(os.getpid(), signal.SIGTERM)
            return super().keys()

    with pytest.raises(Interrupted, match="SIGTERM"):
        run_shell("touch started; sleep 60", directory=tmp_path, environ=Interrupting(environ()))


def test_with_json_the_commands_output_does_not_mix_with_the_result(tmp_path: Path) -> None:
    (tmp_path / "cmlkit.yaml").write_text("train:\n  model: model/m.joblib\n  plots: []\n  data: []\n")
    answer = subprocess.run(
        [sys.executable, "-m", "cmlkit", "train", "--json", "--", "bash", "-c", f"echo chatter; {WRITES_ALL}"],
        cwd=tmp_path,
        env=environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout)["metrics"] == {"Accuracy": 0.97}
    assert "chatter" in answer.stderr


def made_data(folder: Path, *, suffix: str = ".csv", target: str = "class") -> None:
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for half, rows in (("train", 120), ("test", 40)):
        features = generator.normal(size=(rows, 3))
        labels = (features[:, 0] > 0).astype(float) if target == "class" else features @ np.array([1.0, 2.0, 3.0])
        for what, values in (("features", features), ("labels", labels)):
            if suffix == ".npy":
                np.save(folder / f"{half}_{what}.npy", values)
            else:
                np.savetxt(folder / f"{half}_{what}.csv", values, delimiter="," if what == "features" else " ")


FOREST = TrainSpec(estimator="sklearn.ensemble.RandomForestClassifier", params={"max_depth": 5, "n_estimators": 10})


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_an_estimator_writes_the_three_files_of_the_reference_script(tmp_path: Path, suffix: str) -> None:
    made_data(tmp_path / "data", suffix=suffix)
    run = train(FOREST, directory=tmp_path, environ=environ())
    assert run.metrics["Accuracy"] > 0.9
    assert (tmp_path / "model" / "metrics.txt").read_text() == f"Accuracy: {run.metrics['Accuracy']}\n"
    assert (tmp_path / "model" / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    model = load_model(tmp_path / "model" / "random_forest.joblib")
    assert (model.max_depth, model.random_state, model.n_jobs) == (5, 0, -1)
    assert run.parameters == {"max_depth": 5, "n_estimators": 10}
    shown = ("confusion_matrix", "roc_curve", "precision_recall_curve", "feature_importances")
    assert run.plots == tuple(f"model/{name}.png" for name in shown)


def test_data_that_the_command_makes_has_a_fingerprint_too(tmp_path: Path) -> None:
    made = changed(run=f"mkdir data; echo 1,2 >data/x.csv; {WRITES_ALL}")
    [found] = train(made, directory=tmp_path, environ=environ()).data
    assert (found.path, found.rows) == ("data", 1)


@pytest.mark.parametrize("mode", ["command", "estimator"])
def test_data_that_is_not_there_has_no_fingerprint_and_that_is_said(tmp_path: Path, mode: str) -> None:
    made_data(tmp_path / "data")
    spec = dataclasses.replace({"command": SPEC, "estimator": FOREST}[mode], data=("data", "more"))
    progress = RecordedProgress()
    run = train(spec, directory=tmp_path, environ=environ(), progress=progress)
    assert [(item.path, item.rows is not None) for item in run.data] == [("data", True)]
    assert progress.warnings == ["more does not exist: the record has no fingerprint of this data."]


def test_only_the_plots_that_are_named_are_drawn(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    run = train(dataclasses.replace(FOREST, plots=("out/roc_curve.png",)), directory=tmp_path, environ=environ())
    assert run.plots == ("out/roc_curve.png",)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["roc_curve.png"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_metrics(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    first = train(FOREST, directory=tmp_path, environ=environ()).metrics
    assert train(FOREST, directory=tmp_path, environ=environ()).metrics == first


@pytest.mark.slow
def test_the_model_that_was_there_is_scored_on_the_same_test_data(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    stump = TrainSpec(estimator=FOREST.estimator, params={"max_depth": 1, "n_estimators": 1})
    first = train(stump, directory=tmp_path, environ=environ())
    assert first.rescored is None
    second = train(FOREST, directory=tmp_path, environ=environ())
    assert second.rescored is not None
    assert second.rescored.metrics == {"accuracy": first.metrics["Accuracy"]}
    assert second.rescored.intervals["accuracy"].samples == 40
    assert TrainingRun.from_json((tmp_path / RECORD).read_text()) == second


def test_in_the_format_skops_a_model_is_no_pickle_and_the_one_before_it_is_scored_too(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    spec = dataclasses.replace(FOREST, format="skops", plots=())
    run = train(spec, directory=tmp_path, environ=environ())
    assert run.model == "model/random_forest.skops"
    assert run.model_class == "sklearn.ensemble._forest.RandomForestClassifier"
    assert zipfile.is_zipfile(tmp_path / run.model)
    assert verify(tmp_path / run.model).matches
    assert train(spec, directory=tmp_path, environ=environ()).rescored is not None


def test_a_regressor_is_scored_and_plotted_as_one(tmp_path: Path) -> None:
    made_data(tmp_path / "data", target="value")
    spec = TrainSpec(estimator="sklearn.linear_model.LinearRegression", plots=("model/residuals.svg",))
    run = train(spec, directory=tmp_path, environ=environ())
    assert run.model == "model/linear_regression.joblib"
    assert run.metrics["R2"] == pytest.approx(1)
    assert b"<svg" in (tmp_path / "model" / "residuals.svg").read_bytes()


@pytest.mark.slow
def test_one_table_is_split_by_its_target_column(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(100, 3))
    lines = [f"{a},{int(a > 0)},{b}" for a, b, _ in table]
    (tmp_path / "table.csv").write_text("\n".join(["a,label,b", *lines]) + "\n")
    spec = TrainSpec(
        estimator="sklearn.tree.DecisionTreeClassifier", data=("table.csv",), target="label", scoring=("accuracy", "f1")
    )
    assert set(train(spec, directory=tmp_path, environ=environ()).metrics) == {"Accuracy", "F1"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"estimator": "sklearn.ensemble.NoForest"}, "cannot be imported"),
        ({"estimator": "RandomForest"}, "cannot be imported"),
        ({"estimator": "json.dumps"}, "is not an estimator"),
        ({"model": "model/m.joblib", "format": "skops"}, r"train.model is model/m.joblib, and train.format is skops"),
        ({"params": {"depth": 5}}, "does not take these parameters"),
        ({"params": {"max_depth": "deep"}}, "cannot be fitted"),
        ({"scoring": ("beauty",)}, "scorer 'beauty'"),
        ({"plots": ("model/picture.png",)}, "plot model/picture.png cannot be drawn"),
        ({"data": ("absent",)}, "contains neither train_features"),
        ({"data": ()}, "The data for training is not set"),
        ({"data": ("data/train_features.csv",), "target": "label"}, "has no column 'label'"),
        ({"data": ("data/train_features.csv",), "target": "x", "test_size": 1.5}, "between 0 and 1"),
    ],
)
def test_a_wrong_declaration_is_a_settings_error(tmp_path: Path, values: dict[str, object], message: str) -> None:
    made_data(tmp_path / "data")
    with pytest.raises(SettingsError) as caught:
        train(dataclasses.replace(FOREST, **values), directory=tmp_path, environ=environ())  # type: ignore[arg-type]
    assert message in caught.value.message


def test_gaps_in_the_data_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    with (tmp_path / "data" / "test_features.csv").open("a") as file:
        file.write("1,nan,3\n")
    with (tmp_path / "data" / "test_labels.csv").open("a") as file:
        file.write("1\n")
    with pytest.raises(SettingsError, match="test_features.csv contains NaN"):
        train(FOREST, directory=tmp_path, environ=environ())


def test_features_and_labels_must_be_of_one_length(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    with (tmp_path / "data" / "train_labels.csv").open("a") as file:
        file.write("1\n")
    with pytest.raises(SettingsError, match="120 rows of features and 121 labels"):
        train(FOREST, directory=tmp_path, environ=environ())


@pytest.mark.slow
def test_a_plot_that_cannot_be_written_is_a_settings_error(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    with pytest.raises(SettingsError, match=r"confusion_matrix\.docx cannot be written"):
        train(dataclasses.replace(FOREST, plots=("confusion_matrix.docx",)), directory=tmp_path, environ=environ())


def test_a_large_table_gives_the_model_of_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_data(tmp_path / "data")
    spec = dataclasses.replace(FOREST, plots=())
    small = train(spec, directory=tmp_path, environ=environ())
    monkeypatch.setattr(dataset, "LARGE_BYTES", 0)
    large = train(spec, directory=tmp_path, environ=environ())
    assert large.metrics == small.metrics
    assert large.rescored is not None
    assert large.rescored.champion == read_manifest(tmp_path / large.model).sha256


def test_a_large_table_that_is_none_is_the_error_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "LARGE_BYTES", 0)
    made_data(tmp_path / "data")
    (tmp_path / "data" / "train_features.csv").write_text("one\ntwo\n")
    with pytest.raises(SettingsError, match=r"train_features\.csv is not a table of numbers"):
        train(FOREST, directory=tmp_path, environ=environ())
