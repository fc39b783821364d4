"""Launching: what was promised comes, or all of it goes again and the error says so."""

from __future__ import annotations

import errno
import gzip
import itertools
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchRefused, Remedy
from cmlkit.clouds.planning import Image, NotListed
from cmlkit.errors import (
    AnswerLost,
    CapacityError,
    CmlkitError,
    Conflict,
    FileError,
    Interrupted,
    PermissionDenied,
    ServiceError,
    SettingsError,
    WaitTimeout,
)
from cmlkit.forges.runners import RunnerDownload
from cmlkit.forges.workflows import Job
from cmlkit.progress import Say, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.arrival import POLL_SECONDS
from cmlkit.runner.ladder import PAUSES_SECONDS, SETTLING_PAUSES_SECONDS
from cmlkit.runner.launch import THREADS, Launched, launch_all, launch_runner
from cmlkit.settings.schema import RunnerSpec
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FakeForge, FastClock

RUN = WorkflowRun(repository="octo/random-forest", run_id="77", attempt=1)
SPEC = RunnerSpec(instance_type=("brick",), market="on-demand", wait_timeout=60.0, max_lifetime=7200.0)
FULL = LaunchRefused("It is full.", code="Full", remedy=Remedy.OTHER_PLACE)
TAKEN = LaunchRefused("It could not be started.", code="NotStarted", remedy=Remedy.OTHER_PLACE)


