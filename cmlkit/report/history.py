"""The history of the metrics: a line of blocks for each, and a chart of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cmlkit.formats import number
from cmlkit.gate.metrics import key
from cmlkit.report.fit import Section
from cmlkit.report.markdown import fence, folded, image, left_out, table, text
from cmlkit.report.trend import NOW, Point

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
ROWS = 20


@dataclass(frozen=True, kw_only=True)
class PastModel:
    """A model that the base branch held before.

    Attributes:
        day: When it was trained, as YYYY-MM-DD.
    """

    day: str
    metrics: Mapping[str, float]


def history(
    past: Sequence[PastModel], now: Mapping[str, float], elsewhere: str, *, primary: str = "", picture: str = ""
) -> Section:
    """Show the first metrics of this run across the models before it, oldest first.

    Args:
        primary: The metric that comes first, as it decides.
        picture: URL of the picture of its trend; without one, a chart is drawn by the page.
    """
    if not past or not now:
        return Section(forms=("",))
    now = {name: now[name] for name in sorted(now, key=lambda name: name != primary)}
    before = [{key(name): value for name, value in model.metrics.items()} for model in past]
    series = {name: [*(found.get(key(name)) for found in before), now[name]] for name in islice(now, ROWS)}
    rows = [
        [text(name), _blocks(values), *(number(choose(_known(values))) for choose in (min, max)), number(now[name])]
        for name, values in series.items()
    ]
    body = table(["Metric", "Course", "Lowest", "Highest", "Now"], rows, numeric=("Lowest", "Highest", "Now"))
    first = next(iter(series))
    if picture:
        shown = image(f"{first} of the last {len(past) + 1} models", picture)
        folding = folded(f"History ({len(past) + 1} models)", body)
        return Section(forms=(f"{shown}\n\n{folding}", shown, left_out("The history is", elsewhere)), rank=3)
    chart = _chart(first, [model.day for model in past], series[first])
    summary = f"History ({len(past) + 1} models)"
    full = folded(summary, f"{chart}\n\n{body}" if chart else body)
    return Section(forms=(full, folded(summary, body), left_out("The history is", elsewhere)), rank=3)


def points(past: Sequence[PastModel], now: Mapping[str, float], primary: str) -> list[Point]:
    """Return the values of the metric that decides, oldest first, without models that lack it."""
    found = [
        Point(day=model.day, value=value)
        for model in past
        for name, value in model.metrics.items()
        if key(name) == key(primary)
    ]
    return [*found, Point(day=NOW, value=now[primary])] if primary in now else []


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _blocks(values: Sequence[float | None]) -> str:
    known = _known(values)
    # Halved first: the range of the largest numbers would overflow. Half of the smallest is 0.
    low, height = min(known) / 2, max(known) / 2 - min(known) / 2

    def block(value: float | None) -> str:
        if value is None:
            return GAP
        share = (value / 2 - low) / height if height > 0 else 0.5
        return BLOCKS[round(share * (len(BLOCKS) - 1))]

    return "".join(map(block, values))


def _chart(name: str, days: Sequence[str], values: Sequence[float | None]) -> str:
    """Return a Mermaid chart, which GitHub draws for light and dark pages; empty for fewer than three values.

    https://mermaid.js.org/syntax/xyChart.html
    """
    points = [(day, value) for day, value in zip([*days, NOW], values, strict=True) if value is not None]
    if len(points) < 3:
        return ""
    lines = [
        "xychart-beta",
        f"    title {_quoted(name)}",
        f"    x-axis [{', '.join(_quoted(day) for day, _ in points)}]",
        f"    line [{', '.join(f'{value:.6g}' for _, value in points)}]",
    ]
    return fence("\n".join(lines), "mermaid")


def _quoted(label: str) -> str:
    """Quote a label, keeping only letters, digits and a few signs, so that it cannot end its quotes."""
    kept = "".join(character for character in label if character.isalnum() or character in " .-_/%()")
    return f'"{kept[:60]}"'
