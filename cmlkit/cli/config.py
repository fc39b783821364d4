"""`cmlkit config`: every setting's value and source."""

from __future__ import annotations

from typing import Any

import click

from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_cells, print_json
from cmlkit.records.redaction import redacted, redacted_command
from cmlkit.settings import schema as configuration


@click.group()
def config() -> None:
    """Show the settings."""


@config.command()
@with_settings()
def show(invocation: Invocation) -> None:
    """Print every setting's value and where it came from.

    \b
    cmlkit config show
    cmlkit config show --json | jq '.["runner.region"]'
    """
    rows = [(path, _without_secrets(value), source) for path, value, source in configuration.rows(invocation.settings)]
    if invocation.as_json:
        print_json({path: {"value": value, "source": source} for path, value, source in rows})
        return
    print_cells(["setting", "value", "from"], [[path, _shown(value), source] for path, value, source in rows])


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return redacted_command(value)
    return redacted(value) if isinstance(value, dict) else value


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return str(value)
