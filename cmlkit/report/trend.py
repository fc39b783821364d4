"""The trend of the metric that decides, over the last models, as a small picture in SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from cmlkit.formats import numbers_apart
from cmlkit.sinks.unseen import one_line

LEAST_POINTS = 3
# A comment on a phone is some 360 pixels wide, in which the letters are still 10 high.
WIDTH, HEIGHT = 480, 180
RIGHT, TOP, BOTTOM, GAP = 16, 40, 36, 10
FONT, LETTER = 14, 8.5
"""Pixels: the height of the letters, and more than the width of a digit in any font of systems."""
NAME_LENGTH = 24
NOW = "this run"
# A page may be light or dark; the picture has no background, and follows the browser's choice. A forge may be dark in a
# light browser and the other way round: the colours can be told from either.
_STYLE = (
    f"text{{font:{FONT}px system-ui,sans-serif;fill:#59636e}}"
    ".line{fill:none;stroke:#0969da;stroke-width:2}.dot{fill:#0969da}.grid{stroke:#d0d7de}"
    "@media(prefers-color-scheme:dark){text{fill:#8b949e}.line{stroke:#4493f8}.dot{fill:#4493f8}.grid{stroke:#3d444d}}"
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model's value; `day` is YYYY-MM-DD, or words for the newest."""

    day: str
    value: float


def trend(name: str, points: Sequence[Point], *, higher_is_better: bool | None = None) -> str:
    """Return the picture, the same for the same points; empty for fewer than three, which show no trend.

    Args:
        points: Their values are finite.
        higher_is_better: Of the metric; None if unknown.
    """
    if len(points) < LEAST_POINTS:
        return ""
    values = [point.value for point in points]
    low, high, now = numbers_apart(min(values), max(values), values[-1])
    levels = {TOP: high, HEIGHT - BOTTOM: low} if high != low else {}
    left = round(GAP + LETTER * max(map(len, levels.values()), default=0) + (GAP if levels else 0))
    places = list(zip(_across(len(points), left), _heights(values), strict=True))
    last = places[-1]
    told = f": {now}{' (lower is better)' if higher_is_better is False else ''}"
    shown = _short(name, min(NAME_LENGTH, int((WIDTH - 2 * GAP) / LETTER) - len(told)))
    parts = [
        _text(GAP, 18, f"{shown}{told}", anchor="start"),
        *(_line(height, left) + _text(left - GAP, height + 5, label, anchor="end") for height, label in levels.items()),
        f'<polyline class="line" points="{" ".join(f"{x:g},{y:g}" for x, y in places)}"/>',
        *(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="{5 if (x, y) == last else 3}"/>' for x, y in places),
        _text(left, HEIGHT - 10, points[0].day, anchor="start"),
        _text(WIDTH - RIGHT, HEIGHT - 10, points[-1].day, anchor="end"),
    ]
    title = html.escape(f"{_short(name, NAME_LENGTH)} of the last {len(points)} models")
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _across(count: int, left: int) -> list[float]:
    step = (WIDTH - left - RIGHT) / (count - 1)
    return [round(left + index * step, 1) for index in range(count)]


def _heights(values: Sequence[float]) -> list[float]:
    # Halved first: the range of the largest numbers would overflow.
    low, height = min(values) / 2, max(values) / 2 - min(values) / 2
    shares = [(value / 2 - low) / height if height > 0 else 0.5 for value in values]
    return [round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1) for share in shares]


def _line(height: float, left: int) -> str:
    return f'<line class="grid" x1="{left}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}"/>'


def _text(x: float, y: float, words: str, *, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(one_line(words))}</text>'


def _short(name: str, length: int) -> str:
    line = one_line(name)
    return line if len(line) <= length else f"{line[: length - 1]}…"
