"""Idleness: a runner is idle only if nobody who can know says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.errors import PermissionDenied
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.runner.boot import BootProgress
from cmlkit.runner.idleness import JOB_DONE, Words, had_job, judged, readable_console
from tests.fake_cloud import FakeCloud

NAME = "cmlkit-77-1-1-6b49d200-abcdef"
MINE = "octo/forest"
TAGS = {"cmlkit:run": "77", "cmlkit:runner-id": "5", "cmlkit:scope": MINE}
LISTED = Runner(id=5, name=NAME, status="online", busy=False, labels=())
WORKING = Runner(id=5, name=NAME, status="online", busy=True, labels=())
WAITING = BootProgress(step="runner", uptime=40.0)
AT_WORK = BootProgress(step="runner", uptime=40.0, had_job=True)
STARTING = BootProgress(step="startup-script", uptime=30.0)
LEAVING = BootProgress(step="power-off", uptime=90.0, had_job=True, farewell="its job is done")
DONE = BootProgress(step="power-off", uptime=44.0, farewell=JOB_DONE)
NO_JOBS: Sequence[Job] = ()


def job(name: str = NAME, *, is_over: bool = False) -> Job:
    return Job(runner_name=name, is_over=is_over)


def words(
    runner: Runner | None = LISTED,
    jobs: Sequence[Job] | None = NO_JOBS,
    console: BootProgress | None = None,
    *,
    tags: Mapping[str, str] = TAGS,
) -> Words:
    instance = Instance(
        id="i-1",
        name=NAME,
        state="running",
        instance_type="t3.medium",
        market="spot",
        region="eu-west-1",
        zone="eu-west-1a",
        launched=0.0,
        tags=tags,
    )
    return Words(instance=instance, owner=MINE, runner=runner, jobs=jobs, console=console)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (words(WORKING), "busy"),
        (words(WORKING, jobs=[job(is_over=True)]), "busy"),
        # The list shows a runner that works as idle or offline, or not at all.
        (words(LISTED, jobs=[job()]), "busy"),
        (words(None, jobs=[job()]), "busy"),
        (words(None, jobs=[job()], tags={**TAGS, "cmlkit:scope": "octo"}), "busy"),
        # A just-in-time runner has one job in its life, whatever an old console shows.
        (words(LISTED, jobs=[job(is_over=True)], console=AT_WORK), "idle"),
        (words(None, jobs=[job(is_over=True)], tags={**TAGS, "cmlkit:scope": "octo"}), "idle"),
        (words(LISTED), "idle"),
        (words(None), "idle"),
        (words(LISTED, jobs=[job("another")]), "idle"),
        (words(LISTED, console=WAITING), "idle"),
        # A job of another run, which shares a label.
        (words(LISTED, console=AT_WORK), "unknown"),
        (words(None, tags={**TAGS, "cmlkit:scope": "octo"}), "unknown"),
        (words(LISTED, tags={**TAGS, "cmlkit:scope": "octo"}), "idle"),
        (words(None, tags={**TAGS, "cmlkit:scope": MINE.upper()}), "idle"),
        # The instance itself decides if the forge says nothing; but its console may be hours old.
        (words(None, jobs=None, console=LEAVING), "idle"),
        (words(None, jobs=None, console=STARTING), "unknown"),
        (words(None, jobs=None, console=AT_WORK), "unknown"),
        (words(None, jobs=None, console=WAITING), "unknown"),
        (words(LISTED, jobs=None, console=WAITING), "unknown"),
        (words(LISTED, jobs=None), "unknown"),
        (words(None, jobs=None), "unknown"),
        # Instances of older versions have no scope.
        (words(None, tags={"cmlkit:run": "77"}), "idle"),
        (words(None, jobs=None, tags={"cmlkit:run": "77"}), "unknown"),
        # An instance that shows what an image has, and never is a runner.
        (words(None, jobs=None, tags={**TAGS, "cmlkit:runner-id": "0"}), "idle"),
    ],
)
def test_a_runner_is_idle_only_if_nobody_who_can_know_says_otherwise(said: Words, state: str) -> None:
    assert judged(said).state == state


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (words(None, tags={**TAGS, "cmlkit:scope": "octo"}), "its runners are listed by octo"),
        (words(LISTED, console=AT_WORK), "its console shows a job that the forge does not list"),
        (words(None, jobs=None), "the jobs of its run 77 cannot be read (`actions: read`)"),
    ],
)
def test_what_cannot_be_told_says_why(said: Words, reason: str) -> None:
    assert judged(said).reason == reason


@pytest.mark.parametrize(
    ("jobs", "console", "had"),
    [
        ([job()], None, True),
        ([job(is_over=True)], None, True),
        ([job("another")], None, False),
        ([job("")], WAITING, False),
        (None, None, False),
        (None, WAITING, False),
        (None, AT_WORK, True),
        (None, DONE, True),
    ],
)
def test_a_runner_had_a_job_only_if_the_run_or_its_console_shows_one(
    jobs: Sequence[Job] | None, console: BootProgress | None, had: bool
) -> None:
    assert had_job(NAME, jobs=jobs, console=console) is had


def test_a_console_that_cannot_be_read_shows_nothing() -> None:
    cloud = FakeCloud()
    cloud.consoles["i-1"] = "cmlkit: stage=runner uptime=40.0\n"
    assert readable_console(cloud, "i-1") == WAITING
    assert readable_console(cloud, "i-2") is None
    cloud.errors["console_output"] = [PermissionDenied("It may not be read.")]
    assert readable_console(cloud, "i-1") is None


def test_the_boot_script_says_the_farewell_that_shows_a_job_done() -> None:
    script = (files("cmlkit.runner") / "life.sh").read_text(encoding="utf-8")
    assert f'reason="{JOB_DONE.removesuffix("0")}$status"' in script
