"""Results: one JSON object, step outputs, or lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cmlkit.cli.options import Invocation
from cmlkit.records.json_text import json_text, plain
from cmlkit.sinks.printing import printable, show, show_json, without_secrets


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
        show(text)


def show_markdown(invocation: Invocation, result: Mapping[str, Any], text: str) -> None:
    """Print a result that is markdown: rendered for a person at a terminal, as it is for a pipe."""
    if invocation.as_json or not sys.stdout.isatty():
        show_text(invocation, result, text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(emoji=False).print(Markdown(printable(text)))


def print_json(document: Mapping[str, Any]) -> None:
    """Print the single JSON object of `--json`."""
    show_json(json_text(without_secrets(plain(document)), indent=2))


def print_pairs(lines: Sequence[tuple[str, str]]) -> None:
    """Print one label and value per line, with the values in one column."""
    labels = [printable(label) for label, _ in lines]
    width = max(map(len, labels), default=0)
    for label, (_, value) in zip(labels, lines, strict=True):
        show(f"{label:<{width}}  {value}".rstrip())


def print_table(rows: Sequence[Mapping[str, Any]], *, verbatim: Collection[str] = ()) -> None:
    """Print rows that have the same keys below a header; print nothing without rows.

    Args:
        verbatim: Keys that keep their underscores, because the user named them.
    """
    if not rows:
        return
    header = [key if key in verbatim else key.replace("_", " ") for key in rows[0]]
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    # Without a terminal there is no width to fit, and each row is one line.
    print_cells(header, cells, width=None if sys.stdout.isatty() else 10_000)


def print_cells(header: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None) -> None:
    """Print a table of columns; `width` is in characters, that of the terminal if None."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*map(printable, header), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(printable, row))
    # As rich sees it, `:car:` in a name is a car.
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)
