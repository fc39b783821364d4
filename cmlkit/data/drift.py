"""Drift: how far training data has moved from the champion's, column by column, as told by two profiles.

The measure is the population stability index. A column has moved if the index is large enough to matter and larger than
two samples of one distribution would make it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cmlkit.data.profile import (
    FIRST_DIGITS,
    LEAST_COUNT,
    POINTS,
    CategoryProfile,
    NumberProfile,
    Profile,
    profile,
    read_profile,
)
from cmlkit.formats import number
from cmlkit.records.training_run import DataFingerprint

__all__ = ["DRIFTED", "POINTS", "SHIFTED", "ColumnDrift", "drifts", "profile"]

# Population stability index over ten bins: below the first value nothing has moved, from the second on much has.
# N. Siddiqi: Credit Risk Scorecards (2006), chapter 8. By chance it grows with the number of bins less one, so that
# of a column with fewer values less is asked in this proportion.
SHIFTED, DRIFTED = 0.1, 0.25
BINS = 10
# One column in a thousand exceeds this quantile of the normal distribution by chance.
_RARE = 3.0902
# A bin of counted values that would have fewer in the smaller sample is merged with the next.
_LEAST_EXPECTED = 5
_LEAST_SHARE = 0.75 / BINS  # of the champion's values in another bin, as quantiles are 5 % apart
# Quantiles without numbers of values, as 0.1.0 wrote them, fit counts and rounded numbers badly.
_FIRST_SLACK = 1.5
_ROUNDING = 1e-9
_SHOWN_LENGTH = 20
# Tables of one split have the same columns: `train.csv` and `test.csv`, `X_train.npy` and `X_val.npy`.
_SPLIT = re.compile(r"(?<![a-z])(?:train|training|test|testing|val|valid|validation|dev|eval|holdout)(?![a-z])", re.I)


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How far one column has moved.

    Attributes:
        name: File and column.
        stability: Population stability index: over the values of a column with few of them, else over about ten bins,
            each with a tenth of the champion's values.
        distance: Kolmogorov-Smirnov distance, of categories the total variation distance, both from 0 to 1.
        before: Median in the champion's data; `now` in this training's. If `value` is not empty, the shares of that
            value, from 0 to 1.
        chance: The largest stability index that chance explains, given the number of values.
        value: The value whose share has changed most, of a column with few values.
        least: The stability index from which on the column has moved, unless chance explains it.
    """

    name: str
    stability: float
    distance: float
    before: float
    now: float
    chance: float
    value: str = ""
    least: float = SHIFTED

    @property
    def ends(self) -> tuple[str, str]:
        """`before` and `now` as text: the medians, or the shares of the value that has changed most."""
        if not self.value:
            return number(self.before), number(self.now)
        value = self.value if len(self.value) <= _SHOWN_LENGTH else f"{self.value[: _SHOWN_LENGTH - 1]}…"
        return f"{value}: {number(100 * self.before)} %", f"{value}: {number(100 * self.now)} %"

    @property
    def has_moved(self) -> bool:
        return self.stability >= max(self.least, self.chance)


def drifts(champion: Iterable[DataFingerprint], challenger: Iterable[DataFingerprint]) -> tuple[ColumnDrift, ...]:
    """Return the columns with profiles of one kind in both: those that have moved first, each by the index.

    A column that the tables of one split share, such as those for training and testing, is the one that moved farthest.
    """
    before, now = _profiles(champion), _profiles(challenger)
    found = [_drift(_name(*place), before[place], values) for place, values in now.items() if place in before]
    columns = _once(drift for drift in found if drift)
    return tuple(sorted(columns, key=_farthest_first))


def _farthest_first(drift: ColumnDrift) -> tuple[bool, float]:
    return not drift.has_moved, -drift.stability


