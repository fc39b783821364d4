"""The sandbox as a whole: the variables that lead there, and a machine that does a job of its GitHub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import cmlkit_sandbox
from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.errors import CmlkitError
from cmlkit.forges.github.agent import runner_agent
from cmlkit.runner.boot import BootSpec, user_data
from cmlkit_sandbox import REPOSITORY, TOKEN, Sandbox
from cmlkit_sandbox.github.runner_application import RUNNER_VERSION
from tests.integration.aws_client import DEADLINE_SECONDS, launch, until, until_state

LABEL = "cmlkit-1-1"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("print('trained')\n")
    with Sandbox(tmp_path / "sandbox", source=source, clock_rate=3600) as running:
        yield running


def github(sandbox: Sandbox, method: str, path: str, **fields: object) -> Any:
    url = f"{sandbox.github.api_url}/repos/{REPOSITORY}/{path}"
    answer = requests.request(
        method, url, json=fields or None, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
    )
    answer.raise_for_status()
    return answer.json()


def launch_runner(sandbox: Sandbox, *, max_lifetime: float = 36_000) -> str:
    """Id of an instance that becomes a runner with LABEL."""
    runner = github(
        sandbox, "POST", "actions/runners/generate-jitconfig", name="runner-1", runner_group_id=1, labels=[LABEL]
    )
    downloads = github(sandbox, "GET", "actions/runners/downloads")
    tarball = next(item for item in downloads if (item["os"], item["architecture"]) == ("linux", "x64"))
    spec = BootSpec(
        cloud=first_boot(),
        agent=runner_agent(),
        credential=runner["encoded_jit_config"],
        runner_url=tarball["download_url"],
        runner_sha256=tarball["sha256_checksum"],
        idle_timeout=600,
        max_lifetime=max_lifetime,
    )
    return launch(sandbox.aws, UserData=user_data(spec))


def runners(sandbox: Sandbox) -> list[Any]:
    found: list[Any] = github(sandbox, "GET", "actions/runners")["runners"]
    return found


def test_a_runner_that_is_too_old_says_so_and_powers_off(sandbox: Sandbox) -> None:
    sandbox.github.queue_job(REPOSITORY, labels=[LABEL], steps=["echo never"])
    sandbox.github.hub.runners.oldest_version = "2.331.0"
    instance_id = launch_runner(sandbox)
    until_state(sandbox.aws, instance_id, "terminated")
    console = sandbox.aws.machines[instance_id].console
    assert "Runner version v2.330.0 is deprecated and cannot receive messages." in console
    assert "powering off: GitHub refuses the runner's version 2.330.0 as too old" in console


def test_the_stand_in_runner_has_the_version_in_its_archives_name() -> None:
    listener = Path(cmlkit_sandbox.__file__).parent / "actions_runner" / "bin" / "Runner.Listener"
    said = subprocess.run([sys.executable, listener, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == RUNNER_VERSION


def test_a_machine_becomes_a_runner_does_a_job_and_is_gone(sandbox: Sandbox) -> None:
    job = sandbox.github.queue_job(REPOSITORY, labels=[LABEL], steps=["python train.py", "echo on $CMLKIT_INSTANCE_ID"])
    instance_id = launch_runner(sandbox)
    assert job.wait(DEADLINE_SECONDS) == "success"
    assert "trained" in job.log
    assert f"on {instance_id}" in job.log
    until_state(sandbox.aws, instance_id, "terminated")
    assert runners(sandbox) == []
    console = sandbox.aws.machines[instance_id].console
    assert "powering off: the runner ended with status 0" in console


@pytest.mark.slow
def test_a_job_that_hangs_ends_with_the_machine_s_lifetime(sandbox: Sandbox) -> None:
    job = sandbox.github.queue_job(REPOSITORY, labels=[LABEL], steps=["trap '' TERM INT; while :; do sleep 1; done"])
    instance_id = launch_runner(sandbox, max_lifetime=7200)  # two seconds by the machine's clock
    until(lambda: job.status == "in_progress")
    until_state(sandbox.aws, instance_id, "terminated")
    assert "the lifetime of 7200.00 s is over" in sandbox.aws.machines[instance_id].console


def test_a_job_sees_the_sandbox_s_aws_but_none_of_its_credentials(sandbox: Sandbox) -> None:
    job = sandbox.github.queue_job(REPOSITORY, labels=[LABEL], steps=["env | grep -i -e ^AWS -e TOKEN | sort"])
    launch_runner(sandbox)
    assert job.wait(DEADLINE_SECONDS) == "success"
    assert f"AWS_ENDPOINT_URL={sandbox.aws.url}" in job.log
    assert "AWS_SECRET_ACCESS_KEY" not in job.log
    assert TOKEN not in job.log


def test_the_variables_lead_to_this_computer_only(sandbox: Sandbox) -> None:
    environ = sandbox.environ()
    assert environ["GITHUB_REPOSITORY"] == REPOSITORY
    urls = [value for name, value in environ.items() if name.endswith("_URL")]
    assert len(urls) == 3
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_boto3_and_the_aws_libraries_find_the_sandbox_by_its_variables(sandbox: Sandbox) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    environ = {"PATH": os.environ["PATH"], **sandbox.environ()}
    said = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True)
    assert said.stdout.startswith("arn:aws:")
    assert sandbox.aws.actions == ["GetCallerIdentity"]


def test_a_sandbox_that_cannot_start_leaves_nothing_up(sandbox: Sandbox, tmp_path: Path) -> None:
    second = Sandbox(tmp_path / "second", boot=False)
    with pytest.raises(CmlkitError, match="has a sandbox already"), second:
        raise AssertionError("must not be entered")
    with pytest.raises(requests.ConnectionError):
        requests.get(second.github.url, timeout=5)


def test_importing_the_sandbox_costs_nothing() -> None:
    heavy = ("moto", "boto3", "flask", "werkzeug")
    program = f"import sys, cmlkit_sandbox; print([name for name in {heavy!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"
