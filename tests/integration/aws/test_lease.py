"""The lease of an instance: how long it may live is counted from its own launch, not from the start of the search."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cmlkit.runner.lease import RunnerName
from tests.integration.aws.conftest import Setting
from tests.integration.aws.ec2 import Ec2, Fault

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::123456789012:role/cmlkit-terminator"
HALF_AN_HOUR = 1800.0
# An instance's timer starts when it boots, at the latest when its launch would be given up.
LIFETIME = 3600.0


def scheduled(ec2: Ec2, name: str) -> float:
    """When EventBridge ends the instance, in seconds since the epoch."""
    expression = ec2.client("scheduler").get_schedule(Name=name)["ScheduleExpression"]
    return datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp()


def tags(ec2: Ec2) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in ec2.instances()[0]["Tags"]}


def test_the_lease_counts_from_the_launch_that_succeeds_and_stays_the_same_when_its_answer_is_lost(
    here: Setting, ec2: Ec2
) -> None:
    started = here.clock.now()
    times: list[float] = []
    ec2.before = lambda action: times.append(here.clock.now()) if action == "RunInstances" else None
    ec2.fail("RunInstances", "InsufficientInstanceCapacity", status=500)

    def find_capacity_after_half_an_hour() -> None:
        if here.clock.now() >= started + HALF_AN_HOUR and ec2.faults[0].code:
            ec2.faults[:] = [Fault(action="RunInstances", after=True, times=2)]

    here.clock.when_slept = find_capacity_after_half_an_hour
    launched = here.launch(
        instance_type=("t3.medium",), capacity_timeout=2 * HALF_AN_HOUR, max_lifetime=LIFETIME, stop_schedule_role=ROLE
    )
    first, *repeated = ec2.called("RunInstances")[-3:]
    assert repeated == [first, first]
    assert ec2.alive() == [launched.instance_id]
    assert launched.expires == int(times[-3] + LIFETIME)
    assert launched.expires >= started + HALF_AN_HOUR + LIFETIME
    assert tags(ec2)["cmlkit:expires"] == str(launched.expires)
    assert scheduled(ec2, launched.runner_name) == launched.expires + 600


def test_no_request_after_a_pause_shares_its_token_with_one_before(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "InsufficientInstanceCapacity", status=500, times=4)
    here.launch(instance_type=("t3.medium",), market="on-demand", capacity_timeout=60.0)
    asked = ec2.called("RunInstances")
    assert len(asked) == 5
    assert len({request["ClientToken"] for request in asked}) == 5


@pytest.mark.parametrize(("wait_timeout", "grace"), [(60.0, 600), (HALF_AN_HOUR, 1800)])
def test_aws_ends_no_instance_before_its_own_timer_however_late_that_started(
    here: Setting, ec2: Ec2, wait_timeout: float, grace: int
) -> None:
    launched = here.launch(wait_timeout=wait_timeout, max_lifetime=LIFETIME, stop_schedule_role=ROLE)
    assert scheduled(ec2, launched.runner_name) == launched.expires + grace


def test_a_runners_name_is_over_when_no_instance_of_its_launch_can_be_left(here: Setting, ec2: Ec2) -> None:
    ec2.fail("RunInstances", "InsufficientInstanceCapacity", status=500, times=20)
    launched = here.launch(capacity_timeout=HALF_AN_HOUR, wait_timeout=HALF_AN_HOUR, stop_schedule_role=ROLE)
    named = RunnerName.of(launched.runner_name)
    assert named is not None
    assert named.expires >= scheduled(ec2, launched.runner_name)
