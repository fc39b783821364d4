"""The sandbox's AWS: faults that befall the calls that they are meant for, and the log of calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import HTTPClientError

from cmlkit_sandbox.aws import AwsServer, Call
from tests.integration.aws_client import client, launch, refused, run_instances


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[AwsServer]:
    with AwsServer(tmp_path / "machines", boot=False, pending_seconds=0) as server:
        yield server


def test_no_capacity_is_told_as_ec2_does(aws: AwsServer) -> None:
    aws.fail("RunInstances", "InsufficientInstanceCapacity")
    code, status, message = refused(run_instances, aws=aws)
    assert (code, status) == ("InsufficientInstanceCapacity", 500)
    assert "sufficient t3.medium capacity" in message
    assert launch(aws)


def test_a_fault_hits_as_many_calls_as_it_is_meant_for(aws: AwsServer) -> None:
    aws.fail("RunInstances", "RequestLimitExceeded", skip=1, times=2)
    launch(aws)
    assert [refused(run_instances, aws=aws)[:2] for _ in range(2)] == [("RequestLimitExceeded", 503)] * 2
    assert launch(aws)


def test_a_fault_may_be_for_one_market_type_or_region(aws: AwsServer) -> None:
    aws.fail("RunInstances", "InsufficientInstanceCapacity", market="spot", times=10)
    aws.fail("RunInstances", "VcpuLimitExceeded", instance_type="t3.large", times=10)
    aws.fail("DescribeInstances", "Unavailable", region="us-east-1", times=10)
    assert launch(aws)
    assert refused(run_instances, aws=aws, InstanceMarketOptions={"MarketType": "spot"})[1] == 500
    assert refused(run_instances, aws=aws, InstanceType="t3.large")[0] == "VcpuLimitExceeded"
    assert client(aws).describe_instances()["Reservations"]
    assert refused(client(aws, region="us-east-1").describe_instances)[0] == "Unavailable"


def test_a_fault_may_be_for_the_call_of_a_number(aws: AwsServer) -> None:
    aws.fail("*", "InternalError", number=2)
    client(aws).describe_instances()
    assert refused(client(aws).describe_instances)[:2] == ("InternalError", 500)
    client(aws).describe_instances()
    assert [call.number for call in aws.calls] == [1, 2, 3]


def test_a_service_that_speaks_json_fails_in_json(aws: AwsServer) -> None:
    aws.fail("GetParameters", "ThrottlingException", message="Rate exceeded")
    assert refused(client(aws, "ssm").get_parameters, Names=["/a"]) == ("ThrottlingException", 400, "Rate exceeded")


def test_a_connection_may_break_before_anything_is_done(aws: AwsServer) -> None:
    aws.fail("RunInstances", drop=True)
    with pytest.raises(HTTPClientError):
        launch(aws)
    assert aws.instances() == []
    assert aws.calls[-1].status is None


def test_a_connection_may_break_after_all_is_done(aws: AwsServer) -> None:
    aws.fail("RunInstances", acted=True, drop=True)
    instance_id = launch(aws, ClientToken="again", tries=2)
    assert [instance.id for instance in aws.instances()] == [instance_id]
    assert aws.actions.count("RunInstances") == 2


def test_an_error_may_come_although_all_is_done(aws: AwsServer) -> None:
    aws.fail("RunInstances", "InternalError", acted=True)
    assert refused(run_instances, aws=aws)[0] == "InternalError"
    assert len(aws.instances()) == 1


def test_calls_can_be_watched_before_and_after_they_are_acted_on(aws: AwsServer) -> None:
    seen: list[tuple[str, int]] = []
    aws.fail(
        "RunInstances",
        before=lambda call: seen.append((call.action, len(aws.instances()))),
        after=lambda call: seen.append((call.action, len(aws.instances()))),
    )
    launch(aws)
    assert seen == [("RunInstances", 0), ("RunInstances", 1)]


def test_every_call_waits_as_long_as_it_is_told(aws: AwsServer) -> None:
    client(aws).describe_instances()
    aws.latency = 0.2
    aws.fail("DescribeInstances", latency=0.2)
    started = time.monotonic()
    client(aws).describe_instances()
    assert time.monotonic() - started >= 0.4


def test_the_log_says_who_was_asked_for_what_and_how_it_was_answered(aws: AwsServer) -> None:
    launch(aws, InstanceMarketOptions={"MarketType": "spot"})
    refused(client(aws, region="us-east-1").terminate_instances, InstanceIds=["i-00000000000000000"])
    client(aws, "scheduler").list_schedules()

    def told(call: Call) -> tuple[object, ...]:
        return call.service, call.region, call.action, call.status

    assert [told(call) for call in aws.calls] == [
        ("ec2", "eu-west-1", "RunInstances", 200),
        ("ec2", "us-east-1", "TerminateInstances", 400),
        ("scheduler", "eu-west-1", "ListSchedules", 200),
    ]
    assert (aws.calls[0].instance_type, aws.calls[0].market) == ("t3.medium", "spot")
