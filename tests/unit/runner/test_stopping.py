"""Stopping: what is a run's goes, whatever else fails; what fails is told, and so is what may be left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance
from cmlkit.errors import AnswerLost, CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.spot import INTERRUPTION
from cmlkit.runner.stopping import LOOKS, PAUSE_SECONDS, Removed, Traces, remove, stop, taken_back, traces_of_run
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FakeForge, FastClock
from tests.unit.runner.told import Told

RUN = WorkflowRun(repository="octo/random-forest", run_id="77", attempt=2)
OURS = {lease.RUN: "77", lease.REPOSITORY: "octo/random-forest", lease.ATTEMPT: "2"}
NAME = "cmlkit-77-2-1-6b49d200-abcdef"
EARLIER = "cmlkit-77-1-1-6b49d200-abcdef"
OUTAGE = ServiceError("The service is out.")


@dataclass
class Here:
    """Two regions, a forge, and one instance of the run with its runner."""

    cloud: FakeCloud = field(default_factory=lambda: FakeCloud("here"))
    other: FakeCloud = field(default_factory=lambda: FakeCloud("there"))
    forge: FakeForge = field(default_factory=lambda: FakeForge(polls_until_online=None))
    clock: FastClock = field(default_factory=FastClock)

    def __post_init__(self) -> None:
        self.instance = self.cloud.add(NAME, tags=OURS)
        self.register(1, NAME)

    def register(self, number: int, name: str, *, busy: bool = False, region: str = "here") -> Runner:
        labels = tuple(lease.region_labels([region]))
        runner = Runner(id=number, name=name, status="offline", busy=busy, labels=labels)
        self.forge.runners_by_id[number] = runner
        return runner

    def cloud_for(self, region: str) -> Any:
        if region not in ("", "here", "there"):
            raise SettingsError(f"{region} is no region.")
        return self.other if region == "there" else self.cloud

    def stop(self, **arguments: Any) -> Removed:
        return stop(workflow_run=RUN, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock, **arguments)

    def remove_run(self) -> Removed:
        traces = traces_of_run(RUN, [self.cloud_for("")], cloud_for=self.cloud_for)
        return remove(traces, forge=self.forge, clock=self.clock)

    def remove(self, **traces: Any) -> Removed:
        """Remove the traces of a launch."""
        found = Traces(clouds=[self.cloud_for("here")], tags=OURS, owns=NAME.__eq__, registered={NAME}, **traces)
        return remove(found, forge=self.forge, clock=self.clock)


def test_the_instance_and_the_runner_of_the_run_go_and_then_the_expiry() -> None:
    here = Here()
    removed = here.stop()
    assert (removed.instances, removed.runners, removed.failures, removed.left) == (
        (here.instance.id,),
        (NAME,),
        (),
        (),
    )
    assert (here.cloud.alive(), here.forge.runners_by_id, here.cloud.cancelled) == ([], {}, [here.instance.id])
    assert [call[0] for call in here.cloud.asked] == ["instances", "terminate", "cancel_expiry"]


@pytest.mark.parametrize(
    ("name", "tags", "goes"),
    [
        (EARLIER, OURS | {lease.ATTEMPT: "1"}, True),
        ("cmlkit-778-1-1-6b49d200-abcdef", OURS | {lease.RUN: "778"}, False),
        (NAME, OURS | {lease.REPOSITORY: "octo/other"}, False),
        ("somebody's", OURS, False),
        (NAME, {"Name": NAME}, False),
    ],
)
def test_only_those_of_the_run_go_in_any_attempt(name: str, tags: dict[str, str], goes: bool) -> None:
    here = Here()
    other = here.cloud.add(name, tags=tags)
    here.stop()
    assert (other.id not in here.cloud.alive()) is goes


@pytest.mark.parametrize(
    ("name", "goes"),
    [(EARLIER, True), ("cmlkit-7-2-1-6b49d200-abcdef", False), ("cmlkit-77-2-1", False), ("build-machine", False)],
)
def test_only_runners_of_the_run_go_in_any_attempt(name: str, goes: bool) -> None:
    here = Here()
    here.register(2, name)
    here.stop()
    assert (2 not in here.forge.runners_by_id) is goes


def test_a_runner_that_is_busy_stays_and_is_told() -> None:
    here = Here()
    here.register(1, NAME, busy=True)
    removed = here.stop()
    assert (removed.runners, removed.busy, removed.failures) == ((), (NAME,), ())
    assert f"considers {NAME} busy" in removed.summary


def test_an_instance_of_another_region_is_found_by_the_labels_of_its_runner() -> None:
    here = Here()
    here.register(2, EARLIER, region="there")
    elsewhere = here.other.add(EARLIER, tags=OURS)
    assert elsewhere.id in here.stop().instances
    assert here.other.alive() == []


def test_a_runner_whose_region_cannot_be_searched_stays_so_that_the_region_is_not_forgotten() -> None:
    here = Here()
    here.register(2, EARLIER, region="there")
    here.other.errors["instances"] = [OUTAGE]
    with pytest.raises(ServiceError, match="out"):
        here.stop()
    assert sorted(here.forge.runners_by_id) == [1, 2]
    assert here.cloud.alive() == []


def test_a_runner_stays_if_its_label_names_no_region_of_the_cloud() -> None:
    here = Here()
    here.register(2, EARLIER, region="nowhere")
    removed = here.remove_run()
    assert [error.message for error in removed.failures] == ["nowhere is no region."]
    assert (removed.instances, removed.runners, removed.left) == ((here.instance.id,), (), (EARLIER, NAME))
    assert sorted(here.forge.runners_by_id) == [1, 2]


def test_without_a_region_the_runners_go() -> None:
    here = Here()
    removed = remove(Traces(clouds=[], tags=OURS, owns=NAME.__eq__), forge=here.forge, clock=here.clock)
    assert removed == Removed(runners=(NAME,), forge="GitHub")


@pytest.mark.parametrize("method", ["instances", "terminate", "cancel_expiry"])
def test_an_outage_of_the_cloud_is_raised_and_does_not_hinder_the_forge(method: str) -> None:
    here = Here()
    here.cloud.errors[method] = [OUTAGE] * LOOKS
    with pytest.raises(ServiceError, match="out"):
        here.stop()
    assert here.forge.runners_by_id == {}


def test_an_outage_of_the_forge_is_raised_and_does_not_hinder_the_cloud() -> None:
    here = Here()

    def fail() -> None:
        raise OUTAGE

    here.forge.when_listed = fail
    with pytest.raises(ServiceError, match="out"):
        here.stop()
    assert here.cloud.alive() == []


class Refusing(FakeForge):
    """A forge that does not remove one of its runners."""

    def delete_runner(self, runner_id: int) -> None:
        if runner_id == 1:
            raise PermissionDenied("It may not be removed.")
        super().delete_runner(runner_id)


def test_a_runner_that_cannot_be_removed_does_not_hinder_the_others() -> None:
    here = Here()
    here.forge = Refusing(polls_until_online=None, runners_by_id=here.forge.runners_by_id)
    here.register(2, EARLIER)
    removed = here.remove_run()
    assert (removed.runners, removed.left) == ((EARLIER,), (NAME,))
    assert [error.message for error in removed.failures] == ["It may not be removed."]


@pytest.mark.parametrize("error", [NotFound("It is unknown."), AnswerLost("Its answer cannot be read.")])
def test_an_instance_that_the_cloud_does_not_terminate_at_once_is_terminated_a_moment_later(error: CmlkitError) -> None:
    here = Here()
    here.cloud.errors["terminate"] = [error] * (LOOKS - 1)
    here.stop()
    assert here.cloud.alive() == []
    assert here.clock.slept == [PAUSE_SECONDS] * (LOOKS - 1)


def test_one_that_stays_unknown_is_an_error() -> None:
    here = Here()
    here.cloud.errors["terminate"] = [NotFound("It is unknown.")] * LOOKS
    with pytest.raises(NotFound):
        here.stop()


def test_an_instance_that_was_launched_for_sure_is_terminated_though_the_cloud_lists_none() -> None:
    here = Here()
    here.cloud.errors["instances"] = [PermissionDenied("Listing is not allowed.")] * LOOKS
    removed = here.remove(known=[here.instance], is_complete=True)
    assert (removed.instances, removed.failures, removed.left) == ((here.instance.id,), (), ())
    assert (here.cloud.alive(), here.cloud.cancelled) == ([], [here.instance.id])


def test_one_that_may_have_been_launched_is_named_if_the_cloud_lists_none() -> None:
    here = Here()
    here.cloud.errors["instances"] = [PermissionDenied("Listing is not allowed.")] * LOOKS
    removed = here.remove(uncertain={NAME}, is_complete=True)
    assert removed.left == (NAME,)
    assert f"May be left: {NAME}." in removed.summary
    assert "Not cleaned up: Listing is not allowed." in removed.summary


def test_one_that_may_have_been_launched_is_looked_for_until_it_shows() -> None:
    here = Here()
    here.cloud.end(here.instance.id, name="another")
    late: list[Instance] = []

    def appear() -> None:
        if len(here.clock.slept) == 2:
            late.append(here.cloud.add(NAME, tags=OURS))

    here.clock.when_slept = appear
    removed = here.remove(uncertain={NAME}, is_complete=True)
    assert removed.instances == (late[0].id,)
    assert here.cloud.alive() == []


def test_nothing_is_waited_for_if_all_that_may_have_been_launched_show() -> None:
    here = Here()
    assert here.remove(uncertain={NAME}, is_complete=True).instances == (here.instance.id,)
    assert here.clock.slept == []


def test_one_that_never_shows_was_not_launched() -> None:
    here = Here()
    here.cloud.end(here.instance.id, name="another")
    removed = here.remove(uncertain={NAME}, is_complete=True)
    assert (removed.instances, removed.failures, removed.left) == ((), (), ())
    assert len(here.clock.slept) == LOOKS - 1


def test_what_cannot_be_terminated_is_named_with_its_runner_gone() -> None:
    here = Here()
    here.cloud.errors["terminate"] = [PermissionDenied("It may not be terminated.")] * LOOKS
    removed = here.remove(known=[here.instance], is_complete=True)
    assert (removed.left, removed.runners) == ((here.instance.id,), (NAME,))


def test_runners_are_named_if_the_forge_lists_none() -> None:
    here = Here()

    def fail() -> None:
        raise OUTAGE

    here.forge.when_listed = fail
    assert here.remove(known=[here.instance], is_complete=True).left == (NAME,)


@pytest.mark.parametrize(
    ("scope", "jobs", "seen", "words"),
    [
        ("octo", [], True, "are listed by octo, not by octo/random-forest"),
        ("Octo/Random-Forest", [], True, ""),
        ("", [], True, ""),
        (None, [], True, ""),
        ("", [Job(runner_name=NAME, is_over=True)], False, "had a runner, but here shows no instance of it"),
        ("", [Job(runner_name="GitHub Actions 3", is_over=True)], False, ""),
        ("octo/random-forest", [], True, ""),
    ],
)
def test_it_warns_of_what_may_be_elsewhere(scope: str | None, jobs: list[Job], seen: bool, words: str) -> None:
    here = Here()
    here.forge.runners_by_id.clear()
    here.forge.jobs_by_run["77"] = jobs
    tags = OURS if scope is None else OURS | {lease.SCOPE: scope}
    here.cloud.tag([here.instance.id], tags if seen else {lease.RUN: "another"})
    told = Told()
    here.stop(job_forge=here.forge, progress=told)
    assert [bool(words) and words in warning for warning in told.warnings] == ([True] if words else [])


@pytest.mark.parametrize("busy", [False, True])
def test_a_runner_whose_instance_no_region_shows_is_a_reason_to_warn(busy: bool) -> None:
    here = Here(cloud=FakeCloud("here"))
    here.cloud.tag([here.instance.id], {lease.RUN: "another"})
    here.register(1, NAME, busy=busy)
    told = Told()
    here.stop(progress=told)
    assert [warning.partition(".")[0] for warning in told.warnings] == [
        "Run 77 had a runner, but here shows no instance of it"
    ]


def test_jobs_that_cannot_be_read_are_no_reason_to_warn_or_to_fail() -> None:
    class Out(FakeForge):
        def jobs(self, run_id: str) -> list[Job]:
            raise OUTAGE

    here = Here(forge=Out(polls_until_online=None))
    here.cloud.tag([here.instance.id], {lease.RUN: "another"})
    here.forge.runners_by_id.clear()
    told = Told()
    assert here.stop(job_forge=here.forge, progress=told).failures == ()
    assert told.warnings == []


def test_it_tells_what_it_removed_or_that_nothing_was_left() -> None:
    here, told = Here(), Told()
    here.stop(progress=told)
    here.stop(progress=told)
    removed = f"Terminated {here.instance.id}.\nRemoved the runner {NAME} from GitHub."
    assert told.ends == [removed, "nothing is left of run 77"]
    assert told.stages == ["Stop the runner"] * 2


@dataclass
class Reports:
    """A forge with the titles of the reports of run 77's second attempt."""

    titles: Sequence[str] = ()
    error: CmlkitError | None = None

    def run_attempt(self, run_id: str) -> int:
        return 2

    def annotation_titles(self, run_id: str, *, attempt: int) -> Sequence[str]:
        assert (run_id, attempt) == ("77", 2)
        if self.error:
            raise self.error
        return self.titles

    def rerun(self, run_id: str) -> None:
        raise AssertionError("Stopping repeats nothing.")


