"""`cmlkit doctor`: problems that would stop a run, found before it costs money."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.doctor import Finding, examine, first_failure, workflows
from cmlkit.doctor.finding import FIRST_ANSWER_SECONDS, ok
from cmlkit.doctor.workflows import Named
from cmlkit.records.workflow_run import WorkflowRun

if TYPE_CHECKING:
    from cmlkit.forges.base import Forge


@click.command(cls=Command)
@with_settings("runner", "train", "gate")
def doctor(invocation: Invocation) -> None:
    """Check whether GitHub and AWS would let a run through. Nothing is launched, registered or written.

    \b
    cmlkit doctor --instance-type c7i.xlarge --region eu-west-1
    cmlkit doctor --json | jq '.findings[] | select(.state != "ok")'
    """
    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    judged = edges.with_stored_token(invocation, workflow_run)
    findings = (
        *_judged(invocation, keeper=edges.keeper(invocation) if judged is not invocation else ""),
        *examined(judged, workflow_run, named=workflows.named(Path.cwd())),
    )
    emit(
        invocation,
        {"findings": [_row(finding) for finding in findings]},
        [(f"{finding.state:<7}  {finding.subject}", f"{finding.detail} {finding.remedy}") for finding in findings],
    )
    if failure := first_failure(findings):
        raise failure


def examined(invocation: Invocation, workflow_run: WorkflowRun, *, named: Named | None = None) -> tuple[Finding, ...]:
    """Return the doctor's findings with the tokens and credentials of the environment.

    Args:
        named: What the repository's workflows name; None for a launch, which has all that it needs or fails without it,
            and waits for answers as long as it would itself.
    """
    hurried = named is not None

    def publish_forge() -> Forge:
        edges.check_token(invocation, workflow_run)
        return edges.forge(invocation, workflow_run, hurried=hurried)

    return examine(
        invocation.settings,
        workflow_run=workflow_run,
        publish_forge=publish_forge,
        runner_forge=lambda: edges.runner_forge(invocation, workflow_run, hurried=hurried),
        # Opened when it is used, so that missing credentials are a finding like any other.
        cloud_for=functools.cache(lambda region: edges.clouds(invocation, hurried=hurried)(region)),
        directory=Path.cwd(),
        now=time.time(),
        named=named,
        seconds=FIRST_ANSWER_SECONDS if hurried else None,
    )


def _judged(invocation: Invocation, *, keeper: str) -> Iterator[Finding]:
    if invocation.workplace.is_job:
        yield ok("credentials", "This judges the workflow's own token and credentials, those of this job.")
        return
    yield ok(
        "credentials",
        "This judges the token and credentials of this machine. The workflow has others: run doctor in a job to judge"
        " those.",
    )
    if keeper:
        yield ok(
            "credentials",
            f"The token is that of {keeper}. `cmlkit publish` takes it, too; `runner launch` those of variables only.",
        )


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "subject": finding.subject,
        "state": finding.state,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
