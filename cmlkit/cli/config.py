"""`cmlkit config`: every setting's value and source, and the schema of the file."""

from __future__ import annotations

from typing import Any

import click

from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import print_cells, print_json, show_text
from cmlkit.records.json_text import json_text
from cmlkit.records.redaction import redacted, redacted_command
from cmlkit.settings import schema as configuration


@click.group(cls=Group)
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


@config.command()
@with_settings()
def schema(invocation: Invocation) -> None:
    """Print the JSON schema of cmlkit.yaml, with which editors complete and check it.

    \b
    cmlkit config schema > cmlkit.schema.json
    """
    from cmlkit.settings.json_schema import json_schema

    document = json_schema()
    show_text(invocation, document, json_text(document, indent=2, ensure_ascii=False))


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
