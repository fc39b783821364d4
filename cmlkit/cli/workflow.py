"""`cmlkit workflow`: the repository's workflow runs, to rerun one or to tell of this one's failure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from cmlkit.publishing.failure_issue import FailureTold
    from cmlkit.records.workflow_run import WorkflowRun


@click.group(cls=Group)
def workflow() -> None:
    """Rerun workflow runs, or tell of their failures."""


@workflow.command()
@with_settings()
@click.option("--id", "run_id", default="", metavar="RUN", help="Id of the run; this one's if omitted.")
@click.option("--if-interrupted", is_flag=True, help="Only if the cloud took back its spot instance, and only once.")
def rerun(invocation: Invocation, run_id: str, if_interrupted: bool) -> None:
    """Rerun all jobs of a workflow run, including the one that launches the instance.

    \b
    cmlkit workflow rerun --id 1234567890
    cmlkit workflow rerun --id 1234567890 --if-interrupted
    """
    from cmlkit.clouds import known
    from cmlkit.runner import spot

    this_run = invocation.workplace.workflow_run(with_commit=False)
    wanted = run_id or this_run.run_id
    if not wanted.isdecimal():
        raise SettingsError(
            f"{wanted!r} is not the id of a workflow run.", next_step="Give --id; the run's address contains it."
        )
    cloud = known(invocation.settings.runner.cloud).name
    forge = edges.forge(invocation, this_run)
    resumption = spot.rerun(forge, wanted, if_interrupted=if_interrupted, cloud=cloud)
    done = "runs again" if resumption.rerun else "does not run again"
    emit(invocation, dataclasses.asdict(resumption), [("run", f"{wanted} {done}: {resumption.reason}")])


@workflow.command()
@with_settings("publish", only=("publish.notify",))
def notify(invocation: Invocation) -> None:
    """Open or update the issue about failed scheduled runs, or close it, as this run's jobs have ended.

    For the last job of a workflow that launches nothing: where there is an instance, runner stop does the same.

    \b
    cmlkit workflow notify --notify issue
    """
    told: FailureTold | None = None
    said = "nothing, as publish.notify is not set"
    if invocation.settings.publish.notify:
        if not invocation.workplace.has_run:
            raise SettingsError(
                "There is no workflow run here whose jobs could be told of.",
                next_step="Run it in the last job of a workflow, as the job notify of workflows/train-here.yml does.",
            )
        told = tell(invocation, invocation.workplace.workflow_run(with_commit=False))
        said = str(told or "nothing")
    result = {"told": told.done.lower() if told else "", "issue_url": told.url if told else ""}
    emit(invocation, result, [("told", said)])


def tell(invocation: Invocation, workflow_run: WorkflowRun) -> FailureTold | None:
    """Tell of the run's failure or success in the repository's issue; return None if there is nothing to tell."""
    from cmlkit.publishing.failure_issue import tell_of_failures

    forge = edges.forge(invocation, workflow_run)
    with invocation.progress.stage("Notify") as say:
        told = tell_of_failures(forge, workflow_run, forge.jobs(workflow_run.run_id))
        say(str(told or "nothing to tell"))
    return told
