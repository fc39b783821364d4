"""The timeline: parts that were measured, in order, and none that would have to be guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmlkit.records.timeline import Part, longest, timeline
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


def test_the_record_keeps_the_time_of_the_setup() -> None:
    assert TrainingRun.from_json(RUN.to_json()).setup_seconds == 25.0
    assert "setup_seconds" not in replace(RUN, setup_seconds=0.0).to_json()
