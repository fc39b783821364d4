"""Each answer of GitHub and AWS, to each command, with each field missing or of another type: a result or an error.

A run of each command against the sandbox is recorded. Then it runs again and again on the record, each time with one
answer changed: no change may end as a defect, and none of a launch may leave an instance.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox
from tests.integration.clone import Job
from tests.integration.replay import Change, Step, Wire, changes, install

pytestmark = pytest.mark.slow

TRAIN = "mkdir -p model; echo 'Accuracy: 0.97' > model/metrics.txt; echo weights > model/random_forest.joblib"
# Of the thousands of changes of each command, so many as run in half a minute; another seed takes others.
SEED = int(os.environ.get("CMLKIT_TEST_SEED", "0"))
CASES = int(os.environ.get("CMLKIT_TEST_CASES", "40"))
DEFECT = 1


@dataclass(kw_only=True)
class Time:
    """Time that passes as fast as it is waited for."""

    ahead: float = 0.0
    real: Callable[[], float] = time.time

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds

    def time(self) -> float:
        return self.real() + self.ahead


class SharedSession:
    """One session of boto3 for all commands, with one client for each service, region and way of trying again."""

    def __init__(self) -> None:
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, str, str], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def client(self, service: str, *, region_name: str, config: Any) -> Any:
        key = (service, region_name, str(config.retries))
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=region_name, config=config)
        return self._clients[key]


@pytest.fixture
def wire(job: Job, monkeypatch: pytest.MonkeyPatch) -> Wire:
    found = Wire()
    passing = Time()
    # Otherwise each command would read EC2's model, which has megabytes, again.
    shared = SharedSession()
    monkeypatch.setattr(boto3.session, "Session", lambda: shared)
    monkeypatch.chdir(job.directory)
    install(found, monkeypatch)
    monkeypatch.setattr(time, "sleep", passing.sleep)
    monkeypatch.setattr(time, "time", passing.time)
    return found


def failures(wire: Wire, arguments: Sequence[str], capsys: pytest.CaptureFixture[str], *, launches: bool) -> list[str]:
    """Run on the record with one change after the other; what went wrong."""
    recorded = [(step, wire.answers[step.call][step.nth]) for step in wire.steps()]
    cases = [(step, name, change) for step, answer in recorded for name, change in changes(answer.body)]
    random.Random(SEED).shuffle(cases)
    wrong = []
    for step, name, change in cases[:CASES]:
        problem = _problem(wire, arguments, {step: change}, capsys, launches=launches)
        if problem:
            wrong.append(f"{step.call} #{step.nth} {name}: {problem}")
    return wrong


def _problem(
    wire: Wire,
    arguments: Sequence[str],
    changed: dict[Step, Change],
    capsys: pytest.CaptureFixture[str],
    *,
    launches: bool,
) -> str:
    wire.again(changed)
    code = run([*arguments], environ=os.environ)
    said = capsys.readouterr().err
    if code == DEFECT or "defect" in said:
        return said.strip().partition("error: ")[2]
    if launches and code != 0 and (left := wire.launched - wire.ended):
        return f"exit {code} leaves {left}: {said[-600:]}"
    return ""


def played(wire: Wire, arguments: Sequence[str], capsys: pytest.CaptureFixture[str], *, launches: bool = False) -> None:
    assert run([*arguments], environ=os.environ) == 0, capsys.readouterr().err
    if launches:  # so that the record has the answers to what removes a launch that fails
        assert run(["runner", "stop"], environ=os.environ) == 0, capsys.readouterr().err
    wire.again({})
    assert run([*arguments], environ=os.environ) == 0, capsys.readouterr().err
    wrong = failures(wire, arguments, capsys, launches=launches)
    assert not wrong, "\n".join(wrong)


def _ready_for(command: str, job: Job, sandbox: Sandbox) -> None:
    """Make what the command needs, without the wire."""
    if command in ("publish", "report", "model"):
        assert run(["train", "--data", "", "--", "bash", "-c", TRAIN], environ=os.environ) == 0
    if command == "model":
        assert run(["publish"], environ=os.environ) == 0
        sandbox.merge_newest_pull_request()
    Path("report.md").write_text("# Report\n")
    Path("params.yaml").write_text("p1: 2\n")


GITHUB = [
    ["publish"],
    ["report"],
    ["comment", "create", "report.md"],
    ["check", "create", "report.md"],
    ["pr", "create", "params.yaml"],
    ["model", "promote", "model/random_forest.joblib"],
]


@pytest.mark.parametrize("arguments", GITHUB, ids=lambda arguments: arguments[0])
def test_each_answer_of_github_to_a_command_is_taken_or_named(
    job: Job,
    sandbox: Sandbox,
    arguments: list[str],
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(job.directory)
    _ready_for(arguments[0], job, sandbox)
    capsys.readouterr()
    played(request.getfixturevalue("wire"), arguments, capsys)


def test_each_answer_to_a_rerun_is_taken_or_named(
    sandbox: Sandbox, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    done = sandbox.github.queue_job(sandbox.repository, labels=["self-hosted"], steps=["true"])
    done.log = "::warning title=Spot interruption::AWS takes this instance back: soon.\n"
    done.status, done.conclusion = "completed", "failure"
    played(wire, ["workflow", "rerun", "--id", str(done.run_id), "--if-interrupted"], capsys)


LAUNCH = ["runner", "launch", "--instance-type", "t3.medium", "--region", "eu-west-1", "--wait-timeout", "60s"]


@pytest.mark.parametrize(
    "arguments",
    [LAUNCH, ["runner", "list"], ["runner", "stop"], ["runner", "reap"], ["doctor"], ["runner", "launch", "--dry-run"]],
    ids=lambda arguments: "-".join(arguments[:2]),
)
def test_each_answer_to_a_command_for_runners_is_taken_or_named(
    sandbox: Sandbox, wire: Wire, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def online(call: str) -> None:
        for registered in sandbox.github.hub.runners.runners.values():
            registered.polls = 1

    wire.before = online
    if arguments[0] == "runner" and arguments is not LAUNCH:
        assert run(LAUNCH, environ=os.environ) == 0, capsys.readouterr().err
        wire.answers.clear()
        wire._names.clear()
    played(wire, arguments, capsys, launches=arguments is LAUNCH)
