"""`cmlkit runner list`: the instances that there are, with ages and leases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit, print_table
from cmlkit.formats import duration

if TYPE_CHECKING:
    from cmlkit.clouds.launching import Instance


@click.command("list", cls=Command)
@with_settings("runner", only=["runner.cloud", "runner.region"])
@click.option("--this-run", is_flag=True, help="Only those of this workflow run; outside a CI, of this checkout.")
def list_(invocation: Invocation, this_run: bool) -> None:
    """List cmlkit's instances that are not terminated yet, oldest first.

    \b
    cmlkit runner list --region eu-west-1,eu-central-1
    cmlkit runner list --json | jq '.instances[].id'
    """
    from cmlkit.runner.listing import list_instances

    found = list_instances(
        cloud_for=edges.clouds(invocation),
        regions=invocation.settings.runner.region,
        workflow_run=edges.workflow_run_with_instances(invocation) if this_run else None,
    )
    rows = [_row(instance) for instance in found]
    emit(invocation, {"instances": rows}, [] if rows else [("none", "cmlkit has no instance in these regions")])
    if not invocation.as_json:
        print_table([_shown(instance, now=time.time()) for instance in found])


def _row(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "state": instance.state,
        "instance_type": instance.instance_type,
        "market": instance.market,
        "region": instance.region,
        "launched": int(instance.launched),
        "run": instance.tags.get("cmlkit:run", ""),
        "repository": instance.tags.get("cmlkit:repository", ""),
        "expires": instance.tags.get("cmlkit:expires", ""),
    }


def _shown(instance: Instance, *, now: float) -> dict[str, str]:
    """Return the row for people: how old it is and how long its lease lasts, not the moments."""
    from cmlkit.runner import lease

    row = _row(instance)
    age = duration(max(now - instance.launched, 0))
    del row["launched"], row["expires"]
    return {"id": row.pop("id"), "age": age, "lease": lease.words(lease.expires(instance), now=now), **row}
