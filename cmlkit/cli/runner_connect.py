"""`cmlkit runner connect`: a shell on an instance, for a look at a run that hangs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from cmlkit.ci import for_commands
from cmlkit.cli import edges
from cmlkit.cli.groups import Command
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.errors import NotFound, SettingsError

if TYPE_CHECKING:
    from cmlkit.clouds.launching import Instance


@click.command(cls=Command)
@with_settings("runner", only=["runner.cloud", "runner.region"])
@click.argument("instance", default="", metavar="[INSTANCE]")
def connect(invocation: Invocation, instance: str) -> None:
    """Open a shell on INSTANCE, or on the only one of this repository, by AWS's Session Manager.

    It needs no key and no open port, but an instance profile that allows it, and AWS's session-manager-plugin here.

    \b
    cmlkit runner connect
    cmlkit runner connect i-0123456789abcdef0 --region eu-west-1
    """
    from cmlkit.process import handed_over

    target = _target(invocation, instance)
    cloud = edges.clouds(invocation)(target.region)
    program = shutil.which(cloud.shell_program.name, path=invocation.environ.get("PATH"))
    if program is None:
        raise SettingsError(f"{cloud.shell_program.name} is not installed.", next_step=cloud.shell_program.advice)
    shell = cloud.shell(target.id)
    invocation.progress.note(f"A shell on {target.id}; `exit` ends it, and leaves the instance as it is.")
    environ = {**for_commands(invocation.environ), **shell.variables}
    raise click.exceptions.Exit(handed_over([program, *shell.arguments], environ=environ))


def _target(invocation: Invocation, instance_id: str) -> Instance:
    """Return the instance with that id; without one, the only one of the repository.

    Raises:
        NotFound: The repository has none, or not this one.
        SettingsError: It has several, and none is named; or the one is not running.
    """
    from cmlkit.runner.chosen import chosen, living

    repository = edges.workflow_run_with_instances(invocation).repository
    regions = invocation.settings.runner.region
    found = living(repository, cloud_for=edges.clouds(invocation), regions=regions)
    if instance_id:
        found = chosen([instance_id], found, repository=repository, regions=regions)
    if not found:
        raise NotFound(f"{repository} has no instance.", next_step="--region names the regions to search.")
    if len(found) > 1:
        names = ", ".join(item.id for item in found)
        raise SettingsError(f"{repository} has several instances: {names}.", next_step="Name one of them.")
    if found[0].state != "running":
        raise SettingsError(f"{found[0].id} is {found[0].state}.", next_step="Only a running instance takes a shell.")
    return found[0]
