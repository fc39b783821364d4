"""`cmlkit train`: run the training here."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from cmlkit.ci import credentials
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.errors import CmlkitError, Interrupted, NothingToDo
from cmlkit.records.timeline import as_seconds, timeline
from cmlkit.records.training_run import RECORD, TrainingRun


@click.command(cls=Command)
@with_settings("train")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def train(invocation: Invocation, command: tuple[str, ...]) -> None:
    """Train a model, and record the result.

    Runs COMMAND, else the settings' run, else their estimator. `cmlkit publish` reads the record.

    \b
    cmlkit train -- python train.py
    cmlkit train --setup "pip install -r requirements.txt" --run "python train.py"
    cmlkit train --estimator sklearn.ensemble.RandomForestClassifier --params max_depth=5
    """
    from cmlkit.gate import rule
    from cmlkit.process import variables_hidden
    from cmlkit.publishing.branch import check_branch
    from cmlkit.training import train

    rule.parse_all(invocation.settings.gate.rules)  # publish would refuse a wrong rule only after the training
    if invocation.workplace.is_job:
        check_branch(
            invocation.workplace.workflow_run(directory=Path.cwd(), with_commit=False), invocation.settings.publish
        )
    spec = invocation.settings.train
    if command:
        spec = dataclasses.replace(spec, run=shlex.join(command), estimator="")
    # An estimator runs in this process, and a command can read its parent's environment.
    with variables_hidden(credentials().difference(spec.pass_env)) as is_hidden:
        if not is_hidden:
            invocation.progress.warn("The training's commands can read the tokens of this step in /proc.")
        try:
            run = train.train(
                spec,
                directory=Path.cwd(),
                environ=invocation.environ,
                progress=invocation.progress,
                instance=invocation.workplace.instance_facts(),
                hosted_cores=invocation.workplace.hosted_cores,
                # With --json, standard output is for the result alone.
                output=sys.stderr.fileno() if invocation.as_json else None,
            )
        except NothingToDo as nothing:
            emit(invocation, {"trained": False, "reason": nothing.message}, [("unchanged", nothing.message)])
            return
        except CmlkitError as error:
            _keep(invocation, error)
            raise
    emit(invocation, _result(run), _lines(run))


def _keep(invocation: Invocation, error: CmlkitError) -> None:
    """Let the instance stay for a look, if the settings of its launch say so, unless somebody ended the training."""
    from cmlkit.runner.keeping import keep_here

    if isinstance(error, Interrupted):
        return
    for told in keep_here(invocation.environ, invocation.workplace.instance_facts(), now=time.time()):
        invocation.progress.warn(told)


def _result(run: TrainingRun) -> dict[str, Any]:
    return {
        "trained": True,
        "metrics": dict(run.metrics),
        "percentages": list(run.percentages),
        "left_out": dict(run.left_out),
        "model": run.model,
        "model_class": run.model_class,
        "plots": list(run.plots),
        "parameters": dict(run.parameters),
        "record": str(RECORD),
        "seconds": round(run.resources.wall_seconds, 3),
        "timeline": as_seconds(timeline(run)),
        "cpu_seconds": round(run.resources.cpu_seconds, 3),
        "peak_memory_bytes": run.resources.peak_memory_bytes,
    }


def _lines(run: TrainingRun) -> list[tuple[str, str]]:
    used = run.resources
    return [
        *((name, f"{value:.6g}") for name, value in run.metrics.items()),
        ("model", run.model),
        ("time", f"{used.wall_seconds:.1f} s, {used.cpu_seconds:.1f} s of CPU"),
        ("memory", f"{used.peak_memory_bytes / 2**20:.0f} MiB at most"),
        ("record", str(RECORD)),
    ]
