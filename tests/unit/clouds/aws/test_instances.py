"""Instances as EC2 describes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cmlkit.clouds.aws.instances import described


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
    assert described(answer(reason), "eu-west-1").taken_back is taken_back


def test_an_instances_name_is_its_tag() -> None:
    assert described(answer(""), "eu-west-1").name == "cmlkit-x"
