"""Fitting a report into a page: a section that is too long gives way to a shorter form of itself, never cut in half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report.

    Attributes:
        forms: Markdown, the full form first, each shorter than the one before; an empty form is left out.
        rank: Those of a higher rank give way first.
    """

    forms: tuple[str, ...]
    rank: int = 0


def fitted(sections: Sequence[Section], limit: int) -> str:
    """The sections in their order, each in the fullest form with which all fit into `limit` code points.

    The shortest forms of all are the least that there is, even where they exceed the limit.
    """
    chosen = [0] * len(sections)
    while len(page := _page(sections, chosen)) > limit:
        longer = [index for index, form in enumerate(chosen) if form + 1 < len(sections[index].forms)]
        if not longer:
            return page
        # Among those of the highest rank the last on the page, so that readers keep the top.
        gives_way = max(longer, key=lambda index: (sections[index].rank, index))
        chosen[gives_way] += 1
    return page


def _page(sections: Sequence[Section], chosen: Sequence[int]) -> str:
    forms = (section.forms[form] for section, form in zip(sections, chosen, strict=True))
    return "\n\n".join(form for form in forms if form) + "\n"
