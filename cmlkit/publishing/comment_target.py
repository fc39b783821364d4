"""The place of a comment: a pull request, an issue or a commit, according to `--target`."""

from __future__ import annotations

import re

from cmlkit.errors import NotFound, SettingsError
from cmlkit.forges.base import PublishForge
from cmlkit.records.workflow_run import WorkflowRun

KNOWN = "auto, pr, pr/NUMBER, issue/NUMBER, commit or commit/SHA"


def comment_place(target: str, *, forge: PublishForge, workflow_run: WorkflowRun) -> int | str:
    """Return the number of the pull request or issue, or the id of the commit, that a target names.

    Args:
        target: `auto` is the pull request of the run or of its commit, or the commit if there is none.

    Raises:
        SettingsError: The target is unknown, or the run has no commit.
        NotFound: The target is `pr`, and no open pull request holds the run's commit.
    """
    if match := re.fullmatch(r"(?:pr|issue)/#?(\d+)", target):
        return int(match[1])
    if match := re.fullmatch(r"commit/([0-9a-fA-F]{7,40})", target):
        return match[1]
    if target not in ("auto", "pr", "commit"):
        raise SettingsError(f"The target {target!r} is not known.", next_step=f"Use {KNOWN}.")
    number = None if target == "commit" else _pull_request(forge, workflow_run)
    if number is not None:
        return number
    if target == "pr":
        raise NotFound(
            f"No open pull request of {workflow_run.repository} holds the commit {workflow_run.sha[:12]}.",
            next_step="Name one with pr/NUMBER, or use the target auto.",
        )
    if not workflow_run.sha:
        raise SettingsError(
            "The run has no commit to comment on.", next_step=f"Run in a clone with a commit, or use {KNOWN}."
        )
    return workflow_run.sha


def _pull_request(forge: PublishForge, workflow_run: WorkflowRun) -> int | None:
    if workflow_run.pull_request is not None or not workflow_run.sha:
        return workflow_run.pull_request
    found = forge.pull_requests_with(workflow_run.sha)
    return next((item.number for item in found if item.state == "open"), None)
