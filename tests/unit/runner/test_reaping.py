"""Reaping: what has outlived its lease goes after a second look; what may be at work stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from cmlkit.clouds.launching import Volume
from cmlkit.errors import Conflict, PermissionDenied, ServiceError
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.runner import lease
from cmlkit.runner.idleness import NO_RUNNER
from cmlkit.runner.reaping import PAUSE_SECONDS, SURELY_OVER_SECONDS, reap
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FakeForge, FastClock

REPOSITORY = "octo/random-forest"
NOW = 1_800_000_000
OVER = NOW - 60
NAME = f"cmlkit-77-1-1-{OVER:08x}-abcdef"
EARLIER_ATTEMPT = f"cmlkit-77-1-2-{OVER:08x}-abcdef"
IN_TIME = f"cmlkit-78-1-1-{NOW + 60:08x}-abcdef"
POWERING_OFF = "cmlkit: stage=power-off uptime=90.00\ncmlkit: powering off"
Status = Literal["online", "offline"]


def tags(**changes: str) -> dict[str, str]:
    own = {lease.RUN: "77", lease.REPOSITORY: REPOSITORY, lease.EXPIRES: str(OVER), lease.SCOPE: REPOSITORY}
    return {**own, **{f"cmlkit:{name}": value for name, value in changes.items()}}


@dataclass
class Here:
    """One region and a forge."""

    cloud: FakeCloud = field(default_factory=FakeCloud)
    forge: FakeForge = field(default_factory=lambda: FakeForge(polls_until_online=None))
    clock: FastClock = field(default_factory=lambda: FastClock(time=float(NOW)))

    def register(self, name: str, *, status: Status = "offline", busy: bool = False, region: str = "here") -> int:
        number = len(self.forge.runners_by_id) + 1
        labels = tuple(lease.region_labels([region]))
        self.forge.runners_by_id[number] = Runner(id=number, name=name, status=status, busy=busy, labels=labels)
        return number

    def reap(self, **arguments: Any) -> dict[str, str]:
        """Id -> outcome."""
        arguments = {"forge": self.forge, "job_forge": self.forge, **arguments}
        cloud: Any = self.cloud
        rows = reap(repository=REPOSITORY, cloud_for=lambda region: cloud, clock=self.clock, **arguments)
        return {row.id: row.outcome for row in rows}


@pytest.fixture
def here() -> Here:
    return Here()


def test_an_overdue_instance_is_marked_looked_at_again_and_terminated_and_its_runner_removed(here: Here) -> None:
    instance, runner = here.cloud.add(NAME, tags=tags()), here.register(NAME)
    assert here.reap() == {instance.id: "terminated", str(runner): "removed"}
    assert (here.cloud.alive(), here.forge.runners_by_id, here.cloud.cancelled) == ([], {}, [instance.id])
    assert here.clock.slept == [PAUSE_SECONDS]
    assert here.cloud.tags_of(instance.id)[lease.REAPING] == str(NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": str(NOW + 60)},
        {"expires": str(NOW)},
        {"expires": "soon"},
        {"repository": "octo/other"},
    ],
)
def test_an_instance_in_time_of_unknown_lease_or_of_others_is_left_alone(here: Here, changes: dict[str, str]) -> None:
    instance = here.cloud.add(NAME, tags=tags(**changes))
    assert here.reap() == {}
    assert here.cloud.alive() == [instance.id]
    assert here.clock.slept == []


@pytest.mark.parametrize(
    ("status", "busy", "jobs", "console", "outcome"),
    [
        ("online", True, [], "", "kept: it is busy"),
        ("offline", True, [], "", "kept: it is busy"),
        ("online", False, [Job(runner_name=NAME, is_over=False)], "", "kept: it is busy"),
        ("online", False, [Job(runner_name=NAME, is_over=True)], "", "terminated"),
        ("online", False, [Job(runner_name=EARLIER_ATTEMPT, is_over=False)], "", "terminated"),
        ("offline", False, None, "", "kept: the jobs of its run 77 cannot be read (`actions: read`)"),
        ("offline", False, None, f"{POWERING_OFF}: it was idle\n", "terminated"),
        ("offline", False, None, "cmlkit: stage=runner uptime=40.00\ncmlkit: a job came\n", "kept: its console"),
    ],
)
def test_whoever_may_be_at_work_is_kept(
    here: Here, status: Status, busy: bool, jobs: list[Job] | None, console: str, outcome: str
) -> None:
    instance, runner = here.cloud.add(NAME, tags=tags()), here.register(NAME, status=status, busy=busy)
    here.cloud.consoles[instance.id] = console
    here.forge.may_read_jobs = jobs is not None
    here.forge.jobs_by_run["77"] = jobs or []
    assert here.reap()[instance.id].startswith(outcome)
    kept = outcome != "terminated"
    assert (here.cloud.alive() == [instance.id]) is kept
    assert (runner in here.forge.runners_by_id) is kept


def test_an_instance_of_which_nobody_can_tell_goes_hours_later(here: Here) -> None:
    instance = here.cloud.add(NAME, tags=tags(expires=str(int(NOW - SURELY_OVER_SECONDS))))
    here.forge.may_read_jobs = False
    assert here.reap()[instance.id] == "terminated"


def test_an_instance_that_never_has_a_runner_goes_without_a_word_of_the_forge(here: Here) -> None:
    instance = here.cloud.add(NAME, tags=tags(**{"runner-id": NO_RUNNER}))
    here.forge.may_read_jobs = False
    assert here.reap()[instance.id] == "terminated"


def become_busy(here: Here) -> None:
    here.forge.become_busy(1)


def prolong(here: Here) -> None:
    here.cloud.tag([here.cloud.alive()[0]], {lease.EXPIRES: str(NOW + 9999)})


def end(here: Here) -> None:
    here.cloud.end(here.cloud.alive()[0])


@pytest.mark.parametrize(
    ("meanwhile", "outcome"),
    [
        (become_busy, "kept: it is busy"),
        (prolong, "kept: its lease is not over any more"),
        (end, "kept: its lease is not over any more"),
    ],
)
def test_what_changes_between_the_looks_is_not_terminated(
    here: Here, meanwhile: Callable[[Here], None], outcome: str
) -> None:
    instance = here.cloud.add(NAME, tags=tags())
    here.register(NAME)
    here.clock.when_slept = lambda: meanwhile(here)
    assert here.reap()[instance.id] == outcome
    assert ("terminate", instance.id) not in here.cloud.asked


@pytest.mark.parametrize(
    ("name", "status", "busy", "region", "outcome"),
    [
        (NAME, "offline", False, "here", "removed"),
        (NAME, "online", False, "here", ""),
        (NAME, "offline", True, "here", ""),
        (NAME, "online", True, "here", ""),
        (NAME, "offline", False, "elsewhere", "kept: its instance may be in elsewhere"),
        (IN_TIME, "offline", False, "here", ""),
        ("build-machine", "offline", False, "here", ""),
    ],
)
def test_of_runners_without_an_instance_only_our_own_offline_and_overdue_ones_go(
    here: Here, name: str, status: Status, busy: bool, region: str, outcome: str
) -> None:
    runner = here.register(name, status=status, busy=busy, region=region)
    assert here.reap() == ({str(runner): outcome} if outcome else {})
    assert (runner not in here.forge.runners_by_id) is (outcome == "removed")


@pytest.mark.parametrize(("status", "busy"), [("online", False), ("offline", True), ("online", True)])
def test_a_leftover_that_comes_to_life_between_the_looks_is_kept(here: Here, status: Status, busy: bool) -> None:
    runner = here.register(NAME)

    def come_to_life() -> None:
        here.forge.runners_by_id[runner] = replace(here.forge.runners_by_id[runner], status=status, busy=busy)

    here.clock.when_slept = come_to_life
    assert here.reap() == {}
    assert runner in here.forge.runners_by_id


def test_a_leftover_that_gets_a_job_as_it_is_removed_is_kept(here: Here) -> None:
    class Late(FakeForge):
        def delete_runner(self, runner_id: int) -> None:
            raise Conflict("It has a job.", status=422)

    here.forge = Late(polls_until_online=None)
    runner = here.register(NAME)
    assert here.reap() == {str(runner): "kept: it is busy"}


def test_the_runner_of_an_instance_that_is_kept_stays(here: Here) -> None:
    here.cloud.add(NAME, tags=tags())
    runner = here.register(NAME)
    here.forge.may_read_jobs = False
    here.reap()
    assert runner in here.forge.runners_by_id


def test_a_preview_touches_nothing(here: Here) -> None:
    instance, runner = here.cloud.add(NAME, tags=tags()), here.register(NAME)
    assert here.reap(dry_run=True) == {instance.id: "would go", str(runner): "would go"}
    assert here.cloud.alive() == [instance.id]
    assert runner in here.forge.runners_by_id
    assert not {call[0] for call in here.cloud.asked} & {"tag", "terminate", "cancel_expiry"}


@pytest.mark.parametrize("method", ["tag", "terminate", "cancel_expiry"])
def test_what_fails_is_in_its_row_and_does_not_hinder_the_others(here: Here, method: str) -> None:
    first, second = here.cloud.add(NAME, tags=tags()), here.cloud.add(EARLIER_ATTEMPT, tags=tags())
    here.cloud.errors[method] = [PermissionDenied("It may not.")]
    assert here.reap() == {first.id: "failed", second.id: "terminated"}
    assert second.id not in here.cloud.alive()


@pytest.mark.parametrize("look", [0, 1])
def test_an_outage_of_the_cloud_is_raised(here: Here, look: int) -> None:
    here.cloud.add(NAME, tags=tags())
    here.cloud.errors["instances"] = [*[None] * look, ServiceError("The service is out.")]
    with pytest.raises(ServiceError, match="out"):
        here.reap()
    assert here.cloud.alive()


@pytest.mark.parametrize("look", [0, 1])
def test_an_outage_of_the_forge_is_raised_and_ends_nothing(here: Here, look: int) -> None:
    here.cloud.add(NAME, tags=tags())

    def fail() -> None:
        if here.forge.listed == look:
            raise ServiceError("The service is out.")

    here.forge.when_listed = fail
    with pytest.raises(ServiceError, match="out"):
        here.reap()
    assert here.cloud.alive()


@pytest.mark.parametrize(("expires", "told"), [(str(OVER), True), (str(NOW + 60), False), ("", False)])
def test_an_overdue_volume_is_told_and_kept(here: Here, expires: str, told: bool) -> None:
    here.cloud.volumes = [
        Volume(id="vol-1", region="here", size=30, tags=tags(expires=expires), delete_command="toy delete vol-1")
    ]
    assert here.reap() == ({"vol-1": "kept: it may hold data"} if told else {})


def test_volumes_that_may_not_be_listed_hinder_nothing(here: Here) -> None:
    here.cloud.errors["loose_volumes"] = [PermissionDenied("Volumes may not be listed.")]
    instance = here.cloud.add(NAME, tags=tags())
    assert here.reap() == {instance.id: "terminated"}
