"""Keeping an instance for a look: only after a failure, only for the time asked for, never past the lease."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.forges.workflows import Job
from cmlkit.records.training_run import InstanceFacts
from cmlkit.runner import lease
from cmlkit.runner.keeping import MARK, Looks, keep_here
from tests.fake_forge import FakeForge

ENDED = 1_800_000_000.0
JOB = Job(runner_name="cmlkit-77", is_over=True, conclusion="failure", completed=ENDED)
INSTANCE = Instance(
    id="i-1",
    name="cmlkit-77",
    state="running",
    instance_type="c7i.xlarge",
    market="spot",
    region="here",
    zone="here-a",
    launched=ENDED - 600,
    tags={lease.KEEP: "1800", lease.EXPIRES: str(int(ENDED + 6000))},
)
FACTS = InstanceFacts(instance_id="i-1", instance_type="c7i.xlarge", market="spot", region="here", price=0.2)


def looks(job: Job = JOB, *, now: float = ENDED + 60, **forge: bool) -> Looks:
    return Looks(forge=FakeForge(jobs_by_run={"77": [job]}, **forge), run_id="77", now=now)  # type: ignore[arg-type]


def test_the_instance_of_a_failed_job_stays_for_the_time_in_its_tags() -> None:
    found = looks()
    assert found.spares(INSTANCE)
    assert found.kept["i-1"].until == ENDED + 1800
    assert "cmlkit runner connect i-1" in str(found.kept["i-1"])


def test_it_never_stays_past_its_lease() -> None:
    found = looks()
    assert found.spares(replace(INSTANCE, tags={**INSTANCE.tags, lease.EXPIRES: str(int(ENDED + 300))}))
    assert found.kept["i-1"].until == ENDED + 300


# https://docs.github.com/en/rest/actions/workflow-jobs: the other conclusions of a job, and none while it runs.
@pytest.mark.parametrize("conclusion", ["success", "cancelled", "timed_out", "skipped", "neutral", ""])
def test_no_other_end_of_a_job_keeps_the_instance(conclusion: str) -> None:
    assert not looks(replace(JOB, conclusion=conclusion)).spares(INSTANCE)


@pytest.mark.parametrize(
    ("job", "instance", "now"),
    [
        (JOB, INSTANCE, ENDED + 1800),
        (replace(JOB, runner_name="cmlkit-78"), INSTANCE, ENDED),
        (replace(JOB, completed=None), INSTANCE, ENDED),
        (JOB, replace(INSTANCE, tags={lease.EXPIRES: INSTANCE.tags[lease.EXPIRES]}), ENDED),
        (JOB, replace(INSTANCE, tags={lease.KEEP: "1800"}), ENDED),
        (JOB, replace(INSTANCE, state="shutting-down"), ENDED),
    ],
    ids=["its time is over", "another's job", "no end is known", "not asked for", "no lease", "ending"],
)
def test_it_goes_if_anything_is_amiss(job: Job, instance: Instance, now: float) -> None:
    assert not looks(job, now=now).spares(instance)


def test_it_goes_if_the_jobs_cannot_be_read_which_is_told() -> None:
    found = looks(may_read_jobs=False)
    assert (found.spares(INSTANCE), found.is_unreadable) == (False, True)


def test_a_failed_training_leaves_the_mark_and_says_how_long_at_what_price_and_how_to_connect(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environ = {"CMLKIT_INSTANCE_KEEP_SECONDS": "1800", "CMLKIT_HOME": str(tmp_path)}
    (told,) = keep_here(environ, FACTS, now=ENDED)
    assert (tmp_path / MARK).exists()
    assert told == (
        "i-1 stays for 30 min after this job, until about 08:30 UTC, or until its lease ends if that is sooner. It is"
        " billed meanwhile ($0.10 for this time). Connect: cmlkit runner connect i-1. End it sooner: cmlkit runner stop"
        " --instance i-1"
    )


@pytest.mark.parametrize(
    ("keep", "facts"), [("", FACTS), ("0", FACTS), ("1800", None)], ids=["not set", "zero", "another machine"]
)
def test_nothing_is_kept_unless_the_launch_asked_for_it(keep: str, facts: InstanceFacts | None, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environ = {"CMLKIT_INSTANCE_KEEP_SECONDS": keep, "CMLKIT_HOME": str(tmp_path)}
    assert list(keep_here(environ, facts, now=ENDED)) == []
    assert not (tmp_path / MARK).exists()


def test_a_job_in_a_container_says_that_the_instance_is_out_of_reach(tmp_path: Path) -> None:
    environ = {"CMLKIT_INSTANCE_KEEP_SECONDS": "1800", "CMLKIT_HOME": str(tmp_path / "missing")}
    (told,) = keep_here(environ, FACTS, now=ENDED)
    assert "out of a container's reach" in told
