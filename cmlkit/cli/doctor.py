"""`cmlkit doctor`: what would stop a run, found before it costs anything."""

from __future__ import annotations

from typing import Any

import click

from cmlkit.cli import edges
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.doctor import Finding, examine, first_failure


@click.command()
@with_settings("runner")
def doctor(invocation: Invocation) -> None:
    """Look whether GitHub and AWS would let a run through. Nothing is launched, registered or written.

    \b
    cmlkit doctor --instance-type c7i.xlarge --region eu-west-1
    cmlkit doctor --json | jq '.findings[] | select(.state != "ok")'
    """
    workflow_run = edges.workflow_run(invocation.environ)
    findings = examine(
        invocation.settings.runner,
        workflow_run=workflow_run,
        publish_forge=lambda: edges.github(invocation, workflow_run),
        runner_forge=lambda: edges.runner_github(invocation, workflow_run),
        # Opened when it is used, so that missing credentials are a finding like any other.
        cloud_for=lambda region: edges.clouds(invocation.environ)(region),
    )
    emit(
        invocation,
        {"findings": [_row(finding) for finding in findings]},
        [(f"{finding.state:<7}  {finding.subject}", f"{finding.detail} {finding.remedy}") for finding in findings],
    )
    if failure := first_failure(findings):
        raise failure


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "subject": finding.subject,
        "state": finding.state,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
