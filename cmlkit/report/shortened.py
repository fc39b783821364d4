"""Shortening of users' markdown by whole blocks, so that no table or code is cut in half."""

from __future__ import annotations

import re
from collections.abc import Callable

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_OPENS, _CLOSES = re.compile(r"<details\b", re.IGNORECASE), re.compile(r"</details\s*>", re.IGNORECASE)


def shortened(markdown: str, limit: int, rest: Callable[[int], str]) -> str:
    """Return the markdown if it fits into `limit` code points, else the blocks that fit and the text from `rest`.

    A block is a paragraph, a list, a table, fenced code, or a whole `<details>`. A block that is too long is left out,
    and later blocks that fit are kept.

    Args:
        rest: Number of blocks left out -> markdown that replaces them.
    """
    if len(markdown) <= limit:
        return markdown
    found = blocks(markdown)
    kept: list[str] = []
    room = limit - len(rest(len(found))) - 2
    for block in found:
        if len(block) + 2 <= room:
            kept.append(block)
            room -= len(block) + 2
    return "\n\n".join([*kept, rest(len(found) - len(kept))])


def blocks(markdown: str) -> list[str]:
    """Split markdown at blank lines outside of fenced code and `<details>`."""
    found: list[list[str]] = [[]]
    fence, depth = "", 0
    for line in markdown.splitlines():
        if not line.strip() and not fence and depth == 0:
            found.append([])
            continue
        found[-1].append(line)
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and _ends(fence, mark[1], line) else fence
        elif mark:
            fence = mark[1]
        else:
            depth = max(0, depth + len(_OPENS.findall(line)) - len(_CLOSES.findall(line)))
    return ["\n".join(lines) for lines in found if lines]


def _ends(fence: str, mark: str, line: str) -> bool:
    """Return whether a line closes fenced code: the same character, at least as often, and nothing after it."""
    return mark[0] == fence[0] and len(mark) >= len(fence) and line.strip() == mark
