"""The sandbox's AWS: instances that boot, end and are seen as on EC2, over HTTP with boto3."""

from __future__ import annotations

import gzip
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import CmlkitError
from cmlkit_sandbox.aws import AwsServer
from tests.integration.aws_client import (
    client,
    described,
    launch,
    refused,
    run_instances,
    until,
    until_state,
)

ROOT_VOLUME = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "DeleteOnTermination": True}}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[AwsServer]:
    with AwsServer(tmp_path / "machines", pending_seconds=0.05) as server:
        yield server


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[AwsServer]:
    """AWS whose instances have no machines."""
    with AwsServer(tmp_path / "machines", boot=False, pending_seconds=0) as server:
        yield server


def metadata(aws: AwsServer, instance_id: str, path: str, *, token: str = "") -> str:
    """What the metadata service answers an instance that asks with a token of its own."""
    return metadata_bytes(aws, instance_id, path, token=token).decode()


def metadata_bytes(aws: AwsServer, instance_id: str, path: str, *, token: str = "") -> bytes:
    base = f"{aws.url}/_imds/{instance_id}/latest"
    if not token:
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        request = urllib.request.Request(f"{base}/api/token", method="PUT", headers=lifetime)
        token = urllib.request.urlopen(request).read().decode()
    request = urllib.request.Request(f"{base}/{path}", headers={"X-aws-ec2-metadata-token": token})
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def test_an_instance_is_pending_then_running_and_its_machine_runs_the_user_data(aws: AwsServer) -> None:
    answer = run_instances(aws, "echo hello; sleep 600")["Instances"][0]
    assert answer["State"]["Name"] == "pending"
    until(lambda: "hello" in aws.machines[answer["InstanceId"]].console)
    assert described(aws, answer["InstanceId"])["State"]["Name"] == "running"


def test_the_console_output_is_the_machine_s_own(aws: AwsServer) -> None:
    instance_id = launch(aws, "echo 'cmlkit: stage=user uptime=1.00'; sleep 600")
    until(lambda: "stage" in client(aws).get_console_output(InstanceId=instance_id, Latest=True).get("Output", ""))


def test_a_console_that_has_nothing_yet_has_no_output(bare: AwsServer) -> None:
    assert "Output" not in client(bare).get_console_output(InstanceId=launch(bare))


def test_a_machine_that_powers_off_ends_its_instance(aws: AwsServer) -> None:
    instance_id = launch(aws, "systemctl poweroff")
    until_state(aws, instance_id, "terminated")
    assert not aws.machines[instance_id].is_on
    reason = described(aws, instance_id)["StateReason"]
    assert reason["Code"] == "Client.InstanceInitiatedShutdown"
    assert reason["Message"] == "Client.InstanceInitiatedShutdown: Instance initiated shutdown"


def test_an_instance_whose_shutdown_behaviour_is_stop_can_still_be_terminated(aws: AwsServer) -> None:
    instance_id = launch(aws, "poweroff", InstanceInitiatedShutdownBehavior="stop")
    until_state(aws, instance_id, "stopped")
    client(aws).terminate_instances(InstanceIds=[instance_id])
    until_state(aws, instance_id, "terminated")


def test_terminating_an_instance_ends_its_machine(aws: AwsServer, tmp_path: Path) -> None:
    started = tmp_path / "started"
    instance_id = launch(aws, f"touch {started}; sleep 600")
    until(started.exists)
    change = client(aws).terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    until_state(aws, instance_id, "terminated")
    assert not aws.machines[instance_id].is_on
    assert described(aws, instance_id)["StateTransitionReason"].startswith("User initiated (")


def test_terminating_twice_changes_nothing(bare: AwsServer) -> None:
    instance_id = launch(bare)
    client(bare).terminate_instances(InstanceIds=[instance_id])
    until_state(bare, instance_id, "terminated")
    ended = bare.instance(instance_id).ended
    change = client(bare).terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert change["CurrentState"]["Name"] == "terminated"
    assert bare.instance(instance_id).ended == ended


