"""`cmlkit workflow`: the repository's workflow runs."""

from __future__ import annotations

import dataclasses

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.errors import SettingsError


@click.group(cls=Group)
def workflow() -> None:
    """Rerun workflow runs."""


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
