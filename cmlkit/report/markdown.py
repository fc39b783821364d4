"""GitHub-flavoured markdown from parts: whatever names users choose, tables stay tables and nobody is pinged.

Characters of users' text that are markup in markdown or HTML become character references, which never are markup:
https://github.github.com/gfm/#entity-and-numeric-character-references. GitHub looks for mentions, issue numbers and
addresses only after that, so these are broken by a zero-width space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from cmlkit.sinks.unseen import NO_WIDTH, one_line, removed

TITLE_LENGTH = 300

_MARKUP = {ord(character): f"&#{ord(character)};" for character in "&<>|\\`*[]~\"'$"}
_LONE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # an underscore between letters is not emphasis
_REFERENCE = re.compile(r"@|#(?=\d)|(?<=\b[Gg][Hh])-(?=\d)|:(?=//)|(?<=\b[Ww]{3})\.")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def text(value: str, *, length: int = 60) -> str:
    """Escape text to show as it is, on one line; if longer than `length`, it is cut, and its title shows more."""
    line = one_line(value)
    if len(line) <= length:
        return _escaped(line)
    title = line[:TITLE_LENGTH].translate(_MARKUP)
    return f'<abbr title="{title}">{_escaped(line[: length - 1])}…</abbr>'


def code(value: str, *, length: int = 120) -> str:
    """Return inline code, which may also stand in tables."""
    line = one_line(value)
    if not line:
        return "(empty)"
    if len(line) <= length and not set("`|") & set(line):
        return f"`{line}`"
    return f"<code>{text(line, length=length)}</code>"


def link(label: str, url: str) -> str:
    """Return a link with a label that is markdown already; only the label if `url` is not http or https."""
    return f"[{label}]({target})" if (target := address(url)) else label


def image(alternative: str, url: str, *, to: str = "") -> str:
    """Return an image that links to `to`, or to itself if `to` is empty; only a link if the image has no URL."""
    alternative = _escaped(one_line(alternative)[:TITLE_LENGTH])
    target = address(url)
    return link(f"![{alternative}]({target})" if target else alternative, to or url)


def address(url: str) -> str:
    """Quote everything in the URL that could end a link; return "" for schemes other than http and https."""
    if (scheme := _SCHEME.match(url)) and scheme[0].lower() not in ("http:", "https:"):
        return ""
    return quote(removed(url).replace("\n", ""), safe="%:/?#@!&+,;=~-._")


def fence(content: str, language: str = "") -> str:
    """Return a code block, with a fence that the content cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    marks = "`" * max(3, longest + 1)
    lines = "\n".join(removed(line) for line in content.splitlines())
    return f"{marks}{language}\n{lines}\n{marks}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Iterable[str] = ()) -> str:
    """Return a table of cells that are markdown already; the columns named in `numeric` are aligned to the right."""
    right = set(numeric)
    lines = [_row(header), _row(["--:" if name in right else ":--" for name in header])]
    return "\n".join([*lines, *map(_row, rows)])


def folded(summary: str, body: str) -> str:
    """Return a block that a click unfolds. `summary` is text that is escaped already, without markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def left_out(what: str, elsewhere: str) -> str:
    """Return the line in place of a part that did not fit. `what` includes its verb; `elsewhere` is a link or empty."""
    return f"{what} too long for this page; see {elsewhere}." if elsewhere else f"{what} too long for this page."


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(line: str) -> str:
    apart = _REFERENCE.sub(lambda found: _apart(found[0]), line)
    return _LONE_UNDERSCORE.sub("&#95;", apart.translate(_MARKUP))


def _apart(character: str) -> str:
    return f"{NO_WIDTH}{character}" if character in "-." else f"{character}{NO_WIDTH}"
