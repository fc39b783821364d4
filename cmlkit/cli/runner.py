"""`cmlkit runner`: instances that exist for one job."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_table
from cmlkit.cli.runner_connect import connect
from cmlkit.cli.runner_image import image
from cmlkit.cli.runner_list import list_
from cmlkit.cli.runner_stop import PLACES, stop, stop_command
from cmlkit.formats import plural

if TYPE_CHECKING:
    from cmlkit.records.workflow_run import WorkflowRun
    from cmlkit.runner.launch import Launched
    from cmlkit.runner.preview import Preview
    from cmlkit.runner.reaping import Reaped


@click.group(cls=Group)
def runner() -> None:
    """Launch, stop, list, reap and look into EC2 runners."""


runner.add_command(connect)
runner.add_command(image)
runner.add_command(list_)
runner.add_command(stop)


@runner.command()
@with_settings("runner", "train", "gate", only=["runner"])
@click.option("--dry-run", is_flag=True, help="Show what would be tried and its cost; launch nothing.")
@click.option("--preflight", is_flag=True, help="Run the doctor first; if it finds a failure, launch nothing.")
def launch(invocation: Invocation, dry_run: bool, preflight: bool) -> None:
    """Launch an instance, and return when its runner is online on GitHub.

    On failure, timeout, SIGINT, SIGTERM or SIGHUP, everything that was created is removed. A second launch of the same
    run, for the same labels and kind of machine, is refused: let one launch several with --count.

    \b
    cmlkit runner launch --instance-type c7i.xlarge,c6i.xlarge --region eu-west-1
    cmlkit runner launch --cpus 8 --memory 32 --market on-demand --max-lifetime 4h
    cmlkit runner launch --dry-run
    cmlkit runner launch --preflight
    """
    from cmlkit.gate import rule
    from cmlkit.publishing.branch import check_branch
    from cmlkit.publishing.own_branch import refuse_chain
    from cmlkit.runner.launch import launch_all
    from cmlkit.runner.preview import preview
    from cmlkit.training.written import check_places

    # The training and publish would refuse these only after all is paid for.
    rule.parse_all(invocation.settings.gate.rules)
    check_places(invocation.settings.train, Path.cwd())
    spec = invocation.settings.runner
    workflow_run = edges.workflow_run_with_instances(invocation, launching=not dry_run)
    cloud_for = edges.clouds(invocation)
    if dry_run:
        _show_preview(invocation, preview(spec, workflow_run=workflow_run, cloud_for=cloud_for))
        return
    check_branch(workflow_run, invocation.settings.publish)
    refuse_chain(workflow_run, invocation.settings.publish)
    if preflight:
        _check(invocation, workflow_run)
    launch_all(
        spec,
        workflow_run=workflow_run,
        forge=edges.runner_forge(invocation, workflow_run),
        cloud_for=cloud_for,
        job_forge=edges.forge_if_any(invocation, workflow_run),
        progress=invocation.progress,
        tell=lambda launched: _show_launched(invocation, launched, workflow_run),
    )


@runner.command()
@with_settings("runner", only=PLACES)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
def reap(invocation: Invocation, dry_run: bool) -> None:
    """Terminate instances and remove runners that have outlived their lease. Busy ones stay.

    An instance stays until six hours after its lease if neither GitHub nor its console can tell whether it has a job.

    \b
    cmlkit runner reap --dry-run
    cmlkit runner reap --region eu-west-1
    """
    from cmlkit.runner.reaping import reap

    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    rows = reap(
        repository=workflow_run.repository,
        forge=edges.runner_forge(invocation, workflow_run),
        cloud_for=edges.clouds(invocation),
        regions=invocation.settings.runner.region,
        job_forge=edges.forge_if_any(invocation, workflow_run),
        dry_run=dry_run,
        progress=invocation.progress,
    )
    shown = [_reaped(row) for row in rows]
    emit(invocation, {"reaped": shown}, [] if rows else [("none", "nothing has outlived its lease")])
    if not invocation.as_json:
        print_table(shown)
    if failure := next((row.error for row in rows if row.error is not None), None):
        raise failure


def _check(invocation: Invocation, workflow_run: WorkflowRun) -> None:
    """Show the doctor's findings, and raise the first that would stop the run."""
    from cmlkit.cli.doctor import examined
    from cmlkit.doctor import first_failure

    with invocation.progress.stage("Preflight") as say:
        findings = [finding for finding in examined(invocation, workflow_run) if finding.state != "ok"]
        for finding in findings:
            invocation.progress.note(f"{finding.state}: {finding.subject}: {finding.detail} {finding.remedy}".rstrip())
        if failure := first_failure(findings):
            raise failure
        say(f"nothing stands in the way; {plural(len(findings), 'warning')}")


def _show_launched(invocation: Invocation, launched: Sequence[Launched], workflow_run: WorkflowRun) -> None:
    """Show the first runner as the result itself, and any others beside it."""
    from cmlkit.runner import lease

    runners = [dataclasses.asdict(item) for item in launched]
    result: dict[str, Any] = {**runners[0], "runners": runners} if len(runners) > 1 else runners[0]
    shown = {**runners[0], "expires": lease.words(launched[0].expires, now=time.time())}
    lines = [(key.replace("_", " "), str(value)) for key, value in shown.items()]
    emit(invocation, result, [*lines, ("end it with", stop_command(invocation, workflow_run))])
    if len(runners) > 1 and not invocation.as_json:
        print_table(runners[1:])


def _show_preview(invocation: Invocation, preview: Preview) -> None:
    rows = [
        {
            "option": str(option.rung),
            "usd_per_hour": option.rung.price,
            "refusal": option.refusal.message if option.refusal else "" if option.checked else "not checked",
        }
        for option in preview.options
    ]
    result = {"options": rows, "notes": list(preview.notes), "most_usd": preview.most}
    most = (
        "unknown; --max-price leaves out options without a known price"
        if preview.most is None
        else f"${preview.most:.4f}"
    )
    for note in preview.notes:
        invocation.progress.note(note)
    emit(invocation, result, [("one runner costs at most", most)])
    if not invocation.as_json:
        print_table(rows)
    if refusal := preview.refusal:
        raise refusal


def _reaped(row: Reaped) -> dict[str, Any]:
    return {**dataclasses.asdict(row), "overdue": round(row.overdue), "error": row.error.message if row.error else ""}