@pytest.mark.parametrize(
    ("market", "taken_back", "reports", "interrupted"),
    [
        ("spot", True, None, True),
        ("spot", True, Reports(), True),
        ("spot", False, Reports([INTERRUPTION]), True),
        ("spot", False, Reports(["Process completed with exit code 1."]), False),
        ("spot", False, None, False),
        ("on-demand", False, Reports([INTERRUPTION]), False),
    ],
)
def test_a_spot_instance_that_the_cloud_took_back_is_told_and_tagged_for_the_next_attempt(
    market: str, taken_back: bool, reports: Reports | None, interrupted: bool
) -> None:
    here = Here()
    here.cloud.end(here.instance.id, market=market, taken_back=taken_back)
    removed = here.stop(workflow_forge=reports)
    assert removed.interrupted == ((here.instance.id,) if interrupted else ())
    assert (f"Toy Cloud took {here.instance.id} back" in removed.summary) is interrupted
    tag = here.cloud.tags_of(here.instance.id).get(lease.INTERRUPTED)
    assert tag == (str(int(here.clock.now())) if interrupted else None)


def test_reports_are_read_while_the_instances_are_terminated() -> None:
    read = threading.Event()

    class Noticed(Reports):
        def annotation_titles(self, run_id: str, *, attempt: int) -> Sequence[str]:
            read.set()
            return super().annotation_titles(run_id, attempt=attempt)

    class Waiting(FakeCloud):
        def terminate(self, ids: Collection[str]) -> None:
            assert read.wait(timeout=10), "the reports are not read yet"
            super().terminate(ids)

    here = Here(cloud=Waiting("here"))
    spot = here.cloud.add(EARLIER, tags=OURS, market="spot")
    assert here.stop(workflow_forge=Noticed([INTERRUPTION])).interrupted == (spot.id,)