def test_an_instance_that_is_ended_while_pending_never_boots(tmp_path: Path) -> None:
    with AwsServer(tmp_path, pending_seconds=600) as aws:
        instance_id = launch(aws, "echo hello")
        client(aws).terminate_instances(InstanceIds=[instance_id])
        until_state(aws, instance_id, "terminated")
        assert aws.machines[instance_id].console == ""


def test_instances_that_have_ended_are_forgotten_when_that_is_asked_for(bare: AwsServer) -> None:
    ended, alive = launch(bare), launch(bare)
    client(bare).terminate_instances(InstanceIds=[ended])
    until_state(bare, ended, "terminated")
    bare.forget_ended()
    assert [instance.id for instance in bare.instances()] == [alive]
    reservations = client(bare).describe_instances()["Reservations"]
    assert [instance["InstanceId"] for each in reservations for instance in each["Instances"]] == [alive]


def test_one_unknown_id_lets_no_instance_be_terminated(bare: AwsServer) -> None:
    instance_id = launch(bare)
    until_state(bare, instance_id, "running")
    terminate = client(bare).terminate_instances
    assert refused(terminate, InstanceIds=[instance_id, "i-00000000000000000"])[0] == "InvalidInstanceID.NotFound"
    assert refused(terminate, InstanceIds=["i-wrong"])[0] == "InvalidInstanceID.Malformed"
    assert bare.instance(instance_id).state == "running"


def test_volumes_and_network_interfaces_go_with_their_instance(bare: AwsServer) -> None:
    kinds = ("instance", "volume", "network-interface")
    tags = [{"ResourceType": kind, "Tags": [{"Key": "cmlkit:run", "Value": "1"}]} for kind in kinds]
    instance_id = launch(bare, BlockDeviceMappings=[ROOT_VOLUME], TagSpecifications=tags)
    ec2, ours = client(bare), [{"Name": "tag:cmlkit:run", "Values": ["1"]}]
    assert len(ec2.describe_volumes(Filters=ours)["Volumes"]) == 1
    assert len(ec2.describe_network_interfaces(Filters=ours)["NetworkInterfaces"]) == 1
    assert bare.instance(instance_id).tags == {"cmlkit:run": "1"}
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_the_same_client_token_gives_the_same_instance_as_it_is_by_now(bare: AwsServer) -> None:
    first = launch(bare, ClientToken="token-1")
    client(bare).terminate_instances(InstanceIds=[first])
    until_state(bare, first, "terminated")
    again = run_instances(bare, ClientToken="token-1")["Instances"]
    assert [(instance["InstanceId"], instance["State"]["Name"]) for instance in again] == [(first, "terminated")]
    assert len(bare.instances()) == 1


def test_a_client_token_goes_with_one_request_only(bare: AwsServer) -> None:
    launch(bare, ClientToken="token-1")
    answer = refused(run_instances, aws=bare, ClientToken="token-1", InstanceType="t3.large")
    assert answer[0] == "IdempotentParameterMismatch"


def test_requests_with_one_token_at_the_same_time_launch_once(bare: AwsServer) -> None:
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda: ids.append(launch(bare, ClientToken="token-1")), name=str(number))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_the_metadata_service_tells_an_instance_of_itself(bare: AwsServer) -> None:
    instance_id = launch(bare, "echo hello")
    assert metadata(bare, instance_id, "meta-data/instance-id") == instance_id
    assert metadata(bare, instance_id, "meta-data/placement/region") == "eu-west-1"
    assert "pendingTime" in metadata(bare, instance_id, "dynamic/instance-identity/document")
    assert metadata(bare, instance_id, "user-data") == "#!/bin/bash\necho hello\n"
    assert "instance-id" in metadata(bare, instance_id, "meta-data/").splitlines()


