"""Launching, listing, stopping and reaping against an AWS that others wrote: ministack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from cmlkit.clouds.aws import regions
from cmlkit.errors import CmlkitError
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.launch import Launched, launch_all
from cmlkit.runner.listing import list_instances
from cmlkit.runner.reaping import reap
from cmlkit.runner.stopping import stop
from cmlkit.settings.schema import RunnerSpec
from tests.fake_forge import FakeForge, FastClock
from tests.reality.tools import clean_environment, free_port, serving, tool

REGION = "eu-west-1"
RUN = WorkflowRun(repository="octo/forest", run_id="7700", attempt=1)
LEASE_SECONDS = 7200


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("ministack"), free_port()
    environ = clean_environment(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        SERVICES="ec2,iam,ssm,sts",
        IOT_MTLS_ENABLED="0",
        S3_DATA_DIR=str(folder / "s3"),
        TMPDIR=str(folder),
    )
    with serving([str(tool("ministack"))], port=port, environ=environ, log=folder / "log") as url:
        yield url


class World:
    """A forge of fakes and the AWS of ministack, with the image that a launch is told to use."""

    def __init__(self) -> None:
        self.forge, self.clock = FakeForge(), FastClock()
        self.cloud_for = regions()
        self.ec2 = boto3.client("ec2", region_name=REGION)
        self.image: str = self.ec2.describe_images()["Images"][0]["ImageId"]

    def launch(self, run: WorkflowRun = RUN, **settings: Any) -> Launched:
        spec = RunnerSpec(**{"image": self.image, "instance_type": ("t3.micro",), "market": "on-demand", **settings})
        [launched] = launch_all(spec, workflow_run=run, forge=self.forge, cloud_for=self.cloud_for, clock=self.clock)
        return launched

    def described(self, instance_id: str) -> dict[str, Any]:
        answer = self.ec2.describe_instances(InstanceIds=[instance_id])
        found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
        return found

    def state(self, instance_id: str) -> str:
        return str(self.described(instance_id)["State"]["Name"])

    def stop(self, run: WorkflowRun = RUN) -> tuple[str, ...]:
        edges = {"forge": self.forge, "cloud_for": self.cloud_for, "clock": self.clock}
        return stop(workflow_run=run, **edges).instances  # type: ignore[arg-type]


@pytest.fixture
def world(ministack: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    there = World()
    yield there
    alive = [
        instance["InstanceId"]
        for reservation in there.ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] != "terminated"
    ]
    if alive:
        there.ec2.terminate_instances(InstanceIds=alive)


def test_a_launch_makes_one_instance_with_the_tags_of_its_run(world: World) -> None:
    launched = world.launch(tags={"team": "ml"})
    found = world.described(launched.instance_id)
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert {"cmlkit:run": "7700", "cmlkit:attempt": "1", "team": "ml"}.items() <= tags.items()
    assert found["InstanceType"] == launched.instance_type == "t3.micro"
    assert world.state(launched.instance_id) == "running"


def test_its_volumes_go_with_the_instance(world: World) -> None:
    found = world.described(world.launch().instance_id)
    volumes = [mapping["Ebs"]["DeleteOnTermination"] for mapping in found["BlockDeviceMappings"]]
    assert volumes
    assert all(volumes)


def test_a_list_shows_the_instances_of_all_runs_or_of_one(world: World) -> None:
    first = world.launch()
    second = world.launch(replace(RUN, run_id="7701"))
    listed = {each.id: each for each in list_instances(cloud_for=world.cloud_for, regions=(REGION,))}
    assert {first.instance_id, second.instance_id} == listed.keys()
    assert listed[first.instance_id].instance_type == "t3.micro"
    [of_run] = list_instances(cloud_for=world.cloud_for, regions=(REGION,), workflow_run=RUN)
    assert of_run.id == first.instance_id


def test_a_stop_ends_the_instances_of_its_run_and_no_others(world: World) -> None:
    launched, other = world.launch(), world.launch(replace(RUN, run_id="7701"))
    assert world.stop() == (launched.instance_id,)
    assert world.state(launched.instance_id) in ("shutting-down", "terminated")
    assert world.state(other.instance_id) == "running"
    assert world.stop() == ()


def test_an_instance_is_reaped_after_its_lease_and_not_before(world: World) -> None:
    launched = world.launch()
    edges = {"forge": world.forge, "cloud_for": world.cloud_for, "clock": world.clock}
    assert reap(repository=RUN.repository, job_forge=world.forge, **edges) == ()  # type: ignore[arg-type]
    world.clock.time += LEASE_SECONDS + 1
    rows = reap(repository=RUN.repository, job_forge=world.forge, **edges)  # type: ignore[arg-type]
    assert {row.id: row.outcome for row in rows}[launched.instance_id] == "terminated"
    assert world.state(launched.instance_id) in ("shutting-down", "terminated")


def test_an_image_that_is_not_there_is_refused_before_a_runner_is_registered(world: World) -> None:
    with pytest.raises(CmlkitError, match="ami-00000000000000000"):
        world.launch(image="ami-00000000000000000")
    assert world.forge.runners() == []


def test_the_default_security_group_has_no_way_in(world: World) -> None:
    found = world.described(world.launch().instance_id)
    groups = world.ec2.describe_security_groups(GroupIds=[each["GroupId"] for each in found["SecurityGroups"]])
    assert [group["IpPermissions"] for group in groups["SecurityGroups"]] == [[]]
