"""The leaf blocks of markdown: which lines are text, a table, HTML, code, or a reference's definition.

GitHub renders these differently: links count in text and tables, tags in HTML as well, and neither in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "table", "html", "fence", "code", "definition"]

# The line ends of CommonMark; `str.splitlines` knows more.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_KINDS: dict[str, Kind] = {
    "inline": "text",
    "table_open": "table",
    "html_block": "html",
    "fence": "fence",
    "code_block": "code",
}


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A leaf block: its lines from `start` to before `end`, counted from 0."""

    kind: Kind
    start: int
    end: int


def lines_of(markdown: str) -> list[str]:
    """Return the lines, each with its end."""
    return _LINE.findall(markdown)


def leaves(markdown: str) -> list[Leaf]:
    """Return the leaf blocks in the order of their lines; none overlap."""
    # Takes 50 ms to import, which plain texts need not pay.
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    # It would not accept a definition with an embedded SVG.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    environment: dict[str, Any] = {}
    tokens = parser.parse(markdown, environment)
    found = [*_blocks(tokens), *_definitions(environment)]
    return sorted(found, key=lambda leaf: leaf.start)


def _blocks(tokens: list[Any]) -> Iterator[Leaf]:
    table_end = 0
    for token in tokens:
        if token.map is None or token.type not in _KINDS or token.map[0] < table_end:
            continue
        if token.type == "table_open":
            table_end = token.map[1]
        yield Leaf(kind=_KINDS[token.type], start=token.map[0], end=token.map[1])


def _definitions(environment: dict[str, Any]) -> Iterator[Leaf]:
    known = [*environment.get("references", {}).values(), *environment.get("duplicate_refs", [])]
    for definition in known:
        start, end = definition["map"]
        yield Leaf(kind="definition", start=start, end=end)
