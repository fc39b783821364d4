"""Results: one JSON object, step outputs, or lines for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click

from cmlkit.cli.options import Invocation


def emit(invocation: Invocation, result: Mapping[str, Any], lines: Sequence[tuple[str, str]]) -> None:
    """Hand a command's result on: to the job's later steps, and to standard output.

    Args:
        result: What `--json` prints; its keys become outputs, with dashes.
        lines: Label and value of what a person reads.
    """
    invocation.workplace.write_outputs(result)
    if invocation.as_json:
        print_json(result)
    else:
        print_pairs(lines)


def emit_text(invocation: Invocation, result: Mapping[str, Any], text: str) -> None:
    """The same for a result of one line, which scripts take as it is."""
    invocation.workplace.write_outputs(result)
    show_text(invocation, result, text)


def show_text(invocation: Invocation, result: Mapping[str, Any], text: str) -> None:
    """JSON or a text, for what is no output of the step: too long for one, or secret."""
    if invocation.as_json:
        print_json(result)
    else:
        click.echo(text)


def print_json(document: Mapping[str, Any]) -> None:
    """The one JSON object that `--json` is for."""
    click.echo(json.dumps(document, indent=2, default=str))


def print_pairs(lines: Sequence[tuple[str, str]]) -> None:
    """Label and value, a pair a line, the values in one column."""
    width = max((len(label) for label, _ in lines), default=0)
    for label, value in lines:
        click.echo(f"{label:<{width}}  {value}".rstrip())


def print_table(rows: Sequence[Mapping[str, Any]], *, verbatim: Collection[str] = ()) -> None:
    """Rows of the same keys, with a header; nothing where there are none.

    Args:
        verbatim: Keys that somebody else named, so that their underscores stay.
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
    # Where nobody watches there is no width to fit, and a row is a line.
    width = None if sys.stdout.isatty() else 10_000
    Console(highlight=False, markup=False, width=width).print(table)
