"""`cmlkit workflow notify` against the sandbox's GitHub, as the last job of a run without an instance."""

from __future__ import annotations

import json
import os
from typing import Literal

import pytest

from cmlkit.__main__ import run
from cmlkit_sandbox import Sandbox

SCHEDULED = {"GITHUB_EVENT_NAME": "schedule", "GITHUB_WORKFLOW": "Train here"}


def job_of_a_run(sandbox: Sandbox, conclusion: str) -> dict[str, str]:
    """The environment of a job in a scheduled run whose training has ended so."""
    job = sandbox.github.queue_job(sandbox.repository, labels=["self-hosted"], steps=["true"])
    job.status, job.conclusion = "completed", conclusion
    return {**os.environ, **SCHEDULED, "GITHUB_RUN_ID": str(job.run_id)}


def test_the_issue_is_opened_updated_and_closed_and_is_an_output(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    issues = sandbox.github.hub.repository(sandbox.repository).issues
    for conclusion, told in (("failure", "opened"), ("failure", "updated"), ("success", "closed")):
        environ = job_of_a_run(sandbox, conclusion)
        assert run(["workflow", "notify", "--notify", "issue", "--json"], environ=environ) == 0
        shown = json.loads(capsys.readouterr().out)
        [issue] = issues.values()
        assert shown["told"] == told
        assert shown["issue_url"].endswith(f"{sandbox.repository}/issues/{issue.number}")
    assert issue.state == "closed"
    assert run(["workflow", "notify", "--notify", "issue"], environ=job_of_a_run(sandbox, "success")) == 0
    assert capsys.readouterr().out == "told  nothing\n"


def test_without_the_setting_or_outside_a_run_nothing_is_told(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = job_of_a_run(sandbox, "failure")
    assert run(["workflow", "notify"], environ=environ) == 0
    assert capsys.readouterr().out == "told  nothing, as publish.notify is not set\n"
    del environ["GITHUB_RUN_ID"]
    assert run(["workflow", "notify", "--notify", "issue"], environ=environ) == 2
    assert "the job notify of workflows/train-here.yml" in " ".join(capsys.readouterr().err.split())
    assert not sandbox.github.hub.repository(sandbox.repository).issues


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [({"actions": "read", "issues": "read"}, "issues: write"), ({"issues": "write"}, "actions: read")],
)
def test_a_job_that_lacks_a_permission_is_told_which(
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    permissions: dict[str, Literal["read", "write"]],
    missing: str,
) -> None:
    sandbox.github.hub.repository(sandbox.repository).private = True  # jobs of a public one are there for all to read
    sandbox.github.add_token("ghs_notify", kind="job", permissions=permissions)
    environ = {**job_of_a_run(sandbox, "failure"), "CMLKIT_TOKEN": "ghs_notify"}
    assert run(["workflow", "notify", "--notify", "issue"], environ=environ) == 3
    assert missing in capsys.readouterr().err
