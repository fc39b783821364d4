"""Reaping: what has outlived its lease goes after a second look; what may be at work stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from cmlkit.clouds.launching import Volume
from cmlkit.errors import AnswerLost, CmlkitError, Conflict, PermissionDenied, ServiceError
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.runner import lease
from cmlkit.runner.idleness import NO_RUNNER
from cmlkit.runner.reaping import PAUSE_SECONDS, SURELY_OVER_SECONDS, Reaped, reap
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FakeForge, FastClock
from tests.unit.runner.told import Told

REPOSITORY = "octo/random-forest"
NOW = 1_800_000_000
OVER = NOW - 60
NAME = f"cmlkit-77-1-1-{OVER:08x}-abcdef"
EARLIER_ATTEMPT = f"cmlkit-77-1-2-{OVER:08x}-abcdef"
IN_TIME = f"cmlkit-78-1-1-{NOW + 60:08x}-abcdef"
JUST_NOW = f"cmlkit-78-1-1-{NOW:08x}-abcdef"
POWERING_OFF = "cmlkit: stage=power-off uptime=90.00\ncmlkit: powering off"
Status = Literal["online", "offline"]


def tags(**changes: str) -> dict[str, str]:
    own = {lease.RUN: "77", lease.REPOSITORY: REPOSITORY, lease.EXPIRES: str(OVER), lease.SCOPE: REPOSITORY}
    return {**own, **{f"cmlkit:{name}": value for name, value in changes.items()}}


@dataclass
class Here:
    """A region, another one, and a forge."""

    cloud: FakeCloud = field(default_factory=FakeCloud)
    other: FakeCloud = field(default_factory=lambda: FakeCloud("there"))
    forge: FakeForge = field(default_factory=lambda: FakeForge(polls_until_online=None))
    clock: FastClock = field(default_factory=lambda: FastClock(time=float(NOW)))

    def register(self, name: str, *, status: Status = "offline", busy: bool = False, region: str = "here") -> int:
        number = len(self.forge.runners_by_id) + 1
        labels = tuple(lease.region_labels(region.split()))
        self.forge.runners_by_id[number] = Runner(id=number, name=name, status=status, busy=busy, labels=labels)
        return number

    def reap(self, **arguments: Any) -> dict[str, str]:
        """Id -> outcome."""
        return {row.id: row.outcome for row in self.rows(**arguments)}

    def rows(self, **arguments: Any) -> tuple[Reaped, ...]:
        arguments = {"forge": self.forge, "job_forge": self.forge, **arguments}
        clouds: Any = {"": self.cloud, "here": self.cloud, "there": self.other}
        return reap(repository=REPOSITORY, cloud_for=clouds.__getitem__, clock=self.clock, **arguments)

    def refuse_to_remove(self, error: CmlkitError) -> None:
        """Let the forge refuse to remove any runner."""

        class Refusing(FakeForge):
            def delete_runner(self, runner_id: int) -> None:
                raise error

        self.forge = Refusing(polls_until_online=None, runners_by_id=self.forge.runners_by_id)


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
        (NAME, "offline", False, "far here farther", "kept: its instance may be in far, farther"),
        (IN_TIME, "offline", False, "here", ""),
        (JUST_NOW, "offline", False, "here", ""),
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
    runner = here.register(NAME)
    here.refuse_to_remove(Conflict("It has a job.", status=422))
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


def test_a_termination_whose_answer_is_lost_is_asked_for_again(here: Here) -> None:
    instance = here.cloud.add(NAME, tags=tags())
    here.cloud.errors["terminate"] = [AnswerLost("Its answer cannot be read.")]
    assert here.reap() == {instance.id: "terminated"}
    assert here.cloud.alive() == []


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


NOT_ALLOWED = PermissionDenied("It may not.")


def instance_row(outcome: str, overdue: float = NOW - OVER, error: CmlkitError | None = None) -> Reaped:
    """Return the row of the first instance in `here`, which has NAME."""
    return Reaped(kind="instance", name=NAME, id="here-0", region="here", overdue=overdue, outcome=outcome, error=error)


def runner_row(outcome: str, overdue: float = NOW - OVER, error: CmlkitError | None = None) -> Reaped:
    """Return the row of the first runner, which has NAME."""
    return Reaped(kind="runner", name=NAME, id="1", overdue=overdue, outcome=outcome, error=error)


LATER = NOW + PAUSE_SECONDS - OVER


@pytest.mark.parametrize(
    ("dry_run", "rows"),
    [
        (True, [instance_row("would go"), runner_row("would go")]),
        (False, [instance_row("terminated", LATER), runner_row("removed")]),
    ],
)
def test_a_row_says_what_went_and_since_when_its_lease_was_over(here: Here, dry_run: bool, rows: list[Reaped]) -> None:
    here.cloud.add(NAME, tags=tags())
    here.register(NAME)
    assert list(here.rows(dry_run=dry_run)) == rows


@pytest.mark.parametrize(
    ("dry_run", "region", "row"),
    [
        (True, "here", runner_row("would go")),
        (False, "here", runner_row("removed", LATER)),
        (True, "far", runner_row("kept: its instance may be in far")),
        (False, "far", runner_row("kept: its instance may be in far")),
    ],
)
def test_the_row_of_a_leftover_runner_says_since_when_its_lease_was_over(
    here: Here, dry_run: bool, region: str, row: Reaped
) -> None:
    here.register(NAME, region=region)
    assert here.rows(dry_run=dry_run) == (row,)


@pytest.mark.parametrize(("method", "overdue"), [("tag", NOW - OVER), ("terminate", LATER), ("cancel_expiry", LATER)])
def test_the_row_of_an_instance_that_could_not_be_terminated_has_the_error(
    here: Here, method: str, overdue: float
) -> None:
    here.cloud.add(NAME, tags=tags())
    here.cloud.errors[method] = [NOT_ALLOWED]
    assert here.rows() == (instance_row("failed", overdue, NOT_ALLOWED),)


def test_the_row_of_a_runner_that_could_not_be_removed_has_the_error(here: Here) -> None:
    here.register(NAME)
    here.refuse_to_remove(NOT_ALLOWED)
    assert here.rows() == (runner_row("failed", LATER, NOT_ALLOWED),)


@pytest.mark.parametrize(("regions", "ids"), [((), ["here-0"]), (("here", "there"), ["here-0", "there-0"])])
def test_the_regions_that_were_asked_for_are_searched(here: Here, regions: tuple[str, ...], ids: list[str]) -> None:
    here.cloud.add(NAME, tags=tags())
    here.other.add(EARLIER_ATTEMPT, tags=tags())
    assert list(here.reap(regions=regions)) == ids


def test_it_tells_the_fate_of_each_or_that_nothing_was_overdue(here: Here) -> None:
    told = Told()
    here.reap(progress=told)
    here.cloud.add(NAME, tags=tags())
    here.register(NAME)
    here.reap(progress=told)
    assert told.ends == ["nothing has outlived its lease", f"{NAME} terminated; {NAME} removed"]
    assert told.stages == ["Reap", "Reap"]


@pytest.mark.parametrize(
    ("expires", "told"), [(str(OVER), True), (str(NOW), False), (str(NOW + 60), False), ("", False)]
)
def test_an_overdue_volume_is_told_and_kept(here: Here, expires: str, told: bool) -> None:
    here.cloud.volumes = [
        Volume(id="vol-1", region="here", size=30, tags=tags(expires=expires), delete_command="toy delete vol-1")
    ]
    assert here.reap() == ({"vol-1": "kept: it may hold data"} if told else {})


def volume(number: int, **changes: str) -> Volume:
    return Volume(
        id=f"vol-{number}",
        name=NAME,
        region="there",
        size=30,
        tags=tags(**changes),
        delete_command=f"toy delete vol-{number}",
    )


def test_each_overdue_volume_of_the_repository_has_a_row_and_a_warning_with_the_command_to_delete_it(
    here: Here,
) -> None:
    in_time, others = volume(1, expires=str(NOW + 60)), volume(2, repository="octo/other")
    here.other.volumes = [in_time, others, volume(3), replace(volume(4), tags={lease.REPOSITORY: REPOSITORY})]
    told = Told()
    (row,) = here.rows(regions=["here", "there"], progress=told)
    assert row == Reaped(
        kind="volume", name=NAME, id="vol-3", region="there", overdue=NOW - OVER, outcome="kept: it may hold data"
    )
    (warning,) = told.warnings
    assert "vol-3 (30 GiB in there)" in warning
    assert warning.endswith(": toy delete vol-3")


def test_volumes_that_may_not_be_listed_are_noted_and_hinder_nothing(here: Here) -> None:
    here.cloud.errors["loose_volumes"] = [PermissionDenied("They may not be listed.")]
    instance = here.cloud.add(NAME, tags=tags())
    here.other.volumes = [volume(1)]
    told = Told()
    assert here.reap(regions=["here", "there"], progress=told) == {
        instance.id: "terminated",
        "vol-1": "kept: it may hold data",
    }
    assert told.notes == ["Whether ended instances left volumes in here cannot be told: They may not be listed."]
