"""`cmlkit workflow rerun` against the sandbox's GitHub, whose jobs have ended in one way or another."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox
from cmlkit_sandbox.github import Job


def ended(sandbox: Sandbox, log: str, *, conclusion: str = "failure") -> Job:
    """A job of a run of its own, over, with that log."""
    job = sandbox.github.queue_job(sandbox.repository, labels=["self-hosted"], steps=["true"])
    job.log = log
    job.status, job.conclusion = "completed", conclusion
    return job


def rerun(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["workflow", "rerun", "--json", *arguments], environ=os.environ) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def attempts(sandbox: Sandbox, job: Job) -> int:
    return sandbox.github.hub.repository(sandbox.repository).runs[job.run_id].attempt


def test_an_interrupted_run_runs_again_with_all_of_its_jobs(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ended(sandbox, "::group::train\n::warning title=Spot interruption::AWS takes this instance back: soon.\n")
    result = rerun(capsys, "--id", str(job.run_id), "--if-interrupted")
    assert result == {"run_id": str(job.run_id), "rerun": True, "reason": "AWS took its spot instance back"}
    assert attempts(sandbox, job) == 2


def test_another_failure_does_not_run_again(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    job = ended(sandbox, "::error title=cmlkit::It failed.\nSpot interruption is only spoken of here.\n")
    assert not rerun(capsys, "--id", str(job.run_id), "--if-interrupted")["rerun"]
    assert attempts(sandbox, job) == 1


def test_a_run_that_is_not_over_cannot_run_again(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    job = sandbox.github.queue_job(sandbox.repository, labels=["self-hosted"], steps=["true"])
    assert run(["workflow", "rerun", "--id", str(job.run_id)], environ=os.environ) == 3
    assert "already running" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["../../x", "12a"])
def test_what_is_no_run_is_refused(sandbox: Sandbox, capsys: pytest.CaptureFixture[str], wanted: str) -> None:
    assert run(["workflow", "rerun", "--id", wanted], environ=os.environ) == 2
    assert "not the id of a workflow run" in capsys.readouterr().err


def test_a_run_that_does_not_exist_is_said(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["workflow", "rerun", "--id", "999999"], environ=os.environ) == 7
    assert "999999" in capsys.readouterr().err