class ToldCloud(FakeCloud):
    """A region that keeps what it launches, does not know each image at once, and never lists a whole account."""

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self.specs: list[InstanceSpec] = []

    def images(self, name: str) -> list[Image]:
        self._called("images")
        return super().images(name)

    def launch(self, spec: InstanceSpec) -> Instance:
        self.specs.append(spec)
        return super().launch(spec)

    def instances(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        assert ids or tags, "Somebody listed all instances of the account."
        return super().instances(ids=ids, tags=tags)

    def boot_script(self) -> str:
        """Return the boot script of the last launch."""
        return gzip.decompress(self.specs[-1].user_data).decode()


@dataclass
class Recorded(Silent):
    """What people were told."""

    stages: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[Say]:
        self.stages.append(title)
        yield self.said.append

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@dataclass
class Here:
    """Two regions and a forge."""

    cloud: ToldCloud = field(default_factory=lambda: ToldCloud("here"))
    other: ToldCloud = field(default_factory=lambda: ToldCloud("there"))
    forge: FakeForge = field(default_factory=FakeForge)
    clock: FastClock = field(default_factory=FastClock)
    progress: Recorded = field(default_factory=Recorded)
    run: WorkflowRun = RUN

    def arguments(self) -> Any:
        regions: dict[str, Any] = {"": self.cloud, "here": self.cloud, "there": self.other}
        return {
            "workflow_run": self.run,
            "forge": self.forge,
            "job_forge": self.forge,
            "cloud_for": regions.__getitem__,
            "progress": self.progress,
            "clock": self.clock,
        }

    def launch(
        self, *, tell: Callable[[tuple[Launched, ...]], None] = lambda launched: None, **spec: Any
    ) -> tuple[Launched, ...]:
        return launch_all(replace(SPEC, **spec), tell=tell, **self.arguments())

    def instances(self) -> list[Instance]:
        """Return the instances of the run in the first region, also those that have ended."""
        return self.cloud.instances(tags={lease.RUN: "77"})

    def end_all(self, **facts: object) -> None:
        """Let the instances of the first region end by themselves."""
        for name in self.cloud.alive():
            self.cloud.end(name, **facts)

    def left(self) -> list[Any]:
        return [*self.cloud.alive(), *self.other.alive(), *self.forge.runners_by_id]


@pytest.fixture
def here() -> Here:
    return Here()


def test_a_runner_comes_online_with_its_facts_and_its_lease(here: Here) -> None:
    [launched] = here.launch()
    [instance] = here.instances()
    assert (launched.instance_id, launched.runner_name) == (instance.id, instance.name)
    assert (launched.label, launched.region, launched.market) == (RUN.label, "here", "on-demand")
    assert (launched.instance_type, launched.price) == ("brick", 0.01)
    assert launched.expires == 1_800_000_000 + 7200
    assert instance.tags[lease.EXPIRES] == str(launched.expires)
    assert {
        lease.RUN: "77",
        lease.ATTEMPT: "1",
        lease.RUNNER_ID: str(launched.runner_id),
        lease.SCOPE: "octo/random-forest",
    }.items() <= instance.tags.items()
    assert "https://github.example/runner-x64.tar.gz" in here.cloud.boot_script()
    assert here.left() == [instance.id, launched.runner_id]


def test_each_of_several_runners_has_an_instance_of_its_own(here: Here) -> None:
    launched = here.launch(count=3)
    assert len({item.instance_id for item in launched}) == len({item.runner_name for item in launched}) == 3
    assert sorted(item.instance_id for item in launched) == sorted(here.cloud.alive())


def fail_to_register(here: Here) -> None:
    def fail() -> None:
        raise PermissionDenied("It may not register.")

    here.forge.when_created = fail


def fail_to_launch(here: Here) -> None:
    here.cloud.errors["launch"] = [FULL]


def fail_to_answer(here: Here) -> None:
    here.cloud.errors["launch"] = [AnswerLost("No answer.")] * 7


def fail_to_schedule(here: Here) -> None:
    def launched(instance: Instance) -> None:
        raise LaunchIncomplete(instance, PermissionDenied("It may not schedule."))

    here.cloud.when_launched = launched


def never_come(here: Here) -> None:
    here.forge.polls_until_online = None


def end_at_once(here: Here) -> None:
    here.forge.polls_until_online = None
    here.clock.when_slept = here.end_all


def be_taken_back(here: Here) -> None:
    here.forge.polls_until_online = None
    here.clock.when_slept = lambda: here.end_all(taken_back=True)


def be_interrupted(here: Here) -> None:
    here.forge.when_polled = lambda: signal.raise_signal(signal.SIGINT)


def be_terminated(here: Here) -> None:
    here.forge.when_polled = lambda: signal.raise_signal(signal.SIGTERM)


def lose_the_forge(here: Here) -> None:
    polls = iter([None])

    def fail() -> None:
        if next(polls, 1):
            raise ServiceError("The forge is out.")

    here.forge.polls_until_online, here.forge.when_polled = None, fail


def lose_the_cloud(here: Here) -> None:
    here.forge.polls_until_online = None
    here.cloud.errors["instances"] = [ServiceError("The cloud is out.")]


def lose_the_list_of_instances(here: Here) -> None:
    here.forge.polls_until_online = None
    here.cloud.errors["instances"] = [ServiceError("The list is out.")] * 9


def find_no_image(here: Here) -> None:
    here.cloud.errors["images"] = [SettingsError("There is no such image.")]


def find_an_image_never(here: Here) -> None:
    here.cloud.errors["images"] = [NotListed("ami-1 is not listed.")] * 9


def register_late(here: Here) -> None:
    here.forge.when_created = lambda: here.clock.sleep(60.0)


@pytest.mark.parametrize(
    ("misfortune", "kind", "words"),
    [
        (fail_to_register, PermissionDenied, "It may not register."),
        (fail_to_launch, CapacityError, "brick on-demand in here-a (floor): Full"),
        (fail_to_answer, ServiceError, "is unknown: No answer."),
        (fail_to_schedule, PermissionDenied, "It may not schedule."),
        (never_come, WaitTimeout, "is not online after 60 s"),
        (end_at_once, ServiceError, "it ended before its runner came online"),
        (be_taken_back, CapacityError, "before its runner came online"),
        (be_interrupted, Interrupted, "Interrupted by SIGINT."),
        (be_terminated, Interrupted, "Interrupted by SIGTERM."),
        (lose_the_forge, ServiceError, "The forge is out."),
        (lose_the_cloud, ServiceError, "The cloud is out."),
        (lose_the_list_of_instances, ServiceError, "The list is out."),
        (find_no_image, SettingsError, "There is no such image."),
        (find_an_image_never, SettingsError, "ami-1 is not listed."),
        (register_late, WaitTimeout, "No instance could be launched within 60 s."),
    ],
)
def test_whatever_fails_everything_goes_again(
    here: Here, misfortune: Callable[[Here], None], kind: type[CmlkitError], words: str
) -> None:
    misfortune(here)
    with pytest.raises(kind) as caught:
        here.launch()
    assert words in caught.value.message
    here.clock.when_slept, here.cloud.when_launched = lambda: None, lambda instance: None
    assert here.left() == []


def test_a_launch_that_comes_too_late_says_what_gives_it_more_time(here: Here) -> None:
    register_late(here)
    with pytest.raises(WaitTimeout) as caught:
        here.launch()
    assert "--wait-timeout" in caught.value.next_step
    assert here.cloud.specs == []


def test_the_error_tells_what_was_removed(here: Here) -> None:
    never_come(here)
    with pytest.raises(WaitTimeout) as caught:
        here.launch()
    [instance] = here.instances()
    assert f"Terminated {instance.id}." in caught.value.message
    assert f"Removed the runner {instance.name} from GitHub." in caught.value.message


def test_the_error_names_what_could_not_be_removed(here: Here) -> None:
    never_come(here)
    here.cloud.errors["terminate"] = [PermissionDenied("It may not be terminated.")] * 9
    with pytest.raises(WaitTimeout) as caught:
        here.launch()
    [instance] = here.cloud.alive()
    assert "Not cleaned up: It may not be terminated." in caught.value.message
    assert f"May be left: {instance}." in caught.value.message


def test_a_runner_that_nobody_can_be_told_of_is_removed_again(here: Here) -> None:
    def fail(launched: tuple[Launched, ...]) -> None:
        raise ServiceError("No space left on device")

    with pytest.raises(ServiceError, match=r"No space left on device\nTerminated here-0"):
        here.launch(tell=fail)
    assert here.left() == []


def test_a_result_that_the_disk_does_not_take_is_an_error_of_the_machine(here: Here) -> None:
    def fail(launched: tuple[Launched, ...]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(FileError, match="No space left on device"):
        here.launch(tell=fail)
    assert here.left() == []


def test_a_reader_that_has_seen_enough_keeps_the_runner(here: Here) -> None:
    told: list[tuple[Launched, ...]] = []

    def close(launched: tuple[Launched, ...]) -> None:
        told.append(launched)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        here.launch(tell=close)
    [[launched]] = told
    assert here.left() == [launched.instance_id, launched.runner_id]


def test_a_signal_while_the_result_is_told_removes_the_runner(here: Here) -> None:
    with pytest.raises(Interrupted):
        here.launch(tell=lambda launched: signal.raise_signal(signal.SIGTERM))
    assert here.left() == []


def only_the_first_comes(here: Here) -> None:
    """Of several, which are looked at together."""
    here.forge.polls_until_online = None
    here.forge.when_listed = lambda: here.forge.come_online(101) if 101 in here.forge.runners_by_id else None


def test_if_some_are_enough_those_that_came_stay_and_the_others_go(here: Here) -> None:
    only_the_first_comes(here)
    launched = here.launch(count=3, partial=True)
    assert [item.runner_id for item in launched] == [101]
    assert len([text for text in here.progress.warnings if " did not come: The runner " in text]) == 2
    assert here.left() == [launched[0].instance_id, 101]


def test_if_all_are_needed_one_that_does_not_come_takes_the_others_along(here: Here) -> None:
    only_the_first_comes(here)
    with pytest.raises(WaitTimeout):
        here.launch(count=3)
    assert here.left() == []


def test_if_some_are_enough_one_that_could_not_be_launched_leaves_the_others(here: Here) -> None:
    here.cloud.errors["launch"] = [FULL]
    [launched] = here.launch(count=2, partial=True)
    assert here.left() == [launched.instance_id, launched.runner_id]
    [warning] = here.progress.warnings
    assert " did not come: No instance could be launched." in warning


@pytest.mark.parametrize("misfortune", [never_come, fail_to_register])
def test_some_are_not_enough_if_none_came(here: Here, misfortune: Callable[[Here], None]) -> None:
    misfortune(here)
    with pytest.raises((WaitTimeout, PermissionDenied)):
        here.launch(count=2, partial=True)
    assert here.left() == []


def test_those_that_cannot_be_removed_make_even_some_a_failure(here: Here) -> None:
    only_the_first_comes(here)
    here.cloud.errors["terminate"] = [PermissionDenied("It may not be terminated.")]
    with pytest.raises(PermissionDenied, match="It may not be terminated"):
        here.launch(count=2, partial=True)
    assert here.left() == []


def test_the_next_region_is_tried_if_the_first_is_full(here: Here) -> None:
    here.cloud.errors["launch"] = [FULL]
    [launched] = here.launch(region=("here", "there"))
    assert (launched.region, here.cloud.alive(), here.other.alive()) == ("there", [], [launched.instance_id])
    assert here.progress.notes == ["brick on-demand in here-a (floor): It is full."]


def test_the_next_option_is_tried_if_the_cloud_takes_a_launch_and_cannot_carry_it_out(here: Here) -> None:
    here.forge.polls_until_online = None
    here.clock.when_slept = lambda: here.end_all(failure=TAKEN)
    here.other.when_launched = lambda instance: setattr(here.forge, "polls_until_online", 1)
    [launched] = here.launch(region=("here", "there"))
    assert (launched.region, here.cloud.alive()) == ("there", [])
    assert here.progress.notes == ["brick on-demand in here-a (floor): It could not be started."]


def test_a_runner_that_came_is_kept_while_another_one_is_launched_elsewhere(here: Here) -> None:
    here.forge.polls_until_online = None
    here.forge.when_listed = lambda: here.forge.come_online(101)

    def end_the_other() -> None:
        for instance in here.instances():
            if instance.name != here.forge.runners_by_id[101].name and instance.alive:
                here.cloud.end(instance.id, failure=TAKEN)

    here.clock.when_slept = end_the_other
    here.other.when_launched = lambda instance: setattr(here.forge, "polls_until_online", 1)
    launched = here.launch(count=2, region=("here", "there"))
    assert [(item.runner_id, item.region) for item in launched] == [(101, "here"), (102, "there")]
    assert [item.instance_id for item in launched] == [*here.cloud.alive(), *here.other.alive()]


def test_an_option_that_could_not_be_carried_out_is_not_tried_a_third_time(here: Here) -> None:
    def end_all() -> None:
        for cloud in (here.cloud, here.other):
            for name in cloud.alive():
                cloud.end(name, failure=TAKEN)

    here.forge.polls_until_online, here.clock.when_slept = None, end_all
    with pytest.raises(CapacityError) as caught:
        here.launch(region=("here", "there"))
    assert len(here.cloud.specs) == len(here.other.specs) == 1
    assert [line for line in caught.value.message.splitlines() if "NotStarted" in line] == [
        "  brick on-demand in here-a (floor): NotStarted",
        "  brick on-demand in there-a (floor): NotStarted",
    ]


def polls(here: Here) -> float:
    """Return for how many seconds the runner was waited for."""
    return sum(pause for pause in here.clock.slept if pause == POLL_SECONDS)


def test_the_search_for_capacity_takes_nothing_of_the_time_to_come_online(here: Here) -> None:
    here.cloud.errors["launch"] = [FULL] * 4
    never_come(here)
    with pytest.raises(WaitTimeout):
        here.launch(capacity_timeout=3600.0)
    searched = here.clock.slept[:4]
    assert sum(searched) > SPEC.wait_timeout
    assert polls(here) == SPEC.wait_timeout
    assert [note for note in here.progress.notes if "No option" in note] == [
        f"No option has capacity; the next try is in {pause:.0f} s." for pause in searched
    ]


def test_of_two_searches_for_capacity_only_their_own_time_does_not_count(here: Here) -> None:
    # The first option gives an instance at last, which cannot be started; then the other one is full, too.
    here.cloud.errors["launch"], here.other.errors["launch"] = [FULL], [FULL, FULL]
    here.forge.polls_until_online, here.clock.when_slept = None, lambda: here.end_all(failure=TAKEN)
    with pytest.raises(WaitTimeout):
        here.launch(region=("here", "there"), capacity_timeout=3600.0)
    assert len(here.other.specs) == 3
    assert polls(here) == SPEC.wait_timeout


def test_the_time_until_everything_is_full_counts(here: Here) -> None:
    here.cloud.errors["launch"] = [FULL] * 2
    here.forge.when_created = lambda: here.clock.sleep(30.0)
    never_come(here)
    with pytest.raises(WaitTimeout):
        here.launch(capacity_timeout=3600.0)
    assert polls(here) == SPEC.wait_timeout - 30.0


def test_what_no_region_lists_is_looked_for_again_as_it_may_be_new(here: Here) -> None:
    here.cloud.errors["images"] = [NotListed("ami-1 is not listed.")] * len(SETTLING_PAUSES_SECONDS)
    assert len(here.launch()) == 1
    assert here.clock.slept == list(SETTLING_PAUSES_SECONDS)
    told = "ami-1 is not listed. It is looked for again, in case it is new."
    assert here.progress.notes == [told] * len(SETTLING_PAUSES_SECONDS)


def test_the_notes_of_the_plan_are_told(here: Here) -> None:
    here.cloud.errors["images"] = [SettingsError("The image is missing.")]
    assert here.launch(region=("here", "there"))[0].region == "there"
    assert here.progress.notes == ["Left out: The image is missing."]


def test_each_step_says_what_came_of_it(here: Here) -> None:
    here.forge.polls_until_online = 2
    # Between two tenths of a second.
    here.cloud.when_launched = lambda instance: setattr(here.clock, "time", here.clock.time + 0.04)
    [launched] = here.launch()
    assert launched.seconds == 2.5
    assert here.progress.stages == ["Launch", "Wait for the runner"]
    assert here.progress.said == [
        "here-0: brick on-demand in here-a (floor)",
        "here-0 is running, runner not online after 0 s",
        launched.runner_name,
    ]
    assert (here.progress.notes, here.progress.warnings) == ([], [])


def test_warnings_of_the_boot_script_are_passed_on(here: Here) -> None:
    here.cloud.consoles["here-0"] = "cmlkit: warning: the clock is wrong\n"
    here.launch()
    assert here.progress.warnings == ["here-0: the clock is wrong"]


def test_a_console_that_cannot_be_read_is_told_and_is_no_failure(here: Here) -> None:
    here.cloud.errors["console_output"] = [PermissionDenied("It may not be read.")]
    assert len(here.launch()) == 1
    assert here.progress.notes == ["The console of here-0 could not be read: It may not be read."]


def test_a_runner_that_the_list_shows_as_offline_has_come_if_it_has_a_job(here: Here) -> None:
    never_come(here)

    def take_a_job(instance: Instance) -> None:
        here.forge.jobs_by_run["77"] = [Job(runner_name=instance.name, is_over=False)]

    here.cloud.when_launched = take_a_job
    assert len(here.launch()) == 1


class Selective(FakeForge):
    """A forge whose answer about ARM never comes in time."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        assert architecture == "x64" or self.may_answer.wait(30)
        return super().runner_download(architecture=architecture)


def test_an_answer_that_no_instance_needs_is_not_waited_for() -> None:
    forge = Selective()
    here = Here(forge=forge)
    try:
        here.launch()
        assert here.left() == ["here-0", 101]
    finally:
        forge.may_answer.set()


def test_a_second_launch_of_the_same_is_refused_and_leaves_the_first_alone(here: Here) -> None:
    [earlier] = here.launch()
    with pytest.raises(Conflict, match=f"{earlier.runner_name} is online") as caught:
        here.launch(count=2)
    assert "--count" in caught.value.next_step
    assert "--labels" in caught.value.next_step
    assert "cmlkit runner stop" in caught.value.next_step
    assert here.left() == [earlier.instance_id, earlier.runner_id]
    assert len(here.cloud.specs) == 1


def test_a_signal_while_one_runner_is_launched_elsewhere_launches_no_other(here: Here) -> None:
    here.forge.polls_until_online, here.clock.when_slept = None, lambda: here.end_all(failure=TAKEN)
    here.other.when_launched = lambda instance: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="Interrupted by SIGTERM"):
        here.launch(count=2, region=("here", "there"))
    assert len(here.other.specs) == 1
    assert here.left() == []


class Hanging(ToldCloud):
    """A region that hangs: half of its answers are lost, and the others come late, and say that it is full.

    Attributes:
        hang: Called before a late answer.
    """

    hang: Callable[[], None]

    def launch(self, spec: InstanceSpec) -> Instance:
        self.specs.append(spec)
        if int(spec.tags[lease.RUNNER_ID]) % 2:
            raise AnswerLost("No answer.")
        self.hang()
        raise FULL


def test_a_launch_that_is_given_up_begins_nothing_more() -> None:
    # All threads wait for the cloud or for a pause to end when the signal comes, and still do when their time to finish
    # is over. There is one runner more than threads.
    cloud, main = Hanging("here"), threading.main_thread().ident
    here, before = Here(cloud=cloud), set(threading.enumerate())
    may_go_on, arrived, went_on = threading.Event(), itertools.count(1), set[bool]()

    def hang() -> None:
        if next(arrived) == THREADS and main:
            signal.pthread_kill(main, signal.SIGTERM)
        went_on.add(may_go_on.wait(30))

    cloud.hang = here.clock.when_slept = hang
    here.forge.when_listed = may_go_on.set
    with pytest.raises(Interrupted, match="Interrupted by SIGTERM"):
        here.launch(count=THREADS + 1, capacity_timeout=3600.0)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert went_on == {True}
    assert (len(cloud.specs), here.forge.created) == (THREADS, THREADS)
    assert max(here.clock.slept) <= 1.5 * PAUSES_SECONDS[0]
    assert here.left() == []


@pytest.mark.parametrize(
    ("attempt", "market", "tagged", "launched_on"),
    [
        (2, "spot-then-on-demand", {"attempt": "1", "interrupted": "9"}, "on-demand"),
        (2, "spot-then-on-demand", {"attempt": "1"}, "spot"),
        (1, "spot-then-on-demand", {"attempt": "1", "interrupted": "9"}, "spot"),
        (2, "spot-then-on-demand", {"run": "76", "attempt": "1", "interrupted": "9"}, "spot"),
        (2, "spot-then-on-demand", {"repository": "octo/other", "attempt": "1", "interrupted": "9"}, "spot"),
    ],
)
def test_only_an_interruption_of_the_same_run_is_followed_by_a_launch_on_demand(
    here: Here, attempt: int, market: str, tagged: dict[str, str], launched_on: str
) -> None:
    own = {"run": "77", "repository": "octo/random-forest"}
    tags = {f"cmlkit:{name}": value for name, value in {**own, **tagged}.items()}
    here.cloud.add("earlier", tags=tags, state="terminated", market="spot")
    here.run = replace(RUN, attempt=attempt)
    assert here.launch(market=market)[0].market == launched_on
    told = "Toy Cloud took the spot instance of an earlier attempt back: on demand this time."
    assert here.progress.notes == ([told] if launched_on == "on-demand" else [])


def test_another_launch_of_the_same_run_is_not_touched(here: Here) -> None:
    [earlier] = here.launch()
    never_come(here)
    with pytest.raises(WaitTimeout):
        here.launch(labels=("other",))
    assert here.left() == [earlier.instance_id, earlier.runner_id]


def test_in_a_with_block_the_runner_is_there_and_gone_after_it(here: Here) -> None:
    with launch_runner(SPEC, **here.arguments()) as launched:
        assert here.left() == [launched.instance_id, launched.runner_id]
    assert here.left() == []


def test_an_error_in_the_with_block_removes_the_runner(here: Here) -> None:
    with pytest.raises(ZeroDivisionError), launch_runner(SPEC, **here.arguments()):
        raise ZeroDivisionError
    assert here.left() == []


def test_what_cannot_be_removed_after_the_with_block_is_an_error(here: Here) -> None:
    with pytest.raises(PermissionDenied, match="May be left: here-0"), launch_runner(SPEC, **here.arguments()):
        here.cloud.errors["terminate"] = [PermissionDenied("It may not be terminated.")]
    assert here.cloud.alive() == ["here-0"]
