"""The timeline: parts that were measured, in order, and none that would have to be guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmlkit.records.timeline import Part, as_seconds, longest, timeline
from cmlkit.records.training_run import InstanceFacts, Resources, TrainingRun

INSTANCE = InstanceFacts(
    instance_id="i-1", instance_type="t3.medium", market="spot", region="eu-west-1", started=1000.0
)
RUN = TrainingRun(
    mode="command",
    command="python train.py",
    metrics={"accuracy": 0.9},
    model="model.joblib",
    resources=Resources(wall_seconds=42.0, cpu_seconds=40.0, peak_memory_bytes=1),
    started=1100.0,
    setup_seconds=25.0,
    instance=INSTANCE,
)


def test_the_parts_come_in_order_and_do_not_overlap() -> None:
    assert timeline(RUN) == (
        Part(name="start", seconds=75.0),
        Part(name="setup", seconds=25.0),
        Part(name="training", seconds=42.0),
    )
    assert longest(timeline(RUN)).name == "start"


@pytest.mark.parametrize(
    ("run", "names"),
    [
        (replace(RUN, instance=None), ["setup", "training"]),
        (replace(RUN, instance=replace(INSTANCE, started=None)), ["setup", "training"]),
        (replace(RUN, instance=replace(INSTANCE, started=5000.0)), ["setup", "training"]),
        (replace(RUN, setup_seconds=0.0), ["start", "training"]),
        (replace(RUN, instance=None, setup_seconds=0.0), ["training"]),
    ],
    ids=["no instance", "no launch time", "a clock that was set", "no setup", "the training alone"],
)
def test_what_is_unknown_is_left_out(run: TrainingRun, names: list[str]) -> None:
    assert [part.name for part in timeline(run)] == names


def test_the_restoring_of_a_cache_is_a_part_of_its_own() -> None:
    run = replace(RUN, cache_seconds=5.0)
    before_training = [(part.name, part.seconds) for part in timeline(run)[:-1]]
    assert before_training == [("start", 70.0), ("cache", 5.0), ("setup", 25.0)]
    assert TrainingRun.from_json(run.to_json()) == run
    assert "cache_seconds" not in RUN.to_json()


def marked(**marks: float) -> TrainingRun:
    named = {name.replace("_", "-"): moment for name, moment in marks.items()}
    return replace(RUN, data_seconds=3.0, instance=replace(INSTANCE, marks=named, launcher="GitHub Actions 7"))


BOOTED = marked(user=1020.0, startup_script=1030.0, watchers=1045.0, runner=1045.0)


def test_the_marks_of_the_boot_divide_the_start() -> None:
    assert as_seconds(timeline(BOOTED)) == {
        "boot": 30.0,
        "startup script": 15.0,
        "setup": 25.0,
        "training": 42.0,
        "data": 3.0,
        "other": 30.0,
    }


@pytest.mark.parametrize(
    "run",
    [
        marked(startup_script=1030.0),
        marked(startup_script=900.0, watchers=1045.0),
        marked(startup_script=1045.0, watchers=1030.0),
    ],
    ids=["a boot that did not get so far", "before the launch", "backwards"],
)
def test_marks_that_cannot_be_divide_nothing(run: TrainingRun) -> None:
    assert as_seconds(timeline(run)) == {"start": 75.0, "setup": 25.0, "training": 42.0, "data": 3.0}


def test_the_record_keeps_the_times_and_has_none_that_are_unknown() -> None:
    assert TrainingRun.from_json(BOOTED.to_json()) == BOOTED
    bare = replace(RUN, setup_seconds=0.0).to_json()
    assert [name for name in ("setup_seconds", "data_seconds", "marks", "launcher") if name in bare] == []