def test_reports_that_cannot_be_read_are_noted_and_hinder_nothing() -> None:
    here, told = Here(), Told()
    spot = here.cloud.add(EARLIER, tags=OURS, market="spot")
    removed = here.stop(workflow_forge=Reports(error=PermissionDenied("No `checks: read`.")), progress=told)
    assert removed.instances == (here.instance.id, spot.id)
    assert told.notes == ["Whether Toy Cloud took an instance back cannot be told: No `checks: read`."]


NOTHING, GONE = Removed(), Removed(instances=("i-1",))
PARTLY = Removed(failures=(PermissionDenied("It may not be terminated."),), left=("i-1",))


@pytest.mark.parametrize(
    ("removed", "words"),
    [(NOTHING, "It failed."), (GONE, "It failed.\nTerminated i-1."), (PARTLY, "May be left: i-1.")],
)
def test_an_error_says_what_was_taken_back_and_what_was_not(removed: Removed, words: str) -> None:
    with pytest.raises(ServiceError) as caught, taken_back(lambda: removed, keep=True):
        raise ServiceError("It failed.")
    assert words in caught.value.message


@pytest.mark.parametrize(("keep", "times"), [(True, 0), (False, 1)])
def test_without_an_error_it_is_taken_back_unless_it_is_kept(keep: bool, times: int) -> None:
    taken: list[Callable[[], Removed]] = []

    def withdraw() -> Removed:
        taken.append(withdraw)
        return GONE

    with taken_back(withdraw, keep=keep):
        pass
    assert len(taken) == times


