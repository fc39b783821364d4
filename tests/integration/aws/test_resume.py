"""After a spot interruption: the run is marked, and its next attempt is launched on demand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.runner import spot
from tests.integration.aws.conftest import RUN, Setting
from tests.integration.aws.ec2 import Ec2


@dataclass
class Runs:
    """A forge whose runs have said something, and that can run them again."""

    titles: tuple[str, ...] = ()
    attempt: int = 1
    rerun_ids: list[str] = field(default_factory=list)

    def run_attempt(self, run_id: str) -> int:
        return self.attempt

    def annotation_titles(self, run_id: str, *, attempt: int) -> tuple[str, ...]:
        return self.titles

    def rerun(self, run_id: str) -> None:
        self.rerun_ids.append(run_id)


class Refusing(Runs):
    """A forge that may not be asked."""

    def annotation_titles(self, run_id: str, *, attempt: int) -> tuple[str, ...]:
        raise PermissionDenied("GitHub refuses.")


def tags(ec2: Ec2) -> list[dict[str, str]]:
    return [{tag["Key"]: tag["Value"] for tag in instance["Tags"]} for instance in ec2.instances()]


def test_an_instance_whose_job_spoke_of_an_interruption_is_marked(here: Setting, ec2: Ec2) -> None:
    launched = here.launch(market="spot")
    removed = here.stop(workflow_forge=Runs(titles=("", spot.INTERRUPTION)))
    assert removed.interrupted == (launched.instance_id,)
    assert "a spot interruption" in removed.summary
    assert tags(ec2)[0]["cmlkit:interrupted"].isdecimal()


@pytest.mark.parametrize("forge", [None, Runs(titles=("Node.js 16 is deprecated",)), Refusing()])
def test_other_ends_are_no_interruption(here: Setting, ec2: Ec2, forge: Runs | None) -> None:
    here.launch(market="spot")
    assert here.stop(workflow_forge=forge).interrupted == ()
    assert ec2.alive() == []
    assert "cmlkit:interrupted" not in tags(ec2)[0]


def test_an_instance_on_demand_is_never_interrupted(here: Setting, ec2: Ec2) -> None:
    here.launch(market="on-demand")
    assert here.stop(workflow_forge=Runs(titles=(spot.INTERRUPTION,))).interrupted == ()


def test_the_attempt_after_an_interruption_is_on_demand(here: Setting, ec2: Ec2) -> None:
    here.launch(market="spot-then-on-demand")
    here.stop(workflow_forge=Runs(titles=(spot.INTERRUPTION,)))
    here.workflow_run = replace(RUN, attempt=2)
    assert here.launch(market="spot-then-on-demand").market == "on-demand"


def test_the_attempt_after_another_failure_is_as_the_settings_say(here: Setting, ec2: Ec2) -> None:
    here.launch(market="spot")
    here.stop(workflow_forge=Runs())
    here.workflow_run = replace(RUN, attempt=2)
    assert here.launch(market="spot").market == "spot"


def test_the_first_attempt_does_not_ask(here: Setting, ec2: Ec2) -> None:
    here.launch(market="spot")
    assert not any("tag:cmlkit:interrupted" in str(call) for call in ec2.called("DescribeInstances"))


@pytest.mark.parametrize(
    ("runs", "is_rerun", "reason"),
    [
        (Runs(titles=(spot.INTERRUPTION,)), True, "took its spot instance back"),
        (Runs(titles=("Process completed with exit code 1.",)), False, "has not taken"),
        (Runs(titles=(spot.INTERRUPTION,), attempt=2), False, "tried 2 times"),
    ],
)
def test_a_run_is_run_again_once_and_only_for_an_interruption(runs: Runs, is_rerun: bool, reason: str) -> None:
    resumption = spot.rerun(runs, "7700", if_interrupted=True)
    assert resumption.rerun is is_rerun
    assert reason in resumption.reason
    assert runs.rerun_ids == (["7700"] if is_rerun else [])


def test_a_run_is_run_again_when_that_is_asked_for() -> None:
    runs = Runs(attempt=3)
    assert spot.rerun(runs, "7700").rerun
    assert runs.rerun_ids == ["7700"]
