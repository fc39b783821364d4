"""Two launches of one run at the same time, as two processes: one set of instances, and the other says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import boto3
import pytest

from cmlkit_sandbox import Sandbox

# Each launches twice.
pytestmark = pytest.mark.slow

DEADLINE_SECONDS = 60


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.05)


def instances() -> list[str]:
    answer = boto3.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    )
    return [instance["InstanceId"] for group in answer["Reservations"] for instance in group["Instances"]]


def begun(*flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cmlkit", "runner", "launch", "--instance-type", "t3.medium", *flags]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=DEADLINE_SECONDS)[1]


@pytest.mark.parametrize("count", ["1", "2"])
def test_at_the_same_time_one_goes_on(sandbox: Sandbox, count: str) -> None:
    both = [begun("--count", count) for _ in range(2)]
    until(lambda: any(process.poll() is not None for process in both))
    [refused] = [process for process in both if process.poll() is not None]
    said = ended(refused)
    assert refused.returncode == 7
    assert "Another launch of this run is there" in said
    assert "--count" in said
    until(lambda: len(instances()) == int(count))
    [other] = [process for process in both if process is not refused]
    assert other.poll() is None
    other.send_signal(signal.SIGTERM)
    ended(other)
    assert instances() == []
    assert sandbox.github.hub.runners.runners == {}


def test_after_a_launch_that_was_killed_the_next_says_what_is_left(sandbox: Sandbox) -> None:
    first = begun()
    until(lambda: len(instances()) == 1)
    first.kill()
    ended(first)
    again = begun()
    assert "cmlkit runner stop" in ended(again)
    assert again.returncode == 7
    assert len(instances()) == 1
    subprocess.run([sys.executable, "-m", "cmlkit", "runner", "stop"], check=True, capture_output=True)
    assert instances() == []
    third = begun()
    until(lambda: len(instances()) == 1)
    third.send_signal(signal.SIGTERM)
    ended(third)


@pytest.mark.parametrize("flags", [("--labels", "gpu"), ("--instance-type", "c7i.large")])
def test_launches_for_other_labels_and_machines_are_launches_of_their_own(
    sandbox: Sandbox, flags: tuple[str, ...]
) -> None:
    both = [begun(), begun(*flags)]
    until(lambda: len(instances()) == 2)
    for process in both:
        process.send_signal(signal.SIGTERM)
    for process in both:
        ended(process)
        assert process.returncode == 130
    assert instances() == []
