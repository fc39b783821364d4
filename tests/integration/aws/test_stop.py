"""Stopping a run's runners: found by tag, whatever launched them, as often as one likes."""

from __future__ import annotations

import signal
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from cmlkit.clouds.aws import AwsCloud
from cmlkit.errors import Interrupted, PermissionDenied
from cmlkit.forges.workflows import Job
from cmlkit.runner.lease import new_name, remembered_regions
from cmlkit.runner.listing import list_instances
from tests.fake_forge import FakeForge
from tests.integration.aws.conftest import RUN, Said, Setting
from tests.integration.aws.ec2 import UBUNTU, Ec2, add_image

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow


def test_stop_needs_nothing_but_the_run(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    removed = here.stop()
    assert removed.instances == (launched.instance_id,)
    assert removed.runners == (launched.runner_name,)
    assert (ec2.alive(), here.forge.runners()) == ([], [])


def test_stopping_again_finds_nothing_and_is_no_failure(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.stop()
    assert here.stop().summary == ""
    assert ec2.actions.count("TerminateInstances") == 1


def test_a_later_attempt_stops_what_an_earlier_one_launched(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.workflow_run = replace(RUN, attempt=2)
    here.launch()
    here.stop()
    assert (ec2.alive(), here.forge.runners()) == ([], [])


@pytest.mark.parametrize(
    "other", [replace(RUN, run_id="77"), replace(RUN, run_id="77001"), replace(RUN, run_id="7701")]
)
def test_another_run_is_left_alone(here: Setting, ec2: Ec2, other: object) -> None:
    kept = here.launch()
    here.workflow_run = other  # type: ignore[assignment]
    here.launch()
    here.stop()
    assert ec2.alive() == [kept.instance_id]
    assert list(here.forge.runners_by_id) == [kept.runner_id]


def test_the_same_run_id_in_another_repository_is_left_alone(here: Setting, ec2: Ec2) -> None:
    kept = here.launch()
    here.workflow_run = replace(RUN, repository="octo/other")
    # Each repository has its own list of runners.
    runners, here.forge = here.forge, FakeForge(runner_owner="octo/other")
    assert here.stop().summary == ""
    assert ec2.alive() == [kept.instance_id]
    assert list(runners.runners_by_id) == [kept.runner_id]


def test_every_region_is_stopped_though_one_fails(here: Setting, ec2: Ec2) -> None:
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    here.launch()
    here.launch(region=("eu-central-1",))
    ec2.fail("DescribeInstances", "UnauthorizedOperation", message="no", times=1, status=403)
    with pytest.raises(PermissionDenied):
        here.stop(regions=("eu-west-1", "eu-central-1"))
    # Both are asked at once: either may be the one that fails.
    assert sorted(len(ec2.alive(region)) for region in ("eu-west-1", "eu-central-1")) == [0, 1]
    assert here.forge.runners() == []


def test_a_runner_of_another_region_is_found_there(here: Setting, ec2: Ec2) -> None:
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    launched = here.launch(region=("eu-central-1",))
    assert here.stop(regions=("eu-west-1",)).instances == (launched.instance_id,)
    assert (ec2.alive("eu-central-1"), here.forge.runners()) == ([], [])


def test_every_region_of_a_ladder_is_remembered(here: Setting, ec2: Ec2) -> None:
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    launched = here.launch(region=("eu-west-1", "eu-central-1"))
    assert remembered_regions(here.forge.runners_by_id[launched.runner_id]) == ["eu-west-1", "eu-central-1"]


def test_a_runner_whose_region_cannot_be_searched_stays_until_that_is_possible(here: Setting, ec2: Ec2) -> None:
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    launched = here.launch(region=("eu-central-1",))
    # The first region answers that it has nothing; the other is asked afterwards.
    ec2.after = lambda action: deny(ec2) if action == "DescribeInstances" else None
    with pytest.raises(PermissionDenied, match="list the instances in eu-central-1"):
        here.stop(regions=("eu-west-1",))
    assert [runner.name for runner in here.forge.runners()] == [launched.runner_name]
    ec2.after = lambda action: None
    ec2.faults.clear()
    assert here.stop(regions=("eu-west-1",)).instances == (launched.instance_id,)


def deny(ec2: Ec2) -> None:
    if not ec2.faults:
        ec2.fail("DescribeInstances", "UnauthorizedOperation", message="no", status=403)


def test_a_stop_in_another_scope_says_whose_list_has_the_runner(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.forge = FakeForge(runner_owner="octo")
    said = Said()
    assert here.stop(progress=said).instances == (launched.instance_id,)
    assert said.warnings[0].startswith("The runners of run 7700 are listed by octo/random-forest, not by octo:")


def test_a_run_that_had_a_runner_of_which_this_region_knows_nothing_says_so(here: Setting, ec2: Ec2) -> None:
    # By an older version, which remembered no region; GitHub has removed the runner after its job.
    name = new_name(RUN, 1, expires=here.clock.now())
    assert here.stop().summary == ""
    here.forge.jobs_by_run[RUN.run_id] = [Job(runner_name=name, is_over=True)]
    said = Said()
    here.stop(progress=said)
    assert "Run 7700 had a runner, but eu-west-1 shows no instance of it" in said.warnings[0]


def test_a_runner_that_github_takes_for_busy_is_reported(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.forge.become_busy(launched.runner_id)
    removed = here.stop()
    assert removed.busy == (launched.runner_name,)
    assert f"considers {launched.runner_name} busy" in removed.summary
    assert ec2.alive() == []


def test_a_signal_does_not_keep_stop_from_its_end(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.forge.when_listed = lambda: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="SIGTERM"):
        here.stop()
    assert (ec2.alive(), here.forge.runners_by_id) == ([], {})


def test_a_scheduled_termination_is_cancelled_by_stop(here: Setting, ec2: Ec2) -> None:
    role = "arn:aws:iam::123456789012:role/cmlkit-terminator"
    launched = here.launch(stop_schedule_role=role, max_lifetime=3600.0)
    scheduler = ec2.client("scheduler")
    schedule = scheduler.get_schedule(Name=launched.runner_name)
    assert schedule["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances"
    assert schedule["Target"]["Input"] == f'{{"InstanceIds": ["{launched.instance_id}"]}}'
    assert schedule["Target"]["RoleArn"] == role
    assert schedule["ScheduleExpression"] == "at(2027-01-15T09:10:00)"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    here.stop()
    assert scheduler.list_schedules()["Schedules"] == []


def test_without_a_role_the_scheduler_is_never_asked(here: Setting, ec2: Ec2) -> None:
    here.launch()
    here.stop()
    assert not [action for action in ec2.actions if "schedule" in action.lower()]


def test_a_schedule_that_cannot_be_made_fails_the_launch(here: Setting, ec2: Ec2) -> None:
    ec2.fail("CreateSchedule", "AccessDeniedException", status=403)
    with pytest.raises(PermissionDenied, match="schedule the termination"):
        here.launch(stop_schedule_role="arn:aws:iam::123456789012:role/x")
    assert (ec2.alive(), here.forge.runners()) == ([], [])


def test_list_shows_what_is_ours_and_alive(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    here.workflow_run = replace(RUN, run_id="9")
    other = here.launch()
    ec2.client().run_instances(ImageId=ec2.images["x86_64"], MinCount=1, MaxCount=1)
    shown = list_instances(cloud_for=here.cloud_for)
    assert {instance.id for instance in shown} == {launched.instance_id, other.instance_id}
    [only] = list_instances(cloud_for=here.cloud_for, workflow_run=RUN)
    assert (only.id, only.market) == (launched.instance_id, "spot")
    here.stop()
    assert [instance.id for instance in list_instances(cloud_for=here.cloud_for)] == [launched.instance_id]


class Meeting:
    """A region whose calls of some names wait until the forge is asked the like."""

    def __init__(self, cloud: AwsCloud, **barriers: Barrier) -> None:
        self._cloud, self._barriers = cloud, barriers

    def __getattr__(self, name: str) -> Any:
        if name in self._barriers:
            self._barriers[name].wait()
        return getattr(self._cloud, name)


def test_instances_and_runners_are_asked_for_at_once_and_ended_at_once(here: Setting, ec2: Ec2) -> None:
    launched = here.launch()
    asked, ended = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def meet() -> None:
        asked.wait()

    class Forge(FakeForge):
        def delete_runner(self, runner_id: int) -> None:
            ended.wait()  # nobody gets past it alone
            super().delete_runner(runner_id)

    here.forge = Forge(runners_by_id=here.forge.runners_by_id, when_listed=meet)
    cloud_for = here.cloud_for
    here.cloud_for = lambda region: Meeting(cloud_for(region), instances=asked, terminate=ended)  # type: ignore[return-value, assignment]
    removed = here.stop()
    assert (removed.instances, removed.runners) == ((launched.instance_id,), (launched.runner_name,))
    assert (ec2.alive(), here.forge.runners_by_id) == ([], {})
