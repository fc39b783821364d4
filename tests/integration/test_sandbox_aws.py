"""The sandbox's AWS: what it adds to moto, over HTTP with boto3."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cmlkit.sandbox.aws import images
from cmlkit.sandbox.aws import ACCESS_KEY, SECRET_KEY, AwsServer

UBUNTU = images.IMAGES[0].id("eu-west-1")
DEADLINE_SECONDS = 20


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[AwsServer]:
    with AwsServer(tmp_path, pending_seconds=0.05) as server:
        yield server


def client(aws: AwsServer, service: str = "ec2") -> Any:
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=aws.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def launch(aws: AwsServer, script: str, **changes: Any) -> str:
    request = {
        "ImageId": UBUNTU,
        "InstanceType": "t3.medium",
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": f"#!/bin/bash\n{script}\n",
        "InstanceInitiatedShutdownBehavior": "terminate",
        **changes,
    }
    instance_id: str = client(aws).run_instances(**request)["Instances"][0]["InstanceId"]
    return instance_id


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.02)


def test_an_instance_is_pending_then_running_and_its_machine_runs_the_user_data(aws: AwsServer) -> None:
    instance_id = launch(aws, "echo hello from $PPID; sleep 60")
    assert aws.instance(instance_id).state == "pending"
    until(lambda: "hello from" in aws.machines[instance_id].console if instance_id in aws.machines else False)
    assert aws.instance(instance_id).state == "running"
    output = client(aws).get_console_output(InstanceId=instance_id, Latest=True)["Output"]
    assert "hello from" in output


def test_a_machine_that_powers_off_ends_its_instance_and_all_its_processes(aws: AwsServer, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    daemon = f"setsid sh -c 'while :; do date >{alive}; sleep 0.05; done' &"
    instance_id = launch(aws, f"{daemon}\nuntil [ -s {alive} ]; do sleep 0.01; done; systemctl poweroff")
    until(lambda: aws.instance(instance_id).state == "terminated")
    written = alive.read_bytes()
    alive.unlink()
    assert not aws.machines[instance_id].is_on
    assert written
    assert not alive.exists()
    found = client(aws).describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "terminated"


def test_with_shutdown_behaviour_stop_the_instance_lives_on(aws: AwsServer) -> None:
    instance_id = launch(aws, "poweroff", InstanceInitiatedShutdownBehavior="stop")
    until(lambda: aws.instance(instance_id).state == "stopped")


def test_terminating_ends_the_machine(aws: AwsServer, tmp_path: Path) -> None:
    started = tmp_path / "started"
    instance_id = launch(aws, f"touch {started}; sleep 60")
    until(started.exists)
    client(aws).terminate_instances(InstanceIds=[instance_id])
    until(lambda: not aws.machines[instance_id].is_on)


def test_a_timer_fires_by_the_clock_of_the_sandbox(tmp_path: Path) -> None:
    with AwsServer(tmp_path, clock_rate=36_000) as aws:
        instance_id = launch(aws, "systemd-run --quiet --on-active=7200.00 systemctl poweroff; sleep 60")
        until(lambda: aws.instance(instance_id).state == "terminated")


def test_the_machine_sees_no_credentials_of_the_sandbox(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("CMLKIT_TOKEN", "hidden")
    seen = tmp_path / "seen"
    launch(aws, f"env >{seen}.part; mv {seen}.part {seen}")
    until(seen.exists)
    assert "hidden" not in seen.read_text()


def test_the_same_client_token_gives_the_same_instance(aws: AwsServer) -> None:
    first = launch(aws, "sleep 60", ClientToken="token-1")
    assert launch(aws, "sleep 60", ClientToken="token-1") == first
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        launch(aws, "sleep 60", ClientToken="token-1", InstanceType="t3.large")
    assert len(aws.instances()) == 1


def test_user_data_has_a_limit(aws: AwsServer) -> None:
    with pytest.raises(ClientError, match="limited to 16384 bytes"):
        launch(aws, "x" * 16_384)


def test_faults_befall_the_calls_they_are_meant_for(aws: AwsServer) -> None:
    aws.fail("RunInstances", "InsufficientInstanceCapacity", status=500, where={"InstanceType": "t3.medium"}, times=10)
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
        launch(aws, "sleep 60")
    assert launch(aws, "sleep 60", InstanceType="t3.large")


def test_a_connection_may_break_after_the_instance_was_launched(aws: AwsServer) -> None:
    aws.fail("RunInstances", acted=True, drop=True)
    instance_id = launch(aws, "sleep 60", ClientToken="again")
    assert [instance.id for instance in aws.instances()] == [instance_id]
    assert aws.actions.count("RunInstances") == 2


def test_public_images_and_prices_are_there(aws: AwsServer) -> None:
    name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    image = client(aws, "ssm").get_parameters(Names=[name])["Parameters"][0]["Value"]
    found = client(aws).describe_images(ImageIds=[image])["Images"][0]
    assert found["RootDeviceName"] == "/dev/sda1"
    history = client(aws).describe_spot_price_history(InstanceTypes=["t3.medium"])["SpotPriceHistory"]
    assert {item["AvailabilityZone"] for item in history} == {"eu-west-1a", "eu-west-1b", "eu-west-1c"}
    filters = [{"Type": "TERM_MATCH", "Field": "instanceType", "Value": "t3.medium"}]
    assert client(aws, "pricing").get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]


def test_an_interrupted_spot_instance_is_told_by_its_metadata_and_then_ends(aws: AwsServer) -> None:
    instance_id = launch(aws, "sleep 60")
    until(lambda: aws.instance(instance_id).state == "running")
    base = f"{aws.url}/_imds/{instance_id}"
    token = urllib.request.urlopen(urllib.request.Request(f"{base}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})).read().decode()
    aws.interrupt(instance_id, seconds=0.5)
    request = urllib.request.Request(
        f"{base}/latest/meta-data/spot/instance-action", headers={"X-aws-ec2-metadata-token": token}
    )
    assert b"terminate" in urllib.request.urlopen(request).read()
    until(lambda: aws.instance(instance_id).state == "terminated")


def test_a_second_sandbox_in_one_process_is_refused(aws: AwsServer, tmp_path: Path) -> None:
    from cmlkit.errors import CmlkitError

    with pytest.raises(CmlkitError, match="has a sandbox already"), AwsServer(tmp_path / "second"):
        raise AssertionError("must not be entered")
