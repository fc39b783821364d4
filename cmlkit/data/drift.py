"""Drift: how far training data has moved from the champion's, column by column.

Each numeric column has a profile on one line: the number of values, and the quantiles at 2.5, 7.5 … 97.5 %. Two
profiles are enough to compare two distributions without the data. Profiles leave out the extremes, and columns with few
values have no profile: more people can read a manifest than the data.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cmlkit.records.training_run import DataFingerprint

POINTS = 20
LEAST_VALUES = 100
# Population stability index: below the first value nothing has moved, from the second on much has.
# N. Siddiqi: Credit Risk Scorecards (2006), chapter 8.
SHIFTED, DRIFTED = 0.1, 0.25
# For two samples of n and m values from one distribution and ten bins, the index is distributed like (1/n + 1/m) times
# a chi-squared variable with nine degrees of freedom; one column in a thousand exceeds this quantile.
# B. Yurdakul, J. Naranjo: Statistical properties of the population stability index (2020).
CHANCE = 27.88
_LEAST_SHARE = 1e-4  # for an empty bin, which would make the index infinite


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How far one column has moved.

    Attributes:
        name: File and column.
        stability: Population stability index over ten bins, each with about a tenth of the champion's values.
        distance: Kolmogorov-Smirnov distance, from 0 to 1.
        before: Median in the champion's data; `now` in this training's.
        chance: The largest stability index that chance explains, given the number of values.
    """

    name: str
    stability: float
    distance: float
    before: float
    now: float
    chance: float

    @property
    def has_moved(self) -> bool:
        return self.stability >= max(SHIFTED, self.chance)


def profile(values: Iterable[float]) -> str:
    """Return the number of values and their interpolated quantiles at 2.5, 7.5 … 97.5 %; empty for fewer than 100."""
    ordered = sorted(values)
    if len(ordered) < LEAST_VALUES:
        return ""
    quantiles = (f"{_at(ordered, (point + 0.5) / POINTS):.6g}" for point in range(POINTS))
    return " ".join([str(len(ordered)), *quantiles])


def drifts(champion: Iterable[DataFingerprint], challenger: Iterable[DataFingerprint]) -> tuple[ColumnDrift, ...]:
    """Return every column with a profile in both, the farthest moved first."""
    before, now = _profiles(champion), _profiles(challenger)
    found = [_drift(_name(*place), before[place], values) for place, values in now.items() if place in before]
    return tuple(sorted(found, key=lambda drift: -drift.stability))


def _name(path: str, column: str) -> str:
    # A folder's columns are prefixed with the names of its files already.
    return column if ": " in column else f"{path}: {column}"


def _profiles(fingerprints: Iterable[DataFingerprint]) -> dict[tuple[str, str], list[float]]:
    """Map path and column to the number of values and the quantiles."""
    return {
        (item.path, column): [float(value) for value in text.split()]
        for item in fingerprints
        for column, text in item.profiles.items()
        if len(text.split()) == POINTS + 1
    }


def _drift(name: str, before: Sequence[float], now: Sequence[float]) -> ColumnDrift:
    champion, challenger = before[1:], now[1:]
    everywhere = sorted({*champion, *challenger})
    return ColumnDrift(
        name=name,
        stability=_stability(champion, challenger),
        distance=max(abs(_share_up_to(value, champion) - _share_up_to(value, challenger)) for value in everywhere),
        before=_median(champion),
        now=_median(challenger),
        chance=CHANCE * (1 / before[0] + 1 / now[0]),
    )


def _stability(champion: Sequence[float], challenger: Sequence[float]) -> float:
    edges = sorted(set(champion[1:-1:2]))
    pairs = zip(_shares(edges, champion), _shares(edges, challenger), strict=True)
    return sum((now - before) * math.log(now / before) for before, now in pairs)


def _shares(edges: Sequence[float], quantiles: Sequence[float]) -> list[float]:
    """Return the share of the values in each bin: up to the first edge, between edges, above the last."""
    up_to = [0.0, *(_share_up_to(edge, quantiles) for edge in edges), 1.0]
    return [max(high - low, _LEAST_SHARE) for low, high in pairwise(up_to)]


def _share_up_to(value: float, quantiles: Sequence[float]) -> float:
    index = bisect_right(quantiles, value)
    if index in (0, len(quantiles)):
        return float(index > 0)
    low, high = quantiles[index - 1], quantiles[index]
    return (index - 0.5 + (value - low) / (high - low)) / len(quantiles)


def _median(quantiles: Sequence[float]) -> float:
    return (quantiles[POINTS // 2 - 1] + quantiles[POINTS // 2]) / 2


def _at(ordered: Sequence[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