def _once(drifts: Iterable[ColumnDrift]) -> Iterator[ColumnDrift]:
    """Yield each column of the tables of a split once, under the pattern that fits their names: `*_features.csv: 3`."""
    shared: dict[str, list[ColumnDrift]] = {}
    for drift in drifts:
        table, _, column = drift.name.rpartition(": ")
        shared.setdefault(f"{_SPLIT.sub('*', table)}: {column}", []).append(drift)
    for name, found in shared.items():
        yield found[0] if len(found) == 1 else dataclasses.replace(min(found, key=_farthest_first), name=name)


def _name(path: str, column: str) -> str:
    # A folder's columns are prefixed with the names of its files already.
    return column if ": " in column else f"{path}: {column}"


def _profiles(fingerprints: Iterable[DataFingerprint]) -> dict[tuple[str, str], Profile]:
    found = {(item.path, column): read_profile(line) for item in fingerprints for column, line in item.profiles.items()}
    return {place: read for place, read in found.items() if read is not None}


def _drift(name: str, before: Profile, now: Profile) -> ColumnDrift | None:
    if isinstance(before, CategoryProfile) and isinstance(now, CategoryProfile):
        return _of_categories(name, before, now)
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
        digits = min(before.digits, now.digits)
        return _of_numbers(name, before.rounded(digits), now.rounded(digits))
    return None


def _of_categories(name: str, before: CategoryProfile, now: CategoryProfile) -> ColumnDrift:
    names = sorted({*before.counts, *now.counts})
    shares = [_shares_of(value, before, now) for value in names]
    rest = 1 - sum(old for old, _ in shares), 1 - sum(new for _, new in shares)
    most = _most_changed(shares, (before.size, now.size))
    # Rare categories first, so that they share a bin.
    ordered = sorted([*shares, (max(0.0, rest[0]), max(0.0, rest[1]))], key=sum)
    return _told(
        name,
        _bins(ordered, least=2 * _LEAST_EXPECTED / min(before.size, now.size)),
        sizes=(before.size, now.size),
        distance=sum(abs(new - old) for old, new in ordered) / 2,
        ends=shares[most],
        value=names[most],
    )


def _shares_of(value: str, before: CategoryProfile, now: CategoryProfile) -> tuple[float, float]:
    """Return a category's shares; where it is left out, the nearest that its share can be."""
    shares = [item.counts[value] / item.size if value in item.counts else None for item in (before, now)]
    most = [min(LEAST_COUNT - 1, item.rest) / item.size for item in (before, now)]
    old = min(most[0], shares[1] or 0.0) if shares[0] is None else shares[0]
    return old, min(most[1], old) if shares[1] is None else shares[1]


def _of_numbers(name: str, before: NumberProfile, now: NumberProfile) -> ColumnDrift:
    is_counted = before.is_counted and now.is_counted
    smooth = not (before.is_counted or now.is_counted)
    places = sorted({*before.values, *now.values})
    # The shares below and up to each value, in their order.
    edges = [(value, inclusive) for value in places for inclusive in (False, True)]
    pairs = [_nearest(edge, before, now, smooth=smooth) for edge in edges]
    if is_counted:
        bins = _bins(_between(pairs), least=2 * _LEAST_EXPECTED / min(before.size, now.size))
    else:
        cuts = [pair for (value, _), pair in zip(edges, pairs, strict=True) if value in before.values]
        bins = _bins(_between(cuts), least=_LEAST_SHARE, of_both=False)
    value, ends = _ends(places, pairs, before, now, is_counted=is_counted)
    return _told(
        name,
        bins,
        sizes=(before.size, now.size),
        distance=max(abs(new - old) for old, new in pairs),
        ends=ends,
        value=value,
        slack=_FIRST_SLACK if before.digits <= FIRST_DIGITS else 1.0,
    )


