"""A patch as the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a patch, with its numbers in the old and new file, if it is in them."""

    kind: Literal["hunk", "same", "added", "removed"]
    text: str
    old: int | None = None
    new: int | None = None


def rows(patch: str) -> Iterator[Row]:
    """Return the rows of one file's patch."""
    old = new = 0
    for line in patch.splitlines():
        hunk = HUNK.match(line)
        if hunk:
            old, new = int(hunk[1]), int(hunk[2])
            yield Row(kind="hunk", text=line)
        elif line.startswith("+"):
            yield Row(kind="added", text=line[1:], new=new)
            new += 1
        elif line.startswith("-"):
            yield Row(kind="removed", text=line[1:], old=old)
            old += 1
        elif line.startswith(" "):
            yield Row(kind="same", text=line[1:], old=old, new=new)
            old, new = old + 1, new + 1
