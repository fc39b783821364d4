"""`cmlkit access`: what the workflows need to be given, shown first and then made."""

from __future__ import annotations

import click

from cmlkit.cli.access.aws import aws
from cmlkit.cli.access.github import github
from cmlkit.cli.groups import Group


@click.group(cls=Group)
def access() -> None:
    """Show, and make, the access that the workflows need."""


access.add_command(aws)
access.add_command(github)
