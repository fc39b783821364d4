"""`cmlkit runner`: instances that exist for one job."""

from __future__ import annotations

import dataclasses

import click

from cmlkit.cli import edges
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit


@click.group()
def runner() -> None:
    """Launch, stop, list and reap EC2 runners."""


@runner.command()
@with_settings("runner")
def launch(invocation: Invocation) -> None:
    """Launch an instance, and return when its runner is online at GitHub.

    \b
    cmlkit runner launch --instance-type c7i.xlarge,c6i.xlarge --region eu-west-1
    cmlkit runner launch --market on-demand --max-lifetime 4h
    """
    from cmlkit import runner as stage

    workflow_run = edges.workflow_run(invocation.environ)
    launched = stage.launch(
        edges.with_regions(invocation.settings.runner, invocation.environ),
        workflow_run=workflow_run,
        forge=edges.github(invocation.environ, workflow_run, invocation.progress, for_runners=True),
        cloud_for=edges.clouds(),
        progress=invocation.progress,
    )
    result = dataclasses.asdict(launched)
    emit(invocation, result, [(key.replace("_", " "), str(value)) for key, value in result.items()])