def test_what_cannot_be_taken_back_at_the_end_is_an_error_that_names_it() -> None:
    with pytest.raises(CmlkitError, match="May be left: i-1"), taken_back(lambda: PARTLY, keep=False):
        pass


def test_any_exception_takes_back() -> None:
    taken: list[bool] = []

    def withdraw() -> Removed:
        taken.append(True)
        return NOTHING

    with pytest.raises(KeyboardInterrupt), taken_back(withdraw, keep=True):
        raise KeyboardInterrupt
    assert taken


def test_a_lost_answer_of_a_deletion_is_told() -> None:
    assert "Not cleaned up: x" in replace(NOTHING, failures=(AnswerLost("x"),)).summary
    assert Removed(failures=(Conflict("y"),)).summary == "Not cleaned up: y"


KEPT_TAGS = {**OURS, lease.KEEP: "1800", lease.EXPIRES: "1800006000"}
FAILED_JOB = Job(runner_name=NAME, is_over=True, conclusion="failure", completed=1_800_000_000.0)


def test_a_jobs_stop_leaves_the_instance_of_a_failed_training_until_its_look_is_over() -> None:
    here, progress = Here(), Told()
    kept = here.cloud.add(NAME, tags=KEPT_TAGS)
    here.forge.jobs_by_run["77"] = [FAILED_JOB]
    removed = here.stop(job_forge=here.forge, keeps_failed=True, progress=progress)
    assert (here.cloud.alive(), here.cloud.cancelled) == ([kept.id], [here.instance.id])
    assert lease.expires(here.cloud.instances(ids=[kept.id])[0]) == 1_800_001_800
    assert here.cloud.tags_of(kept.id)[lease.EXPIRES] == KEPT_TAGS[lease.EXPIRES]  # no role may change it
    assert [item.id for item in removed.kept] == [kept.id]
    assert "stays until 08:30 UTC" in removed.summary


