"""Stopping a run's runners: found by tag, whatever launched them, as often as one likes."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from cmlkit.errors import Interrupted, PermissionDenied
from cmlkit.runner.listing import list_instances
from tests.integration.aws.conftest import RUN, Setting
from tests.integration.aws.ec2 import UBUNTU, Ec2, add_image


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
    here.stop()
    assert ec2.alive() == [kept.instance_id]


def test_every_region_is_stopped_though_one_fails(here: Setting, ec2: Ec2) -> None:
    add_image(UBUNTU.format("amd64"), region="eu-central-1")
    here.launch()
    here.launch(region=("eu-central-1",))
    ec2.fail("DescribeInstances", "UnauthorizedOperation", message="no", times=1, status=403)
    with pytest.raises(PermissionDenied):
        here.stop(regions=("eu-west-1", "eu-central-1"))
    assert len(ec2.alive("eu-west-1")) == 1
    assert ec2.alive("eu-central-1") == []
    assert here.forge.runners() == []


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
