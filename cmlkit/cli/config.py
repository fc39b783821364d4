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
from cmlkit.settings.written import written


@click.group(cls=Group)
def config() -> None:
    """Show the settings."""


@config.command()
@with_settings()
def show(invocation: Invocation) -> None:
    """Print every setting's value, as it may stand in cmlkit.yaml, and where it came from.

    \b
    cmlkit config show
    cmlkit config show --json | jq '.["runner.region"]'
    """
    rows = [(item, _without_secrets(value), source) for item, value, source in configuration.rows(invocation.settings)]
    if invocation.as_json:
        print_json({item.path: {"value": value, "source": source} for item, value, source in rows})
        return
    print_cells(
        ["setting", "value", "from"], [[item.path, written(item, value), source] for item, value, source in rows]
    )


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