def test_the_metadata_service_gives_user_data_back_as_it_was_given(bare: AwsServer) -> None:
    # "What you give is what you get back", compressed or not:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
    given = gzip.compress(b"#!/bin/bash\necho hello\n", mtime=0)
    assert metadata_bytes(bare, launch(bare, UserData=given), "user-data") == given


def test_the_metadata_service_wants_a_token_of_the_instance_itself(bare: AwsServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        metadata(bare, launch(bare), "meta-data/instance-id", token="guessed")


def test_an_instance_with_a_profile_has_credentials_of_its_role(bare: AwsServer) -> None:
    client(bare, "iam").create_instance_profile(InstanceProfileName="trainer")
    # A new profile is not known everywhere at once.
    assert "iamInstanceProfile" in refused(run_instances, aws=bare, IamInstanceProfile={"Name": "trainer"})[2]
    instance_id = launch(bare, IamInstanceProfile={"Name": "trainer"})
    assert metadata(bare, instance_id, "meta-data/iam/security-credentials/") == "trainer"
    credentials = json.loads(metadata(bare, instance_id, "meta-data/iam/security-credentials/trainer"))
    assert credentials["AccessKeyId"].startswith("ASIA")


def test_an_interrupted_spot_instance_is_told_so_and_then_ends(bare: AwsServer) -> None:
    instance_id = launch(bare, InstanceMarketOptions={"MarketType": "spot"})
    with pytest.raises(urllib.error.HTTPError, match="404"):
        metadata(bare, instance_id, "meta-data/spot/instance-action")
    bare.interrupt(instance_id, seconds=0.5)
    assert '"action": "terminate"' in metadata(bare, instance_id, "meta-data/spot/instance-action")
    until_state(bare, instance_id, "terminated")
    assert described(bare, instance_id)["StateReason"]["Code"] == "Server.SpotInstanceTermination"


def test_a_spot_instance_is_seen_as_one(bare: AwsServer) -> None:
    found = described(bare, launch(bare, InstanceMarketOptions={"MarketType": "spot"}))
    assert found["InstanceLifecycle"] == "spot"
    assert found["SpotInstanceRequestId"].startswith("sir-")


def test_a_due_schedule_terminates_its_instance_and_is_gone(bare: AwsServer) -> None:
    instance_id = launch(bare)
    scheduler = client(bare, "scheduler")
    scheduler.create_schedule(
        Name="cmlkit-end",
        ScheduleExpression="at(2030-01-01T02:00:00)",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
            "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            "Input": f'{{"InstanceIds": ["{instance_id}"]}}',
        },
    )
    due = 1_893_463_200  # 2030-01-01 02:00:00 UTC
    assert bare.run_due_schedules(due - 1) == []
    assert bare.run_due_schedules(due) == ["cmlkit-end"]
    until_state(bare, instance_id, "terminated")
    assert scheduler.list_schedules()["Schedules"] == []


def test_nothing_is_left_when_the_sandbox_closes(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with AwsServer(tmp_path / "machines") as aws:
        instance_id = launch(aws, f"setsid sleep 600 & touch {ready}; sleep 600")
        until(ready.exists)
        machine = aws.machines[instance_id]
    assert not machine.is_on
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("i-")] == []


def test_a_new_sandbox_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    with AwsServer(tmp_path, boot=False) as first:
        launch(first)
    with AwsServer(tmp_path, boot=False) as second:
        assert client(second).describe_instances()["Reservations"] == []


def test_a_second_sandbox_in_one_process_is_refused(bare: AwsServer, tmp_path: Path) -> None:
    with pytest.raises(CmlkitError, match="has a sandbox already"), AwsServer(tmp_path / "second"):
        raise AssertionError("must not be entered")


def test_many_instances_launch_and_end_together(bare: AwsServer) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(launch(bare)), name=str(number)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client(bare).terminate_instances(InstanceIds=ids)
    until(lambda: {instance.state for instance in bare.instances()} == {"terminated"})
    assert len(set(ids)) == 12
