"""The doctor without a network: real sockets that nobody serves, in place of GitHub, AWS and a proxy."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Far above the five seconds that it takes, and far below what any of the usual time-outs and retries add up to.
DEADLINE_SECONDS = 40
SUBJECTS = ["GitHub token", "GitHub repository", "GitHub runners", "AWS account", "AWS launch"]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A socket to which the system lets clients connect, and that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def connections(listening: socket.socket) -> int:
    """How many clients have connected."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count


def untold(checkout: Path, **environ: str) -> str:
    """What the doctor says of all that it cannot tell; nothing else may be wrong."""
    (checkout / "cmlkit.yaml").write_text("train: {run: 'echo trained', data: []}\n")
    around = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
    where = {"GITHUB_REPOSITORY": "octo/forest", "CMLKIT_TOKEN": "ghp_example", "HOME": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-m", "cmlkit", "doctor", "--json"],
        env={**around, **keys, **where, **environ},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    findings = json.loads(done.stdout)["findings"]
    wrong = [item for item in findings if item["state"] != "ok" and item["subject"] != "workflow"]
    assert [item["subject"] for item in wrong] == SUBJECTS
    assert all(item["remedy"] for item in wrong)
    return " ".join(f"{item['detail']} {item['remedy']}" for item in wrong)


def test_servers_that_never_answer_are_asked_once_and_not_waited_for(checkout: Path, silent: socket.socket) -> None:
    said = untold(checkout, GITHUB_API_URL=f"{address(silent)}/api/v3", AWS_ENDPOINT_URL=address(silent))
    # Twice for GitHub, with the token for publishing and that for runners, and once for AWS.
    assert connections(silent) == 3
    assert "The repository, and what is set there for workflows, cannot be told: there was no answer." in said
    assert "A launch, its price, quota, network, permissions and roles cannot be told: there was no answer." in said


def test_servers_that_refuse_are_told_with_the_reason(checkout: Path, silent: socket.socket) -> None:
    closed = address(silent)
    silent.close()
    said = untold(checkout, GITHUB_API_URL=f"{closed}/api/v3", AWS_ENDPOINT_URL=closed)
    assert "Connection refused" in said
    assert "(after 1 try)" in said


def test_a_proxy_that_never_answers_is_not_waited_for(checkout: Path, silent: socket.socket) -> None:
    """It is asked for the real hosts, which nothing here looks up."""
    said = untold(checkout, HTTPS_PROXY=address(silent), https_proxy=address(silent))
    assert connections(silent) == 3
    assert "No answer to GET /repos/octo/forest from api.github.com" in said or "GitHub gave no answer within" in said
