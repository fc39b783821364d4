"""JSON: strict in every document, whatever numbers are in it, and written in one place."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import cmlkit
from cmlkit.ci.github_actions import GithubActions
from cmlkit.cli.output import print_json
from cmlkit.gate.verdict import compare
from cmlkit.model.manifest import ModelManifest
from cmlkit.publishing.spending import SpendingNote
from cmlkit.records.json_text import json_text, plain, read_json
from cmlkit.records.training_run import Interval, Rescored, Resources, TrainingRun
from cmlkit.registry.comparison import Side, compare_sides

PACKAGE = Path(cmlkit.__file__).parent
NAN, INFINITY = math.nan, math.inf
# As the parameters of XGBClassifier(), whose `missing` is NaN.
PARAMETERS: Any = {"missing": NAN, "max_depth": None, "reg_alpha": np.float32(0.5), "limits": [INFINITY, -INFINITY]}
MANIFEST = ModelManifest(sha256="ab", size=1, metrics={"auc": NAN, "f1": 0.5}, parameters=PARAMETERS)
RUN = TrainingRun(
    mode="command",
    command="python train.py",
    metrics={"auc": INFINITY, "f1": 0.5},
    model="model/m.ubj",
    parameters=PARAMETERS,
    rescored=Rescored(champion="cd", metrics={"auc": NAN}, intervals={"auc": Interval(low=NAN, high=1, samples=9)}),
    resources=Resources(wall_seconds=NAN, cpu_seconds=1, peak_memory_bytes=1),
    started=0,
)
# Their difference is beyond the largest number.
FAR_APART = compare({"loss": 1.7e308}, {"loss": -1.7e308})


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def printed(document: Any) -> Callable[[pytest.CaptureFixture[str]], str]:
    def print_it(capsys: pytest.CaptureFixture[str]) -> str:
        print_json(document)
        return capsys.readouterr().out

    return print_it


def comparison() -> Any:
    return compare_sides(Side(label="old", manifest=MANIFEST), Side(label="new", manifest=MANIFEST)).to_record()


@pytest.mark.parametrize(
    "written",
    [
        lambda _: MANIFEST.to_json(),
        lambda _: RUN.to_json(),
        printed({"metrics": RUN.metrics, "parameters": RUN.parameters}),
        printed({"delta": FAR_APART.deltas[0].delta}),
        printed(comparison()),
        printed({"history": [{"metrics": MANIFEST.metrics}]}),
        lambda _: str(SpendingNote(run="1", attempt=1, usd=NAN, at=0)).split(" ", 2)[2].removesuffix(" -->"),
    ],
    ids=["manifest", "record", "--json of train", "--json of publish", "diff", "list", "spending note"],
)
def test_a_document_with_nan_and_infinity_inside_is_strict_json(
    written: Callable[[pytest.CaptureFixture[str]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert strict(written(capsys))


def test_an_output_of_a_step_is_strict_json_and_empty_for_what_is_no_number(tmp_path: Path) -> None:
    file = tmp_path / "outputs"
    GithubActions({"GITHUB_OUTPUT": str(file)}).write_outputs({"metrics": {"auc": NAN}, "delta": INFINITY})
    _, metrics, _, _, delta, _ = file.read_text(encoding="utf-8").splitlines()
    assert (strict(metrics), delta) == ({"auc": None}, "")


def test_a_record_with_nulls_is_read_without_the_metrics_that_are_no_numbers() -> None:
    read = TrainingRun.from_json(RUN.to_json())
    assert read.metrics == {"f1": 0.5}
    assert read.rescored is not None
    assert (read.rescored.metrics, read.rescored.intervals) == ({}, {})
    assert read.parameters["missing"] is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "null", '"high"', "true"])
def test_a_manifest_is_read_without_the_metrics_that_are_no_numbers(value: str) -> None:
    text = replace(MANIFEST, metrics={"f1": 0.5, "auc": 0.25}).to_json().replace("0.25", value)
    assert ModelManifest.from_json(text, source="it").metrics == {"f1": 0.5}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float16("nan"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.longdouble(2), "2.0"),
        (Decimal("0.1"), "0.1"),
        (Path("model") / "m", "model/m"),
        (MappingProxyType({np.int64(1): (NAN,), NAN: 1, None: 2}), {"1": [None], "nan": 1, None: 2}),
    ],
    ids=repr,
)
def test_values_become_those_of_json(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    assert type(plain(value)) is type(shown)
    strict(json_text(value))


def test_no_other_module_writes_json() -> None:
    writers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (
            (isinstance(node, ast.Attribute) and node.attr in ("dump", "dumps", "JSONEncoder"))
            and isinstance(node.value, ast.Name)
            and node.value.id == "json"
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "json")
    }
    assert writers == {"records/json_text.py"}


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 300 + "]" * 300, '{"a":' * 300 + "1" + "}" * 300])
def test_json_nested_without_end_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="deeper than 100 levels|Expecting"):
        read_json(text)


@pytest.mark.parametrize("text", ["9" * 5000, b"\xff\xfe\xff", ""])
def test_what_python_cannot_read_is_no_json(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_json_as_deep_as_a_keras_configuration_is_read() -> None:
    assert read_json("[" * 100 + "]" * 100)
