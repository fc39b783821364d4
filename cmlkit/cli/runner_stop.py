"""`cmlkit runner stop`: this run's instances, or others of this repository that are named."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from typing import TYPE_CHECKING

import click

from cmlkit.ci.base import is_local
from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_pairs
from cmlkit.cli.workflow import tell
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.formats import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cmlkit.clouds.launching import Instance
    from cmlkit.records.workflow_run import WorkflowRun
    from cmlkit.runner.stopping import Removed

INTERRUPTED = (
    "{cloud} took back the spot instance of this run. workflows/resume-after-interruption.yml reruns such runs."
)
# Settings that say where a launch put its instances and runners: where to look for them.
PLACES = ("runner.cloud", "runner.region", "runner.scope", "runner.runner-group")


@click.command(cls=Command)
@with_settings("runner", only=PLACES)
@click.option("--run", "run_id", default="", metavar="ID", help="Those of this run instead, as runner list names it.")
@click.option("--instance", "ids", multiple=True, metavar="ID", help="This instance instead; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="All of this repository instead, after asking.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
def stop(invocation: Invocation, run_id: str, ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Terminate this run's instances and remove its runners. Finding none is no error.

    Outside a CI, all launches from one checkout are one run. Other repositories' instances are never stopped.

    \b
    cmlkit runner stop
    cmlkit runner stop --run 16240001234
    cmlkit runner stop --instance i-0123456789abcdef0 --region eu-west-1
    cmlkit runner stop --all
    """
    if sum(map(bool, (run_id, ids, everything))) > 1:
        raise SettingsError("--run, --instance and --all exclude each other.", next_step="Give one of them.")
    workflow_run = edges.workflow_run_with_instances(invocation)
    if ids or everything:
        removed = _stop_chosen(invocation, workflow_run.repository, ids, yes=yes)
    else:
        removed = _stop_run(invocation, dataclasses.replace(workflow_run, run_id=run_id or workflow_run.run_id))
    if removed is not None:
        _show(invocation, removed, workflow_run.repository)
    if invocation.workplace.is_job and invocation.settings.publish.notify and not (run_id or ids or everything):
        # Only now, as nothing may keep an instance from being stopped.
        tell(invocation, workflow_run)


def stop_command(invocation: Invocation, workflow_run: WorkflowRun) -> str:
    """Return the command that ends the run's instances, with the flags that said where they are."""
    from cmlkit.settings.schema import SCHEMA

    words = ["cmlkit", "runner", "stop", "--run", workflow_run.run_id]
    for item in SCHEMA["runner"]:
        if item.path in PLACES and invocation.settings.sources[item.path] == item.flag:
            value = getattr(invocation.settings.runner, item.name)
            words += [item.flag, ",".join(value) if isinstance(value, tuple) else value]
    return shlex.join(words)


def _stop_run(invocation: Invocation, workflow_run: WorkflowRun) -> Removed:
    from cmlkit.runner.spot import INTERRUPTION
    from cmlkit.runner.stopping import stop

    # A run outside a CI has no jobs on the forge to ask for.
    forge = None if is_local(workflow_run.run_id) else edges.forge_if_any(invocation, workflow_run)
    removed = stop(
        workflow_run=workflow_run,
        forge=edges.runner_forge(invocation, workflow_run),
        cloud_for=edges.clouds(invocation),
        regions=invocation.settings.runner.region,
        workflow_forge=forge,
        job_forge=forge,
        # A person who says stop means it; the workflow's last job says it after every training.
        keeps_failed=invocation.workplace.is_job,
        progress=invocation.progress,
    )
    if removed.kept:
        invocation.workplace.annotate("notice", "\n".join(map(str, removed.kept)), title="Kept for a look")
    if removed.interrupted:
        invocation.workplace.annotate("warning", INTERRUPTED.format(cloud=removed.cloud), title=INTERRUPTION)
    return removed


def _stop_chosen(invocation: Invocation, repository: str, ids: Sequence[str], *, yes: bool) -> Removed | None:
    """Stop the instances with these ids, or all if empty; return None if the person would rather not."""
    from cmlkit.runner.chosen import chosen, living, stop_chosen

    regions, cloud_for = invocation.settings.runner.region, edges.clouds(invocation)
    found = living(repository, cloud_for=cloud_for, regions=regions)
    if ids:
        found = chosen(ids, found, repository=repository, regions=regions)
    elif found and not yes and not _agreed(repository, found):
        return None
    workflow_run = invocation.workplace.workflow_run(with_commit=False)
    return stop_chosen(
        found,
        repository=repository,
        forge=edges.runner_forge(invocation, workflow_run),
        cloud_for=cloud_for,
        progress=invocation.progress,
    )


def _agreed(repository: str, instances: Sequence[Instance]) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError(
            f"{repository} has {plural(len(instances), 'instance')}, and nobody is here to ask whether to stop all.",
            next_step="Add --yes to stop all, or name some with --instance.",
        )
    print_pairs([(instance.id, _described(instance)) for instance in instances])
    return click.confirm(f"Terminate all {len(instances)} of {repository}?", err=True)


def _show(invocation: Invocation, removed: Removed, repository: str) -> None:
    from cmlkit.runner.charges import charges

    charged = charges(removed.seen, cloud_for=edges.clouds(invocation), now=time.time())
    staying = {item.id: int(item.until) for item in removed.kept}
    others = _others(invocation, repository, besides=[*removed.instances, *staying])
    lists = {"terminated": list(removed.instances), "unregistered": list(removed.runners)}
    lines = [(key, ", ".join(value) or "nothing") for key, value in lists.items()]
    lines += [("staying", str(item)) for item in removed.kept]
    lines += [("cost", str(charged))] if removed.seen else []
    lines += [("still there", f"{other.id}: {_described(other)}") for other in others]
    result = {**lists, "staying": staying, "interrupted": bool(removed.interrupted), "usd": charged.usd}
    emit(invocation, {**result, "others": [other.id for other in others]}, lines)
    if others:
        invocation.progress.note(f"Other instances of {repository} go with --instance ID, --run ID or --all.")


def _others(invocation: Invocation, repository: str, *, besides: Sequence[str]) -> list[Instance]:
    """Return the repository's other instances in the same regions, which stay."""
    from cmlkit.runner.chosen import living

    try:
        found = living(repository, cloud_for=edges.clouds(invocation), regions=invocation.settings.runner.region)
    except CmlkitError as error:
        invocation.progress.note(f"Whether {repository} has other instances cannot be told: {error.message}")
        return []
    return [instance for instance in found if instance.id not in besides]


def _described(instance: Instance) -> str:
    from cmlkit.runner import lease

    left = lease.words(lease.expires(instance), now=time.time())
    run = instance.tags.get(lease.RUN, "")
    return f"run {run}, {instance.instance_type} in {instance.region}, {instance.state}; its lease {left}"
