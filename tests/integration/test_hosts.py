"""The hosts that cmlkit talks to: those of the page, and no others, whichever command runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.aws import Call
from tests.integration.network_watch import NetworkWatch
from tests.unit.project.test_hosts import aws_hosts

TRAIN = "mkdir -p model; echo 'accuracy: 0.97' > model/metrics.txt; echo weights > model/random_forest.joblib"
ALONE = (
    ["init", "--on", "ec2"],
    ["config", "show"],
    ["train", "--data", "", "--", "bash", "-c", TRAIN],
    ["model", "show", "model/random_forest.joblib"],
    ["model", "verify", "model/random_forest.joblib"],
)
WITH_SERVICES = (
    ["doctor"],
    ["access", "github"],
    ["access", "aws"],
    ["due"],
    ["report"],
    ["publish"],
    ["runner", "launch", "--instance-type", "t3.medium"],
    ["runner", "list"],
    ["runner", "stop"],
    ["runner", "reap"],
    ["comment", "create", "--target", "commit", "cmlkit.yaml"],
    ["pr", "create", "cmlkit.yaml"],
)
# One process for all of them: what is sent at the end of a process is seen, too.
PROGRAM = """
import json, os, sys
from cmlkit.__main__ import run
print("\\n", json.dumps([run(words, environ=os.environ) for words in json.loads(sys.argv[1])]))
"""
WRONG_SETTINGS = 2  # of the doctor: a new repository lacks the secret


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[NetworkWatch]:
    with NetworkWatch(tmp_path) as watch:
        yield watch


def codes(watch: NetworkWatch, commands: Sequence[Sequence[str]]) -> dict[str, int]:
    """Command -> its exit code, if it is not 0."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        env={**os.environ, **watch.environ()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    found = zip(commands, json.loads(done.stdout.splitlines()[-1]), strict=True)
    return {" ".join(words[:2]): code for words, code in found if code}


def test_what_needs_no_service_talks_to_nobody(checkout: Path, watch: NetworkWatch) -> None:
    Path("train.py").write_text("print('training')\n")
    assert codes(watch, ALONE) == {}
    assert watch.hosts == set()


@pytest.mark.slow
def test_the_commands_talk_to_the_hosts_of_the_page_and_to_nobody_else(sandbox: Sandbox, watch: NetworkWatch) -> None:
    Path("train.py").write_text("print('training')\n")
    sandbox.aws.settling.launches = 0

    def come_online(call: Call) -> None:
        for runner in sandbox.github.hub.runners.runners.values():
            runner.polls = 1

    sandbox.aws.fail("RunInstances", after=come_online, times=100)
    assert codes(watch, [*ALONE, *WITH_SERVICES]) == {"doctor": WRONG_SETTINGS}
    assert watch.hosts == {urlsplit(url).netloc for url in (sandbox.aws.url, sandbox.github.url)}
    asked = {call.service for call in sandbox.aws.calls}
    assert {"ec2", "pricing", "sts"} <= asked <= set(aws_hosts())
    assert {request.path.split("/")[1] for request in sandbox.github.requests} == {"api"}


@pytest.mark.parametrize(
    "program",
    [
        [sys.executable, "-c", "import requests; requests.get('http://telemetry.example/')"],
        [sys.executable, "-c", "import subprocess; subprocess.run(['git', 'ls-remote', 'http://telemetry.example/'])"],
        [sys.executable, "-c", "import socket; socket.getaddrinfo('telemetry.example', 80)"],
    ],
    ids=["Python", "git", "a name alone"],
)
def test_the_watch_notes_who_else_is_talked_to(program: list[str], watch: NetworkWatch) -> None:
    subprocess.run(program, env={**os.environ, **watch.environ()}, capture_output=True, check=False)
    assert [host for host in watch.hosts if "telemetry.example" in host]
