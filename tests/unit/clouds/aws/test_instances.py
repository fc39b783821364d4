"""Instances as EC2 describes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cmlkit.clouds.aws.instances import described
from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.launching import Remedy
from cmlkit.errors import CapacityError, CmlkitError, PermissionDenied, SettingsError


def answer(reason: str) -> dict[str, Any]:
    """An instance in the form of DescribeInstances' answer."""
    return {
        "InstanceId": "i-1",
        "InstanceType": "t3.medium",
        "InstanceLifecycle": "spot",
        "State": {"Name": "terminated"},
        "StateReason": {"Code": reason.partition(":")[0], "Message": reason},
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "LaunchTime": datetime(2026, 1, 1, tzinfo=UTC),
        "Tags": [{"Key": "Name", "Value": "cmlkit-x"}],
    }


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
@pytest.mark.parametrize(
    ("reason", "taken_back"),
    [
        ("Server.SpotInstanceTermination: Instance was terminated", True),
        ("Server.SpotInstanceShutdown: Instance was stopped", True),
        ("Server.InsufficientInstanceCapacity: There was insufficient capacity", True),
        ("Server.InternalError: An internal error caused the instance to terminate", False),
        ("Client.InstanceInitiatedShutdown: Instance initiated shutdown", False),
        ("Client.UserInitiatedShutdown: User initiated shutdown", False),
        ("", False),
    ],
)
def test_an_instance_that_ec2_wanted_for_others_was_taken_back(reason: str, taken_back: bool) -> None:
    assert described(fields_of(answer(reason), "list"), "eu-west-1").taken_back is taken_back


# The same page, and for the key https://repost.aws/knowledge-center/kms-iam-ec2-permission
@pytest.mark.parametrize(
    ("reason", "remedy", "ends_as"),
    [
        ("Client.InternalError: Client error on launch", Remedy.OTHER_MARKET, PermissionDenied),
        ("Client.VolumeLimitExceeded: The limit on volumes was exceeded", Remedy.OTHER_REGION, CapacityError),
        ("Client.InvalidSnapshot.NotFound: The snapshot was not found", Remedy.OTHER_REGION, SettingsError),
        ("Server.InsufficientInstanceCapacity: There was insufficient capacity", Remedy.OTHER_PLACE, CapacityError),
        ("Server.InternalError: Internal error on launch", Remedy.OTHER_PLACE, CapacityError),
    ],
)
def test_an_instance_that_could_not_be_started_is_a_refused_launch(
    reason: str, remedy: Remedy, ends_as: type[CmlkitError]
) -> None:
    failure = described(fields_of(answer(reason), "list"), "eu-west-1").failure
    assert failure is not None
    assert (failure.remedy, failure.ends_as) == (remedy, ends_as)
    assert failure.message.startswith("AWS accepted the launch of i-1, and could not start it: ")


@pytest.mark.parametrize("reason", ["Client.InstanceInitiatedShutdown: x", "Server.SpotInstanceTermination: x", ""])
def test_an_instance_that_has_run_was_not_refused(reason: str) -> None:
    assert described(fields_of(answer(reason), "list"), "eu-west-1").failure is None


def test_the_end_of_an_instance_is_the_time_that_ec2_gives() -> None:
    # The form of DescribeInstances' stateTransitionReason:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    ended = {**answer(""), "StateTransitionReason": "User initiated (2026-01-01 01:00:00 GMT)"}
    found = described(fields_of(ended, "list"), "eu-west-1")
    assert found.ended == found.launched + 3600
    assert described(fields_of(answer(""), "list"), "eu-west-1").ended is None


def test_an_instances_name_is_its_tag() -> None:
    assert described(fields_of(answer(""), "list"), "eu-west-1").name == "cmlkit-x"
