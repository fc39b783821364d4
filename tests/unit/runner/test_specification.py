"""The specification of an instance: its client token, and when it is over at the latest."""

from __future__ import annotations

import pytest

from cmlkit.clouds.planning import Image, InstanceType, Subnet
from cmlkit.forges.runners import Runner
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner.ladder import Rung
from cmlkit.runner.specification import client_token, job_environment, latest_end
from cmlkit.settings.schema import RunnerSpec

RUN = WorkflowRun(repository="octo/x", run_id="16123456789")
RUNNER = Runner(id=7, name="cmlkit-x", status="offline", busy=False, labels=())
RUNG = Rung(
    cloud="AWS",
    region="eu-west-1",
    instance_type=InstanceType(name="t3.medium", architecture="x86_64", cpus=2, memory=4.0),
    market="spot",
    subnet=Subnet(id="subnet-1", network="vpc-1", zone="eu-west-1a"),
    security_groups=("sg-1",),
    image=Image(id="ami-1", name="", architecture="x86_64", root_device="/dev/sda1", disk_size=8),
    quota="Q",
)


def test_a_client_token_is_that_of_one_lease() -> None:
    # EC2 refuses a token that comes again with other parameters, and the lease is one: it is in a tag.
    # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    token = client_token(RUN, RUNNER, RUNG, expires=100.0)
    assert token == client_token(RUN, RUNNER, RUNG, expires=100.0)
    assert token != client_token(RUN, RUNNER, RUNG, expires=101.0)
    assert len(token) == 64


@pytest.mark.parametrize(
    ("launcher", "told"), [("GitHub Actions 7", "GitHub Actions 7"), ("", None), ("two\nlines", None)]
)
def test_the_job_learns_the_name_of_the_runner_that_launched_it(launcher: str, told: str | None) -> None:
    assert job_environment(RUNG, launcher=launcher).get("CMLKIT_INSTANCE_LAUNCHER") == told


def test_a_launch_is_over_after_all_that_it_may_wait_for_and_the_lifetime() -> None:
    spec = RunnerSpec(wait_timeout=1800.0, capacity_timeout=900.0, max_lifetime=7200.0)
    assert latest_end(spec, started=1000.0) == 1000.0 + 1800.0 + 900.0 + 7200.0 + 1800.0
