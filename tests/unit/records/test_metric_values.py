"""Metrics that Python programs pass: NumPy's numbers are taken, everything else is refused before a file changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cmlkit
from cmlkit.errors import MetricsError, ModelError, SettingsError
from cmlkit.records.metric_values import checked_metrics
from cmlkit.records.training_run import Resources, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        (0.1, 0.1),
        (np.float64(0.1), 0.1),
        (np.float32(0.9), 0.9),  # as it prints, and as a metrics file would have it
        (np.float16(0.1), 0.1),
        (np.int64(7), 7.0),
        (np.array(2.5), 2.5),
        (np.longdouble("0.1"), 0.1),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
    ],
    ids=repr,
)
def test_a_number_of_python_or_numpy_is_taken(value: Any, number: float) -> None:
    [found] = checked_metrics({"a": value}).values()
    assert found == number
    assert type(found) in (int, float)


BAD = {
    "nan": math.nan,
    "nan of NumPy": np.float32("nan"),
    "infinity": -math.inf,
    "a number too large": 10**400,
    "a truth value": True,
    "a truth value of NumPy": np.bool_(True),
    "text": "0.9",
    "nothing": None,
    "a list": [0.9],
    "an array": np.ones(2),
    "a complex number": 1j,
}


def save(metrics: Mapping[str, Any], folder: Path) -> None:
    cmlkit.save_model({"trees": 2}, folder / "m.joblib", metrics=metrics)


def publish(metrics: Mapping[str, Any], folder: Path) -> None:
    run = TrainingRun(
        mode="command",
        command="true",
        metrics=metrics,
        model="m.joblib",
        resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1),
        started=0,
    )
    workflow_run = WorkflowRun(repository="o/r", run_id="1", attempt=1, sha="a" * 40, ref="", event="")
    forge: Any = object()  # any use of it would be another error
    cmlkit.publish(run, spec=cmlkit.PublishSpec(), directory=folder, forge=forge, workflow_run=workflow_run)


def compare(metrics: Mapping[str, Any], _: Path) -> None:
    cmlkit.compare({"a": 0.5}, metrics)


def compare_champion(metrics: Mapping[str, Any], _: Path) -> None:
    cmlkit.compare(metrics, {"a": 0.5})


@pytest.mark.parametrize("function", [save, publish, compare, compare_champion])
@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_anything_else_is_refused_by_name_and_nothing_changes(
    function: Callable[[Mapping[str, Any], Path], None], value: Any, tmp_path: Path
) -> None:
    save({"a": 0.5}, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(MetricsError, match="'auc' is "):
        function({"a": 0.7, "auc": value}, tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", [1, "", " ", None], ids=repr)
def test_a_metric_without_a_name_is_refused(name: Any) -> None:
    with pytest.raises(MetricsError, match="no name"):
        cmlkit.compare(None, {name: 0.5})


def test_pairs_instead_of_a_mapping_are_refused() -> None:
    with pytest.raises(MetricsError, match="not a mapping"):
        checked_metrics([("a", 0.5)])  # type: ignore[arg-type]


def test_a_single_precision_metric_equals_the_same_one_of_a_file() -> None:
    single: Any = np.float32(0.9)
    verdict = cmlkit.compare({"accuracy": 0.9}, {"accuracy": single}, ["accuracy >= 0.9"])
    assert verdict.outcome == "same"


def test_a_model_is_not_replaced_if_a_folder_is_where_its_manifest_goes(tmp_path: Path) -> None:
    (tmp_path / "m.joblib").write_bytes(b"earlier")
    (tmp_path / "m.joblib.json").mkdir()
    with pytest.raises(ModelError, match="folder"):
        save({}, tmp_path)
    assert (tmp_path / "m.joblib").read_bytes() == b"earlier"


@pytest.mark.parametrize("wrong", [{"data": ["data/"]}, {"parameters": [("max_depth", 3)]}], ids=["data", "parameters"])
def test_a_model_is_not_replaced_if_its_manifest_could_not_be_read_again(wrong: Any, tmp_path: Path) -> None:
    (tmp_path / "m.joblib").write_bytes(b"earlier")
    with pytest.raises(SettingsError, match="fingerprints"):
        cmlkit.save_model({"trees": 2}, tmp_path / "m.joblib", **wrong)
    assert (tmp_path / "m.joblib").read_bytes() == b"earlier"
