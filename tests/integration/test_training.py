"""Training with real processes: command mode, estimator mode, and what goes wrong in them."""

from __future__ import annotations

import dataclasses
import doctest
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import UserDict
from collections.abc import Callable, KeysView, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

import cmlkit
from cmlkit.errors import CmlkitError, Interrupted, MetricsError, ModelError, SettingsError, TrainingFailed
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import read_manifest
from cmlkit.model.verification import verify
from cmlkit.records.training_run import RECORD, TrainingRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.command import run_shell
from cmlkit.training.tables import dataset
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
    assert min(run.setup_seconds, run.resources.wall_seconds, run.data_seconds) > 0
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


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (f"{WRITES_ALL}; rm model/metrics.txt", "The metrics file model/metrics.txt does not exist."),
        (
            f"{WRITES_ALL}; echo 'a: nan' > model/metrics.txt",
            "no number with a name was found, but a (nan is not finite).",
        ),
        (f"{WRITES_ALL}; : > model/metrics.txt", "The metrics file model/metrics.txt is empty."),
    ],
)
def test_without_a_metric_the_model_and_the_record_are_kept_before_the_error(
    tmp_path: Path, run: str, message: str
) -> None:
    with pytest.raises(MetricsError) as caught:
        train(changed(run=run), directory=tmp_path, environ=environ())
    assert message in caught.value.message
    kept = TrainingRun.from_json((tmp_path / RECORD).read_text())
    assert kept.metrics == {}
    assert (tmp_path / "model" / "m.joblib.json").is_file()


def test_yesterdays_metrics_are_not_taken_for_todays(tmp_path: Path) -> None:
    train(SPEC, directory=tmp_path, environ=environ())
    with pytest.raises(MetricsError, match="training did not write it"):
        train(changed(run="echo new > model/m.joblib"), directory=tmp_path, environ=environ())
    kept = TrainingRun.from_json((tmp_path / RECORD).read_text())
    assert (kept.metrics, kept.metrics_files) == ({}, ())


def test_numbers_are_taken_and_the_rest_is_recorded_with_its_reason(tmp_path: Path) -> None:
    wrote = f"{WRITES_ALL}; printf 'Accuracy: 97 %%\\nauc: nan\\n' > model/metrics.txt"
    run = train(changed(run=wrote), directory=tmp_path, environ=environ())
    assert run.metrics == {"Accuracy": 97}
    assert run.percentages == ("Accuracy",)
    assert run.left_out == {"auc": "nan is not finite"}
    assert TrainingRun.from_json((tmp_path / RECORD).read_text()) == run
    assert json.loads((tmp_path / "model" / "m.joblib.json").read_text())["percentages"] == ["Accuracy"]


