"""The trend of the metric that decides, over the last models, as a small picture in SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from cmlkit.formats import numbers_apart
from cmlkit.sinks.unseen import one_line

LEAST_POINTS = 3
WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 34, 36
NAME_LENGTH = 60
NOW = "this run"
# A page may be light or dark; the picture has no background, and follows the reader's choice.
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.line{fill:none;stroke:#0969da;stroke-width:2}"
    ".dot{fill:#0969da}.grid{stroke:#d0d7de}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.line{stroke:#4493f8}.dot{fill:#4493f8}.grid{stroke:#3d444d}}"
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model's value; `day` is YYYY-MM-DD, or words for the newest."""

    day: str
    value: float


def trend(name: str, points: Sequence[Point]) -> str:
    """Return the picture, the same for the same points; empty for fewer than three, which show no trend."""
    if len(points) < LEAST_POINTS:
        return ""
    values = [point.value for point in points]
    places = list(zip(_across(len(points)), _heights(values), strict=True))
    low, high, now = numbers_apart(min(values), max(values), values[-1])
    last = places[-1]
    parts = [
        _text(LEFT, 18, f"{_short(name)}: {now}", anchor="start"),
        *(_level(value, label) for value, label in {TOP: high, HEIGHT - BOTTOM: low}.items() if high != low),
        f'<polyline class="line" points="{" ".join(f"{x:g},{y:g}" for x, y in places)}"/>',
        *(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="{5 if (x, y) == last else 3}"/>' for x, y in places),
        _text(LEFT, HEIGHT - 12, points[0].day, anchor="start"),
        _text(WIDTH - RIGHT, HEIGHT - 12, points[-1].day, anchor="end"),
    ]
    title = html.escape(f"{_short(name)} of the last {len(points)} models")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _across(count: int) -> list[float]:
    step = (WIDTH - LEFT - RIGHT) / (count - 1)
    return [round(LEFT + index * step, 1) for index in range(count)]


def _heights(values: Sequence[float]) -> list[float]:
    # Halved first: the range of the largest numbers would overflow.
    low, height = min(values) / 2, max(values) / 2 - min(values) / 2
    shares = [(value / 2 - low) / height if height > 0 else 0.5 for value in values]
    return [round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1) for share in shares]


def _level(height: float, label: str) -> str:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}"/>'
    return line + _text(LEFT - 10, height + 4, label, anchor="end")


def _text(x: float, y: float, words: str, *, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(one_line(words))}</text>'


def _short(name: str) -> str:
    line = one_line(name)
    return line if len(line) <= NAME_LENGTH else f"{line[: NAME_LENGTH - 1]}…"
