"""The time in a report: the whole on one line, and one part to make shorter if that is worth somebody's attention."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from cmlkit.records import timeline
from cmlkit.records.timeline import Part
from cmlkit.records.training_run import Resources, TrainingRun
from cmlkit.report import Report, times
from cmlkit.report.times import LONG_SECONDS, LONG_SHARE, MENDS, SLOW_SECONDS
from tests.unit.judging import judge

NAMES = [
    value
    for name, value in vars(timeline).items()
    if name.isupper() and isinstance(value, str) and not name.startswith("_")
]


def parts(**seconds: float) -> tuple[Part, ...]:
    return tuple(Part(name=name.replace("_", " "), seconds=length) for name, length in seconds.items())


def trained(seconds: float, *, hosted_cores: int = 0) -> TrainingRun:
    return TrainingRun(
        mode="command",
        command="python train.py",
        metrics={"accuracy": 0.9},
        model="model.joblib",
        resources=Resources(wall_seconds=seconds, cpu_seconds=1.0, peak_memory_bytes=1),
        started=1_780_000_000.0,
        hosted_cores=hosted_cores,
    )


def page(run: TrainingRun, known: tuple[Part, ...]) -> str:
    return Report(run=run, verdict=judge([], challenger=run.metrics), parts=known).markdown()


def test_the_line_has_the_whole_and_its_parts_without_those_that_last_no_time() -> None:
    known = parts(queue=0.2, launch=48, boot=31.4, setup=250, training=390, publish=3, other=5)
    told = times.line(known)
    assert told == (
        "12 min 8 s until this report: launch 48 s · boot 31 s · setup 4 min 10 s · **training 6 min 30 s**"
        " · publish 3 s · other 5 s"
    )
    assert f"| Time | {told} |" in page(trained(390), known)


@pytest.mark.parametrize(
    ("known", "told"), [(parts(training=42), ""), (parts(training=0, other=0.1), "0.1 s: **training 0 s**")]
)
def test_a_line_of_one_part_is_left_out_and_one_without_a_long_part_has_the_training(
    known: tuple[Part, ...], told: str
) -> None:
    assert times.line(known) == told


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (parts(setup=250, training=390), "⏱️ The setup took 4 min 10 s of 10 min 40 s. `train.cache` keeps"),
        (parts(startup_script=200, training=90), "⏱️ The startup script took 3 min 20 s of 4 min 50 s. An image has it"),
        (
            parts(boot=LONG_SECONDS, setup=20, training=90),
            "⏱️ The boot took 1 min of 2 min 50 s. An image with the runner",
        ),
        (parts(steps=70, training=90), "⏱️ The job's steps before the training took 1 min 10 s of 2 min 40 s."),
        (parts(data=600, training=90), "⏱️ Hashing the data took 10 min of 11 min 30 s."),
    ],
)
def test_the_longest_part_that_can_be_made_shorter_is_shown_with_the_way(known: tuple[Part, ...], told: str) -> None:
    assert told in page(trained(90), known)


@pytest.mark.parametrize(
    "known",
    [
        parts(setup=LONG_SECONDS - 1, training=20),
        parts(setup=LONG_SECONDS, training=LONG_SECONDS * 9.1),
        parts(training=9000),
        parts(runner=300, publish=300, other=900, training=20),
    ],
    ids=["less than a minute", "less than a tenth", "the training", "parts that nothing makes shorter"],
)
def test_a_part_that_is_short_or_cannot_be_made_shorter_is_not_told(known: tuple[Part, ...]) -> None:
    assert "⏱️" not in page(trained(20), known)


def test_a_slow_training_on_a_hosted_machine_and_a_long_setup_are_told_once_by_the_longer() -> None:
    run = trained(SLOW_SECONDS, hosted_cores=2)
    larger, setup = (
        page(run, parts(setup=300, training=SLOW_SECONDS)),
        page(run, parts(setup=2000, training=SLOW_SECONDS)),
    )
    assert ("on 2 cores" in larger, "The setup took" in larger) == (True, False)
    assert ("on 2 cores" in setup, "The setup took" in setup) == (False, True)
    assert "on 2 cores" not in page(dataclasses.replace(run, hosted_cores=0), parts(training=SLOW_SECONDS))


def test_the_page_about_the_time_names_every_part_and_the_bounds() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "timeline.md").read_text()
    assert re.findall(r"^\| ([a-z ]+) \|", page, re.MULTILINE) == [
        *(name for name in NAMES if name not in (timeline.START, timeline.OTHER)),
        timeline.START,
        timeline.OTHER,
    ]
    assert (LONG_SECONDS, LONG_SHARE, SLOW_SECONDS) == (60, 0.1, 1200)
    assert "if it took a minute or more, and a tenth\nor more of the whole" in page
    assert "A training of 20 minutes or more" in page


def test_every_part_that_a_setting_or_an_image_makes_shorter_has_its_mend() -> None:
    assert set(NAMES) - set(MENDS) == {timeline.RUNNER, timeline.TRAINING, timeline.PUBLISH, timeline.OTHER}
    assert set(MENDS) <= set(NAMES)
