"""Launching: what was promised comes, or all of it goes again and the error says so."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cmlkit.clouds.launching import Instance, LaunchIncomplete, LaunchRefused, Remedy
from cmlkit.errors import (
    AnswerLost,
    CapacityError,
    CmlkitError,
    Interrupted,
    PermissionDenied,
    ServiceError,
    WaitTimeout,
)
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.launch import Launched, launch_all, launch_runner
from cmlkit.settings.schema import RunnerSpec
from tests.fake_cloud import FakeCloud
from tests.fake_forge import FakeForge, FastClock

RUN = WorkflowRun(repository="octo/random-forest", run_id="77", attempt=1)
SPEC = RunnerSpec(instance_type=("brick",), market="on-demand", wait_timeout=60.0, max_lifetime=7200.0)
FULL = LaunchRefused("It is full.", code="Full", remedy=Remedy.OTHER_PLACE)
TAKEN = LaunchRefused("It could not be started.", code="NotStarted", remedy=Remedy.OTHER_PLACE)


@dataclass
class Here:
    """Two regions and a forge."""

    cloud: FakeCloud = field(default_factory=lambda: FakeCloud("here"))
    other: FakeCloud = field(default_factory=lambda: FakeCloud("there"))
    forge: FakeForge = field(default_factory=FakeForge)
    clock: FastClock = field(default_factory=FastClock)
    run: WorkflowRun = RUN

    def arguments(self) -> Any:
        regions: dict[str, Any] = {"": self.cloud, "here": self.cloud, "there": self.other}
        return {
            "workflow_run": self.run,
            "forge": self.forge,
            "job_forge": self.forge,
            "cloud_for": regions.__getitem__,
            "clock": self.clock,
        }

    def launch(
        self, *, tell: Callable[[tuple[Launched, ...]], None] = lambda launched: None, **spec: Any
    ) -> tuple[Launched, ...]:
        return launch_all(replace(SPEC, **spec), tell=tell, **self.arguments())

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
    [instance] = here.cloud.instances()
    assert (launched.instance_id, launched.runner_name) == (instance.id, instance.name)
    assert (launched.label, launched.region, launched.market) == (RUN.label, "here", "on-demand")
    assert instance.tags[lease.EXPIRES] == str(launched.expires)
    assert {
        lease.RUN: "77",
        lease.ATTEMPT: "1",
        lease.RUNNER_ID: str(launched.runner_id),
    }.items() <= instance.tags.items()
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


def test_the_error_tells_what_was_removed(here: Here) -> None:
    never_come(here)
    with pytest.raises(WaitTimeout) as caught:
        here.launch()
    [instance] = here.cloud.instances()
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
    assert here.left() == [launched[0].instance_id, 101]


def test_if_all_are_needed_one_that_does_not_come_takes_the_others_along(here: Here) -> None:
    only_the_first_comes(here)
    with pytest.raises(WaitTimeout):
        here.launch(count=3)
    assert here.left() == []


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


def test_the_next_option_is_tried_if_the_cloud_takes_a_launch_and_cannot_carry_it_out(here: Here) -> None:
    here.forge.polls_until_online = None
    here.clock.when_slept = lambda: here.end_all(failure=TAKEN)
    here.other.when_launched = lambda instance: setattr(here.forge, "polls_until_online", 1)
    [launched] = here.launch(region=("here", "there"))
    assert (launched.region, here.cloud.alive()) == ("there", [])


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
