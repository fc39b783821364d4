"""The setting train.estimator: a class, or the steps of a pipeline in the forms that people write."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.pipeline import canonical, paths_of, steps_of
from cmlkit.settings.schema import TrainSpec

SCALER, SVC = "sklearn.preprocessing.StandardScaler", "sklearn.svm.SVC"


@pytest.mark.parametrize(
    "value",
    [
        [SCALER, {SVC: {"C": 2}}],
        {"steps": [{SCALER: None}, {SVC: {"C": 2}}]},
        [{"class": SCALER}, {"class": SVC, "params": {"C": 2}}],
        [{"standardscaler": SCALER}, {"svc": SVC, "params": {"C": 2}}],
        {"standardscaler": SCALER, "svc": {"class": SVC, "params": {"C": 2}}},
        {"standardscaler": SCALER, "svc": {SVC: {"C": 2}}},
        f"[{SCALER}, {{{SVC}: {{C: 2}}}}]",
    ],
)
def test_steps_are_read_in_every_form(value: object) -> None:
    steps = steps_of(canonical(value))
    assert [(step.name, step.path, step.params) for step in steps] == [
        ("standardscaler", SCALER, {}),
        ("svc", SVC, {"C": 2}),
    ]
    assert steps_of(canonical(canonical(value))) == steps


def test_a_path_stays_as_it_is_and_steps_of_one_class_get_numbers() -> None:
    assert canonical(f" {SVC} ") == SVC
    assert (steps_of(SVC), paths_of(SVC), paths_of("")) == ((), (SVC,), ())
    assert [step.name for step in steps_of(canonical([SCALER, SCALER, SVC]))] == [
        "standardscaler-1",
        "standardscaler-2",
        "svc",
    ]


@pytest.mark.parametrize(
    "value", [[], [1], 7, [{}], [{SVC: 3}], [{"a": SCALER}, {"a": SVC}], [{SVC: {}, SCALER: {}}], "[unclosed"]
)
def test_what_is_no_pipeline_is_refused_with_the_setting(value: object) -> None:
    with pytest.raises(SettingsError, match=r"train\.estimator"):
        TrainSpec(estimator=value)  # type: ignore[arg-type]