def test_a_persons_stop_ends_it() -> None:
    here = Here()
    here.cloud.add(NAME, tags=KEPT_TAGS)
    here.forge.jobs_by_run["77"] = [FAILED_JOB]
    assert here.stop(job_forge=here.forge).kept == ()
    assert here.cloud.alive() == []


def test_it_stays_and_is_told_though_its_lease_cannot_be_shortened() -> None:
    here, progress = Here(), Told()
    kept = here.cloud.add(NAME, tags=KEPT_TAGS)
    here.forge.jobs_by_run["77"] = [FAILED_JOB]
    here.cloud.errors["tag"] = [PermissionDenied("ec2:CreateTags is not allowed.")]
    here.stop(job_forge=here.forge, keeps_failed=True, progress=progress)
    assert here.cloud.alive() == [kept.id]
    assert any("keeps its longer lease" in line for line in progress.notes)


def test_a_stop_that_cannot_read_the_jobs_ends_it_and_warns() -> None:
    here, progress = Here(), Told()
    here.cloud.add(NAME, tags=KEPT_TAGS)
    here.forge.may_read_jobs = False
    here.stop(job_forge=here.forge, keeps_failed=True, progress=progress)
    assert here.cloud.alive() == []
    assert any("keep-on-failure has no effect" in line for line in progress.warnings)
