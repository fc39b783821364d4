"""`cmlkit access`: what the workflows need to be given, shown first and then made."""

from __future__ import annotations

import click

from cmlkit.cli.access.aws import aws


@click.group()
def access() -> None:
    """Show, and make, the access that the workflows need."""


access.add_command(aws)
