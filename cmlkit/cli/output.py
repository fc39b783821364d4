"""Results: one JSON object, step outputs, or lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click

from cmlkit.cli.options import Invocation
from cmlkit.records.json_text import json_text


def emit(invocation: Invocation, result: Mapping[str, Any], lines: Sequence[tuple[str, str]]) -> None:
    """Pass a command's result on to the job's later steps and to standard output.

    Args:
        result: The object that `--json` prints; its keys become outputs, with dashes.
        lines: Labels and values for a person to read.
    """
    invocation.workplace.write_outputs(result)
    if invocation.as_json:
        print_json(result)
    else:
        print_pairs(lines)


def emit_text(invocation: Invocation, result: Mapping[str, Any], text: str) -> None:
    """Pass on a result of one line, which scripts use as it is."""
    invocation.workplace.write_outputs(result)
    show_text(invocation, result, text)


def show_text(invocation: Invocation, result: Mapping[str, Any], text: str) -> None:
    """Print a result that is too long or too secret for an output of the step."""
    if invocation.as_json:
        print_json(result)
    else:
        click.echo(text)


def print_json(document: Mapping[str, Any]) -> None:
    """Print the single JSON object of `--json`."""
    click.echo(json_text(document, indent=2))


def print_pairs(lines: Sequence[tuple[str, str]]) -> None:
    """Print one label and value per line, with the values in one column."""
    width = max((len(label) for label, _ in lines), default=0)
    for label, value in lines:
        click.echo(f"{label:<{width}}  {value}".rstrip())


def print_table(rows: Sequence[Mapping[str, Any]], *, verbatim: Collection[str] = ()) -> None:
    """Print rows that have the same keys below a header; print nothing without rows.

    Args:
        verbatim: Keys that keep their underscores, because the user named them.
    """
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        *(key if key in verbatim else key.replace("_", " ") for key in rows[0]),
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    # Without a terminal there is no width to fit, and each row is one line.
    width = None if sys.stdout.isatty() else 10_000
    Console(highlight=False, markup=False, width=width).print(table)
