"""The timeline of a whole run: every part that jobs, instance and training tell, and none that is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.workflows import Job, Step
from cmlkit.publishing.job_times import Times, known_jobs
from cmlkit.records.timeline import as_seconds
from cmlkit.records.training_run import InstanceFacts, Resources, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import times
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

EPOCH = 1_780_000_000.0
MACHINE, HOSTED = "cmlkit-77-1-1-6b49d200-abcdef", "GitHub Actions 7"


def at(second: float) -> float:
    return EPOCH + second


def steps(*named: tuple[str, float, float | None]) -> tuple[Step, ...]:
    return tuple(
        Step(name=name, started=at(first), completed=None if last is None else at(last)) for name, first, last in named
    )


LAUNCH = Job(
    runner_name=HOSTED,
    is_over=True,
    created=at(0),
    started=at(5),
    completed=at(59),
    steps=steps(("Set up job", 5, 6), ("Run actions/checkout@v6", 6, 8), ("Run cmlkit/cmlkit@v1", 8, 58)),
)
TRAIN = Job(
    runner_name=MACHINE,
    is_over=False,
    created=at(60),
    started=at(65),
    steps=steps(
        ("Set up job", 65, 67),
        ("Run actions/checkout@v6", 67, 70),
        ("Run actions/setup-python@v6", 70, 75),
        ("Run cmlkit/cmlkit@v1", 75, 405),
        ("Run cmlkit/cmlkit@v1", 405, None),
    ),
)
RUN = TrainingRun(
    mode="command",
    command="python train.py",
    metrics={"accuracy": 0.9},
    model="model.joblib",
    resources=Resources(wall_seconds=250.0, cpu_seconds=240.0, peak_memory_bytes=1),
    started=at(140),
    setup_seconds=60.0,
    data_seconds=3.0,
    instance=InstanceFacts(
        instance_id="i-1",
        instance_type="t3.medium",
        market="spot",
        region="eu-west-1",
        started=at(20),
        marks={"startup-script": at(40), "watchers": at(50), "runner": at(51)},
        launcher=HOSTED,
    ),
)
WORKFLOW_RUN = WorkflowRun(repository="octo/forest", run_id="77", runner=MACHINE)
ON_HOSTED = replace(RUN, instance=None)

BEFORE = {"queue": 5, "launch": 15, "boot": 20, "startup script": 10, "runner": 15}
TRAINED = {"setup": 60, "training": 250, "data": 3}
IN_JOB = {"steps": 7, "checkout": 3, **TRAINED}
PUBLISHED = {"publish": 4, "other": 20}


def unmarked(*, started: float | None = at(20), launcher: str = HOSTED) -> TrainingRun:
    assert RUN.instance is not None
    return replace(RUN, instance=replace(RUN.instance, marks={}, started=started, launcher=launcher))


def cached() -> TrainingRun:
    return replace(RUN, cache_seconds=4.0)


def launched_elsewhere() -> TrainingRun:
    assert RUN.instance is not None
    return replace(RUN, instance=replace(RUN.instance, launcher=""))


def shifted(run: TrainingRun, seconds: float) -> TrainingRun:
    """The run as an instance tells it whose clock is wrong; the cloud, not the instance, tells when it was launched."""
    assert run.instance is not None
    marks = {name: moment + seconds for name, moment in run.instance.marks.items()}
    return replace(run, started=run.started + seconds, instance=replace(run.instance, marks=marks))


def told(
    run: TrainingRun, jobs: Sequence[Job], workflow_run: WorkflowRun = WORKFLOW_RUN, skew: float = 0
) -> dict[str, float]:
    times = Times(run=run, jobs=jobs, workflow_run=workflow_run, began=at(408 + skew))
    return as_seconds(times.until_report(at(412 + skew)))


def test_the_parts_of_a_run_on_an_instance_are_those_of_its_jobs_its_boot_and_its_training_in_order() -> None:
    parts = told(RUN, [LAUNCH, TRAIN])
    assert list(parts.items()) == list({**BEFORE, **IN_JOB, **PUBLISHED}.items())
    assert sum(parts.values()) == 412


def test_the_page_about_the_time_shows_the_line_of_such_a_run() -> None:
    known = Times(run=RUN, jobs=[LAUNCH, TRAIN], workflow_run=WORKFLOW_RUN, began=at(408)).until_report(at(412))
    page = (Path(__file__).parents[3] / "docs" / "reference" / "timeline.md").read_text().replace("·\n> ", "· ")
    assert f"> {times.line(known)}\n" in page


OTHER_TRAIN = replace(TRAIN, runner_name="cmlkit-77-1-2-6b49d200-abcdef")
OVER = replace(TRAIN, is_over=True, completed=at(407))
ELSEWHERE = replace(WORKFLOW_RUN, runner="GitHub Actions 9")
RESUMED = replace(
    TRAIN,
    steps=(*TRAIN.steps[:2], *steps(("Run actions/cache/restore@v5", 70, 75)), *TRAIN.steps[3:]),
)
LATER = {"boot": 20, "startup script": 10, "runner": 15, **IN_JOB, **PUBLISHED}


@pytest.mark.parametrize(
    ("run", "jobs", "workflow_run", "parts"),
    [
        (ON_HOSTED, [TRAIN], WORKFLOW_RUN, {"queue": 5, **IN_JOB, **PUBLISHED}),
        (ON_HOSTED, [replace(TRAIN, started=TRAIN.created)], WORKFLOW_RUN, {"queue": 5, **IN_JOB, **PUBLISHED}),
        (ON_HOSTED, [replace(TRAIN, created=at(66))], WORKFLOW_RUN, {**IN_JOB, **PUBLISHED}),
        (ON_HOSTED, [replace(TRAIN, created=None)], WORKFLOW_RUN, {**IN_JOB, **PUBLISHED}),
        (
            unmarked(),
            [LAUNCH, TRAIN],
            WORKFLOW_RUN,
            {"queue": 5, "launch": 15, "boot": 39, "runner": 6, **IN_JOB, **PUBLISHED},
        ),
        (
            unmarked(started=None),
            [LAUNCH, TRAIN],
            WORKFLOW_RUN,
            {"queue": 5, "launch": 54, "runner": 6, **IN_JOB, **PUBLISHED},
        ),
        (launched_elsewhere(), [TRAIN], WORKFLOW_RUN, LATER),
        (unmarked(launcher=""), [TRAIN], WORKFLOW_RUN, {"start": 45, **IN_JOB, **PUBLISHED}),
        (
            RUN,
            [LAUNCH, TRAIN, *(replace(job, attempt=2) for job in (LAUNCH, TRAIN))],
            replace(WORKFLOW_RUN, attempt=2),
            {**BEFORE, **IN_JOB, **PUBLISHED},
        ),
        (RUN, [LAUNCH, replace(TRAIN, attempt=2)], replace(WORKFLOW_RUN, attempt=2), LATER),
        (RUN, [LAUNCH, OTHER_TRAIN, TRAIN], WORKFLOW_RUN, {**BEFORE, **IN_JOB, **PUBLISHED}),
        (RUN, [LAUNCH, OVER], ELSEWHERE, {**BEFORE, **IN_JOB, **PUBLISHED}),
        (RUN, [LAUNCH, RESUMED], WORKFLOW_RUN, {**BEFORE, **IN_JOB, **PUBLISHED}),
        (
            cached(),
            [LAUNCH, TRAIN],
            WORKFLOW_RUN,
            {**BEFORE, "steps": 7, "checkout": 3, "cache": 4, **TRAINED, "publish": 4, "other": 16},
        ),
        (RUN, [LAUNCH, replace(TRAIN, steps=TRAIN.steps[:4])], WORKFLOW_RUN, {**BEFORE, **IN_JOB, **PUBLISHED}),
        (
            RUN,
            [LAUNCH, replace(TRAIN, steps=())],
            WORKFLOW_RUN,
            {**BEFORE, **TRAINED, "publish": 4},
        ),
        (
            shifted(RUN, -30),
            [LAUNCH, TRAIN],
            WORKFLOW_RUN,
            {"queue": 5, "launch": 15, "boot": 39, "runner": 6, **TRAINED, "publish": 4},
        ),
    ],
    ids=[
        "hosted",
        "a job's start that is the time of its queueing",
        "queued after its start by a second",
        "a forge that does not tell the queueing",
        "an instance without marks of its boot",
        "an instance that does not know its launch",
        "launched from a laptop, or by another workflow",
        "launched from a laptop, without marks",
        "all jobs run again",
        "the training run again without its launch",
        "a matrix",
        "published by another job",
        "resumed from a checkpoint",
        "a cache restored before the setup",
        "a publish step that is not listed yet",
        "steps that are not listed",
        "a clock of the instance that is half a minute late",
    ],
)
def test_what_is_not_known_is_left_out(
    run: TrainingRun, jobs: Sequence[Job], workflow_run: WorkflowRun, parts: dict[str, float]
) -> None:
    assert told(run, jobs, workflow_run) == parts


@pytest.mark.parametrize(
    ("run", "jobs", "workflow_run"),
    [
        (RUN, [], WORKFLOW_RUN),
        (RUN, [LAUNCH, OVER, replace(OTHER_TRAIN, completed=at(400))], ELSEWHERE),
        (RUN, [LAUNCH, TRAIN], replace(WORKFLOW_RUN, attempt=2)),
        (shifted(RUN, -3600), [LAUNCH, TRAIN], WORKFLOW_RUN),
    ],
    ids=["no job may be read", "a matrix, published by another job", "trained by an earlier attempt", "a wrong clock"],
)
def test_without_the_job_that_trained_only_the_training_and_its_instance_tell(
    run: TrainingRun, jobs: Sequence[Job], workflow_run: WorkflowRun
) -> None:
    assert {"queue", "launch", "checkout", "steps", "publish"}.isdisjoint(told(run, jobs, workflow_run))
    assert told(run, jobs, workflow_run).items() >= TRAINED.items()


@given(st.integers(min_value=-500, max_value=500))
def test_whatever_the_clocks_say_no_part_is_negative_and_what_was_measured_stays(skew: int) -> None:
    parts = told(shifted(RUN, skew), [LAUNCH, TRAIN], skew=skew)
    assert min(parts.values()) > 0
    assert {name: parts[name] for name in TRAINED} == TRAINED


def test_a_report_that_is_committed_ends_with_the_training_so_that_a_second_try_commits_the_same() -> None:
    first = Times(run=RUN, jobs=[LAUNCH, TRAIN], workflow_run=WORKFLOW_RUN, began=at(408))
    ended = replace(TRAIN.steps[-1], completed=at(500))
    again = replace(TRAIN, steps=(*TRAIN.steps[:-1], ended))
    second = Times(run=RUN, jobs=[LAUNCH, again], workflow_run=WORKFLOW_RUN, began=at(600))
    assert as_seconds(first.until_trained()) == {**BEFORE, **IN_JOB, "other": 5}
    assert second.until_trained() == first.until_trained()


@dataclass
class Jobs:
    """A forge with the jobs of each run, or an error; `asked` counts the questions."""

    error: CmlkitError | None = None
    asked: int = 0

    def jobs(self, run_id: str) -> list[Job]:
        self.asked += 1
        if self.error:
            raise self.error
        return [LAUNCH, TRAIN]


@pytest.mark.parametrize(
    ("forge", "jobs", "warned"),
    [
        (Jobs(), [LAUNCH, TRAIN], []),
        (Jobs(PermissionDenied("403")), [], []),
        (Jobs(NotFound("404")), [], []),
        (Jobs(ServiceError("GitHub is out.")), [], ["The report lacks the times of the jobs: GitHub is out."]),
    ],
    ids=["readable", "no actions: read", "no such run", "an outage"],
)
def test_jobs_that_the_forge_does_not_tell_end_no_publish(forge: Jobs, jobs: list[Job], warned: list[str]) -> None:
    heard: list[str] = []
    assert list(known_jobs(forge, WORKFLOW_RUN, warn=heard.append)) == jobs
    assert heard == warned


def test_a_run_outside_of_a_ci_has_no_jobs_to_ask_for() -> None:
    forge = Jobs()
    assert known_jobs(forge, replace(WORKFLOW_RUN, run_id="local0123abcd"), warn=print) == ()
    assert forge.asked == 0


def test_jobs_as_github_describes_them_give_the_timeline(github: ScriptedGitHub) -> None:
    """With the steps that have not begun, whose times are null."""

    def shown(moment: float | None) -> str | None:
        return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def described(job: Job) -> dict[str, object]:
        done = [
            {"name": step.name, "started_at": shown(step.started), "completed_at": shown(step.completed)}
            for step in job.steps
        ]
        waiting = {"name": "Post Run actions/checkout@v6", "started_at": None, "completed_at": None}
        return {
            "runner_name": job.runner_name,
            "run_attempt": 1,
            "status": "completed" if job.is_over else "in_progress",
            "created_at": shown(job.created),
            "started_at": shown(job.started),
            "completed_at": shown(job.completed),
            "steps": [
                {**step, "number": number, "status": "queued", "conclusion": None}
                for number, step in enumerate([*done, waiting], start=1)
            ],
        }

    path = f"{REPO}/actions/runs/77/jobs"
    github.answer("GET", path, {"total_count": 2, "jobs": [described(LAUNCH), described(TRAIN)]})
    assert told(RUN, github.client().jobs("77")) == {**BEFORE, **IN_JOB, **PUBLISHED}