def _between(cuts: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the shares of both samples between cumulative shares, from 0 to 1."""
    return [(high[0] - low[0], high[1] - low[1]) for low, high in pairwise([(0.0, 0.0), *cuts, (1.0, 1.0)])]


def _bins(shares: Iterable[tuple[float, float]], *, least: float, of_both: bool = True) -> list[tuple[float, float]]:
    """Merge neighbours until each bin has at least `least` of the champion's values, or of both samples together."""
    bins = [(0.0, 0.0)]
    is_full = False
    for share in shares:
        if is_full:
            bins.append((0.0, 0.0))
        bins[-1] = bins[-1][0] + share[0], bins[-1][1] + share[1]
        is_full = (sum(bins[-1]) if of_both else bins[-1][0]) >= least - _ROUNDING
    if not is_full and len(bins) > 1 and max(bins[-1]) < least:
        last, before = bins.pop(), bins.pop()
        bins.append((before[0] + last[0], before[1] + last[1]))
    return bins


def _ends(
    places: Sequence[float],
    pairs: Sequence[tuple[float, float]],
    before: NumberProfile,
    now: NumberProfile,
    *,
    is_counted: bool,
) -> tuple[str, tuple[float, float]]:
    """Return the value whose share has changed most with both shares, or no value and the medians."""
    if not is_counted:
        return "", (before.median, now.median)
    shares = [(up_to[0] - below[0], up_to[1] - below[1]) for below, up_to in zip(pairs[::2], pairs[1::2], strict=True)]
    most = _most_changed(shares, (before.size, now.size))
    return f"{places[most]:.15g}", shares[most]


def _most_changed(shares: Sequence[tuple[float, float]], sizes: tuple[int, int]) -> int:
    """Return the place of the value that adds most to the index: of two values, the rarer one."""
    return max(range(len(shares)), key=lambda index: _index(shares[index], sizes, len(shares)))


def _nearest(
    edge: tuple[float, bool], before: NumberProfile, now: NumberProfile, *, smooth: bool
) -> tuple[float, float]:
    """Return the shares of both samples up to an edge that are as near to each other as the profiles allow."""
    atom = max(before.atom(edge[0]), now.atom(edge[0])) if smooth else None
    old, new = (item.share(edge[0], inclusive=edge[1], atom=atom) for item in (before, now))
    low, high = max(old[0], new[0]), min(old[1], new[1])
    if low <= high:
        return (low + high) / 2, (low + high) / 2
    return (old[1], new[0]) if old[1] < new[0] else (old[0], new[1])


def _told(
    name: str,
    bins: Sequence[tuple[float, float]],
    *,
    sizes: tuple[int, int],
    distance: float,
    ends: tuple[float, float],
    value: str,
    slack: float = 1.0,
) -> ColumnDrift:
    degrees = len(bins) - 1
    return ColumnDrift(
        name=name,
        stability=sum(_index(share, sizes, len(bins)) for share in bins),
        distance=distance,
        before=ends[0],
        now=ends[1],
        chance=slack * _chance(degrees) * (1 / sizes[0] + 1 / sizes[1]),
        value=value,
        least=slack * SHIFTED * min(1.0, max(1, degrees) / (BINS - 1)),
    )


def _index(shares: tuple[float, float], sizes: tuple[int, int], bins: int) -> float:
    """Return a bin's part of the index, with half a value more in each bin, as the logarithm of none is infinite."""
    old, new = ((share * size + 0.5) / (size + bins / 2) for share, size in zip(shares, sizes, strict=True))
    return (new - old) * math.log(new / old)


def _chance(degrees: int) -> float:
    """Return the chi-squared value that one in a thousand exceeds, within 4 %; 0 without degrees of freedom.

    For two samples of n and m values from one distribution, the index is distributed like (1/n + 1/m) times a
    chi-squared variable with a degree of freedom less than bins. B. Yurdakul, J. Naranjo: Statistical properties of the
    population stability index (2020). E. Wilson, M. Hilferty: The distribution of chi-square (1931).
    """
    if degrees < 1:
        return 0.0
    part = 2 / (9 * degrees)
    return degrees * (1 - part + _RARE * math.sqrt(part)) ** 3
