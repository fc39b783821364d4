"""Settings classes made from Python: checked as `cmlkit.yaml` is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import SECTIONS, GateSpec, PublishSpec, RunnerSpec, TrainSpec, load

SPECS: Mapping[str, type[Any]] = {"runner": RunnerSpec, "train": TrainSpec, "publish": PublishSpec}


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("runner", "market", "spott"),
        ("runner", "arch", "arm"),
        ("runner", "scope", ""),
        ("runner", "count", -1),
        ("runner", "count", 1.5),
        ("runner", "count", True),
        ("runner", "memory", math.nan),
        ("runner", "memory", "much"),
        ("runner", "partial", "perhaps"),
        ("runner", "idle_timeout", "5"),
        ("train", "unchanged", "ignore"),
        ("train", "format", "onnx"),
        ("train", "params", [1]),
        ("train", "model", True),
        ("train", "metrics", [True]),
        ("publish", "on_existing", "supercede"),
        ("publish", "comment", "never"),
        ("publish", "auto_merge", "yes"),
        ("publish", "on_rejected", "exit"),
        ("publish", "store", "s4://bucket/prefix"),
        ("publish", "check", None),
    ],
)
def test_a_value_that_the_file_may_not_have_is_refused_with_the_same_words(
    section: str, name: str, value: Any, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as from_python:
        SPECS[section](**{name: value})
    file = tmp_path / "cmlkit.yaml"
    shown = {True: "true", None: "null"}.get(value, value) if isinstance(value, bool | None) else repr(value)
    shown = shown.replace("True", "true").replace("nan", ".nan") if isinstance(shown, str) else shown
    file.write_text(f"{section}:\n  {name.replace('_', '-')}: {shown}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as from_file:
        load(environ={}, file=file)
    where, _, words = str(from_python.value).partition(": ")
    assert where == SPECS[section].__name__
    assert words == str(from_file.value).partition(": ")[2]


@pytest.mark.parametrize("seconds", [-1, math.inf, None, True])
def test_a_duration_that_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises(SettingsError, match=r"RunnerSpec: runner.max-lifetime is .*; it takes seconds, or a duration"):
        RunnerSpec(max_lifetime=seconds)


def test_values_get_the_types_of_their_fields() -> None:
    runner: Any = RunnerSpec(
        count=np.int64(2),  # type: ignore[arg-type]
        labels=["gpu"],  # type: ignore[arg-type]
        region="eu-west-1, eu-west-2",  # type: ignore[arg-type]
        idle_timeout="5m",  # type: ignore[arg-type]
        max_lifetime=3600,
        tags=MappingProxyType({"team": "a"}),
    )
    assert (runner.count, type(runner.count)) == (2, int)
    assert (runner.labels, runner.region) == (("gpu",), ("eu-west-1", "eu-west-2"))
    assert (runner.idle_timeout, runner.max_lifetime) == (300, 3600)
    assert runner.tags == {"team": "a"}
    train: Any = TrainSpec(model=Path("model") / "m.joblib", metrics=[Path("m.txt")])  # type: ignore[arg-type]
    assert (train.model, train.metrics) == ("model/m.joblib", ("m.txt",))


def test_text_from_python_stays_as_it_is() -> None:
    assert PublishSpec(body="  indented\n").body == "  indented\n"
    assert GateSpec(rules=["accuracy >= 0.9, twice"]).rules == ("accuracy >= 0.9, twice",)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", SECTIONS.values())
def test_a_copy_equals_its_original(spec: type[Any]) -> None:
    original = spec()
    assert dataclasses.replace(original) == original
