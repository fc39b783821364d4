"""Fitting a report into a length limit: sections that are too long take a shorter form, and none is cut in half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report.

    Attributes:
        forms: Markdown, the full form first, each shorter than the one before; an empty form omits the section.
        rank: Sections of a higher rank are shortened first.
    """

    forms: tuple[str, ...]
    rank: int = 0


def fitted(sections: Sequence[Section], limit: int) -> str:
    """Join the sections in order, each in the fullest form with which all fit into `limit` code points.

    If even the shortest forms exceed the limit, return them all the same.
    """
    chosen = [0] * len(sections)
    while len(page := _page(sections, chosen)) > limit:
        longer = [index for index, form in enumerate(chosen) if form + 1 < len(sections[index].forms)]
        if not longer:
            return page
        # Of the sections with the highest rank, shorten the last one, so that readers keep the top.
        gives_way = max(longer, key=lambda index: (sections[index].rank, index))
        chosen[gives_way] += 1
    return page


def _page(sections: Sequence[Section], chosen: Sequence[int]) -> str:
    forms = (section.forms[form] for section, form in zip(sections, chosen, strict=True))
    return "\n\n".join(form for form in forms if form) + "\n"