def test_no_secret_is_recorded_or_shown(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("depth: 5\napi_key: sesame\n")
    wrote = f"TOKEN=sesame; {WRITES_ALL}"
    run = train(changed(run=wrote, setup="echo --password sesame"), directory=tmp_path, environ=environ())
    assert run.parameters == {"depth": 5, "api_key": "***"}
    for file in (RECORD, "model/m.joblib.json"):
        assert "sesame" not in (tmp_path / file).read_text()
    with pytest.raises(TrainingFailed) as caught:
        train(changed(run="false --api-key=sesame"), directory=tmp_path, environ=environ())
    assert "false --api-key=***" in caught.value.message


def test_a_plot_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    said = RecordedProgress()
    run = train(changed(run=f"{WRITES_ALL}; rm model/p.png"), directory=tmp_path, environ=environ(), progress=said)
    assert run.plots == ()
    assert "The plot model/p.png does not exist" in said.warnings[0]


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


# The shell of a pipeline ends at the signal, half a second before the training has written its checkpoint.
@pytest.mark.parametrize("line", ["bash training.sh", "bash training.sh | tee training.log"])
def test_a_signal_reaches_the_command_which_may_write_its_checkpoint(line: str, tmp_path: Path) -> None:
    (tmp_path / "training.sh").write_text(
        "trap 'sleep 0.5; echo saved > checkpoint; exit 1' TERM; touch started; while :; do sleep 0.05; done"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "cmlkit", "train", "--run", line],
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
    result = json.loads(answer.stdout)
    assert (result["metrics"], result["timeline"]) == ({"Accuracy": 0.97}, {"training": result["seconds"]})
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


PLOTS = ("model/confusion_matrix.png",)


def test_an_object_is_scored_plotted_and_saved_as_the_declared_estimator_is(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True, as_frame=True)
    x.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    x.assign(target=y).to_csv(tmp_path / "iris.csv", index=False)
    path = "sklearn.tree.DecisionTreeClassifier"
    spec = TrainSpec(estimator=path, params={"max_depth": 2}, data=("iris.csv",), target="target", plots=PLOTS)
    declared = train(spec, directory=tmp_path, environ=environ())
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    run = train(tree, x, y, spec=TrainSpec(plots=PLOTS), directory=str(tmp_path), environ=environ())
    assert (run.metrics, run.command, run.plots) == (declared.metrics, declared.command, declared.plots)
    assert run.rescored is not None
    assert run.rescored.metrics == {"accuracy": run.metrics["Accuracy"]}
    assert (load_model(tmp_path / "model/decision_tree.joblib").predict(x) == tree.predict(x)).all()
    assert read_manifest(tmp_path / "model/decision_tree.joblib").columns == dict.fromkeys(x.columns, "number")


@pytest.mark.slow
def test_the_example_in_the_docstring_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = doctest.DocTestFinder().find(train, globs={"cmlkit": cmlkit})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def iris(file: Path, *, order: Sequence[int] = range(5), index: bool = False) -> TrainSpec:
    """Write Fisher's irises as pandas' `to_csv` does, with or without its index; return settings for them."""
    flowers = load_iris()
    rows = np.column_stack([flowers.data, flowers.target])
    names = [*flowers.feature_names, "species"]
    lines = [",".join(names[place] for place in order)]
    lines += [",".join(f"{row[place]:g}" for place in order) for row in rows]
    if index:
        lines = [f",{lines[0]}", *(f"{number},{line}" for number, line in enumerate(lines[1:]))]
    file.write_text("\n".join(lines) + "\n")
    return TrainSpec(
        estimator="sklearn.linear_model.LogisticRegression",
        params={"max_iter": 500},
        data=(file.name,),
        target="species",
        plots=(),
    )


def test_an_unnamed_index_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    progress = RecordedProgress()
    spec = iris(tmp_path / "iris.csv", index=True)
    run = train(spec, directory=tmp_path, environ=environ(), progress=progress)
    assert run.metrics["Accuracy"] == pytest.approx(0.974, abs=5e-4)
    assert ["the unnamed column ''" in said for said in progress.warnings] == [True]
    assert list(run.columns)[:2] == ["sepal length (cm)", "sepal width (cm)"]


def test_the_champion_is_rescored_on_the_columns_that_it_was_trained_on_whatever_their_order(tmp_path: Path) -> None:
    first = train(iris(tmp_path / "iris.csv"), directory=tmp_path, environ=environ())
    assert dict(read_manifest(tmp_path / first.model).columns) == dict(first.columns)
    progress = RecordedProgress()
    spec = iris(tmp_path / "iris.csv", order=(4, 2, 3, 1, 0), index=True)
    again = train(spec, directory=tmp_path, environ=environ(), progress=progress)
    assert again.rescored is not None
    assert again.rescored.metrics == {"accuracy": first.metrics["Accuracy"]}
    fewer = train(
        iris(tmp_path / "iris.csv", order=(4, 2, 3)), directory=tmp_path, environ=environ(), progress=progress
    )
    assert fewer.rescored is None
    assert "lacks columns that it was trained on: sepal width (cm), sepal length (cm)" in progress.warnings[-1]


def test_a_score_or_a_plot_that_the_model_does_not_have_loses_no_training(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    progress = RecordedProgress()
    spec = dataclasses.replace(
        FOREST, scoring=("accuracy", "neg_mean_gamma_deviance"), plots=("model/residuals.png", "model/roc_curve.png")
    )
    run = train(spec, directory=tmp_path, environ=environ(), progress=progress)
    assert list(run.metrics) == ["Accuracy"]
    assert list(run.left_out) == ["neg_mean_gamma_deviance"]
    assert run.plots == ("model/roc_curve.png",)
    assert any("neg_mean_gamma_deviance is left out" in warning for warning in progress.warnings)
    assert any("model/residuals.png cannot be drawn" in warning for warning in progress.warnings)


def test_a_training_without_any_score_keeps_model_and_record_and_then_fails(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    spec = dataclasses.replace(FOREST, scoring=("neg_mean_gamma_deviance",), plots=())
    with pytest.raises(MetricsError, match="neg_mean_gamma_deviance"):
        train(spec, directory=tmp_path, environ=environ())
    assert (tmp_path / RECORD).is_file()
    assert read_manifest(tmp_path / spec.model).metrics == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"estimator": "sklearn.ensemble.NoForest"}, "cannot be imported"),
        ({"estimator": "RandomForest"}, "cannot be imported"),
        ({"estimator": "json.dumps"}, "is not an estimator"),
        ({"model": "model/m.joblib", "format": "skops"}, r"train.model is model/m.joblib, and train.format is skops"),
        ({"params": {"depth": 5}}, "does not take these parameters"),
        ({"params": {"max_depth": "deep"}}, "cannot be fitted"),
        ({"scoring": ("beauty",)}, "no scorer 'beauty'"),
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


def test_gaps_in_the_data_are_filled_by_the_model_itself(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    with (tmp_path / "data" / "test_features.csv").open("a") as file:
        file.write("1,nan,3\n")
    with (tmp_path / "data" / "test_labels.csv").open("a") as file:
        file.write("1\n")
    spec = dataclasses.replace(FOREST, estimator="sklearn.linear_model.LogisticRegression", params={}, plots=())
    run = train(spec, directory=tmp_path, environ=environ())
    model = load_model(tmp_path / run.model)
    assert model.predict(pd.DataFrame([[9.0, None, None]], columns=["1", "2", "3"])).tolist() == [1.0]


def shop(file: Path, *, rows: int = 120) -> TrainSpec:
    """Write a table as a shop may have it, with texts, gaps, dates and true and false; return settings for it."""
    generator = np.random.default_rng(0)
    city = generator.choice(["Ulm", "Köln", "Graz"], rows)
    table = pd.DataFrame(
        {
            "age": np.where(generator.random(rows) < 0.2, np.nan, generator.integers(18, 80, rows)),
            "city": [None if gap else name for gap, name in zip(generator.random(rows) < 0.1, city, strict=True)],
            "since": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "member": generator.random(rows) < 0.5,
            "bought": np.where(city == "Ulm", "yes", "no"),
        }
    )
    table.to_csv(file, index=False, sep=";", decimal=",")
    return TrainSpec(
        estimator="sklearn.linear_model.LogisticRegression", data=(file.name,), target="bought", scoring=("accuracy",)
    )


def test_a_table_of_texts_gaps_and_dates_becomes_a_model_that_takes_such_tables(tmp_path: Path) -> None:
    run = train(shop(tmp_path / "t.csv"), directory=tmp_path, environ=environ())
    assert run.metrics["Accuracy"] > 0.8
    assert dict(run.columns) == {"age": "number", "city": "category", "since": "date", "member": "boolean"}
    assert run.plot_tables["model/feature_importances.png"].rows[0][0].startswith("city_")
    assert run.plot_tables["model/confusion_matrix.png"].header[1:] == ("no", "yes")
    model = load_model(tmp_path / run.model)
    customers = {"since": ["2024-02-03", None], "member": [True, False], "city": ["Ulm", "Rom"], "age": [30, None]}
    assert model.predict(pd.DataFrame(customers)).tolist() == ["yes", "no"]
    assert verify(tmp_path / run.model).untrusted == ()


def test_the_champion_of_such_a_table_finds_its_columns_by_name(tmp_path: Path) -> None:
    spec = dataclasses.replace(shop(tmp_path / "t.csv"), plots=())
    first = train(spec, directory=tmp_path, environ=environ())
    table = pd.read_csv(tmp_path / "t.csv", sep=";")
    table[reversed(table.columns)].to_csv(tmp_path / "t.csv", index=False)
    again = train(spec, directory=tmp_path, environ=environ())
    assert again.rescored is not None
    assert again.rescored.metrics == {"accuracy": first.metrics["Accuracy"]}


@pytest.mark.slow
def test_a_pipeline_is_searched_with_the_columns_prepared_in_each_fold(tmp_path: Path) -> None:
    spec = dataclasses.replace(
        shop(tmp_path / "t.csv"),
        estimator="[sklearn.preprocessing.StandardScaler, sklearn.linear_model.LogisticRegression]",
        plots=(),
        params={"max_iter": 500},
        search={"C": [0.001, 1.0], "cv": 3},
    )
    run = train(spec, directory=tmp_path, environ=environ())
    assert run.model == "model/logistic_regression.joblib"
    assert run.parameters == {"max_iter": 500, "logisticregression__C": 1.0}
    assert run.search is not None
    assert run.search.header[:2] == ("logisticregression__C", "Score")
    assert [row[0] for row in run.search.rows] == ["1.0", "0.001"]
    assert TrainingRun.from_json((tmp_path / RECORD).read_text()) == run
    assert load_model(tmp_path / run.model)["model"]["logisticregression"].C == 1.0


def test_four_files_may_have_names_and_texts(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for half in ("train", "test"):
        rows = [f"{number % 7},{'ab'[number % 2]}" for number in range(30)]
        (folder / f"{half}_features.csv").write_text("\n".join(["size,kind", *rows]))
        (folder / f"{half}_labels.csv").write_text("\n".join(["label", *(row[-1] for row in rows)]))
    spec = TrainSpec(estimator="sklearn.tree.DecisionTreeClassifier", plots=())
    run = train(spec, directory=tmp_path, environ=environ())
    assert (run.metrics["Accuracy"], dict(run.columns)) == (1.0, {"size": "number", "kind": "category"})


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
    (tmp_path / "data" / "train_features.csv").write_text("1,2,3\n4,5\n6,7,8,9\n")
    with pytest.raises(SettingsError, match=r"train_features\.csv cannot be read"):
        train(FOREST, directory=tmp_path, environ=environ())
