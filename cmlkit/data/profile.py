"""Profiles: a column's distribution on one line, enough to compare it with another one without the data.

    250 0=243,1=7                   numbers with few distinct values: the number of values, and how often each occurs
    250 text red=120,dark%20red=90  categories
    250 -1.5:13,0:40:90,2.25:115    other numbers: quantiles at 2.5, 7.5 … 97.5 %, each with the number of values
                                    below it, and, if values equal it, the number of values up to it
    250 -1.5 0 2.25 …               as 0.1.0 wrote it: quantiles alone

More people can read a profile than the data. It leaves out extremes and values that occur fewer than five times;
columns with few values, and texts that are no categories, have none.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import quote, unquote

POINTS = 20
LEAST_VALUES = 100
# As many distinct values are counted, each that occurs at least so often.
FEW_VALUES, LEAST_COUNT = 20, 5
# A text is a category if so many of the rows have a value that is counted.
CATEGORY_SHARE = 0.95
_CATEGORY_LENGTH = 60
_SAME_DIGITS = 15  # 0.1 + 0.2 and 0.3 are one value
FIRST_DIGITS = 6  # of every value in a profile of 0.1.0
_SPREAD_DIGITS = 6  # of the spread, so that a large offset does not hide it


@dataclass(frozen=True, kw_only=True)
class Knot:
    """A value, and the shares of the column's values below and up to it, each as the least and most that it can be."""

    value: float
    below: tuple[float, float]
    up_to: tuple[float, float]

    @property
    def is_exact(self) -> bool:
        return self.below[0] == self.below[1] and self.up_to[0] == self.up_to[1]

    @property
    def atom(self) -> float:
        """The share of values that equal this one, if it is exact."""
        return self.up_to[0] - self.below[0]


@dataclass(frozen=True, kw_only=True)
class NumberProfile:
    """The distribution of a column of numbers.

    Attributes:
        size: Number of values.
        is_counted: Whether all values are knots, except for those that occur fewer than five times.
        digits: Significant digits to which the values are rounded.
    """

    size: int
    knots: tuple[Knot, ...]
    is_counted: bool = False
    digits: int = _SAME_DIGITS

    @cached_property
    def values(self) -> list[float]:
        return [knot.value for knot in self.knots]

    def share(self, value: float, *, inclusive: bool, atom: float | None = None) -> tuple[float, float]:
        """Return the least and most that the share of values below `value` can be, or up to it if `inclusive`.

        Args:
            atom: The share of values that equal `value`, if the shares between two knots are to be interpolated.
        """
        index = bisect_left(self.values, value)
        if index < len(self.knots) and self.knots[index].value == value:
            return self.knots[index].up_to if inclusive else self.knots[index].below
        before, after = self.knots[index - 1 : index], self.knots[index : index + 1]
        low, high = (before[0].up_to[0] if before else 0.0), (after[0].below[1] if after else 1.0)
        if atom is not None and before and after and before[0].is_exact and after[0].is_exact:
            low = high = min(max(_between(before[0], after[0], value, inclusive=inclusive, atom=atom), low), high)
        return low, high

    def atom(self, value: float) -> float:
        """Return the share of values that equal `value`, as far as it is known."""
        index = bisect_left(self.values, value)
        found = index < len(self.knots) and self.knots[index].value == value and self.knots[index].is_exact
        return self.knots[index].atom if found else 0.0

    def rounded(self, digits: int) -> NumberProfile:
        """Return the profile that the column would have if its values had so few significant digits."""
        if digits >= self.digits:
            return self
        same = groupby(self.knots, key=lambda knot: float(f"{knot.value:.{digits}g}"))
        knots = [_merged(value, list(knots)) for value, knots in same]
        return NumberProfile(size=self.size, knots=tuple(knots), is_counted=self.is_counted, digits=digits)

    @property
    def median(self) -> float:
        reached = [knot.value for knot in self.knots if knot.up_to[1] >= 0.5]
        left = [knot.value for knot in self.knots if knot.below[0] <= 0.5]
        return (reached[0] + left[-1]) / 2 if reached and left else (reached or left)[0]


@dataclass(frozen=True, kw_only=True)
class CategoryProfile:
    """How often each category of a column of texts occurs; those that are left out occur fewer than five times."""

    size: int
    counts: Mapping[str, int]

    @property
    def rest(self) -> int:
        return self.size - sum(self.counts.values())


Profile = NumberProfile | CategoryProfile


def _between(before: Knot, after: Knot, value: float, *, inclusive: bool, atom: float) -> float:
    """Interpolate as if half of the values that equal one were below it, as rounded numbers and counts lie on steps."""
    low = before.up_to[0] - min(before.atom, atom) / 2
    high = after.below[0] + min(after.atom, atom) / 2
    middle = low + (high - low) * (value - before.value) / (after.value - before.value)
    return middle + (atom / 2 if inclusive else -atom / 2)


def profile(values: Iterable[float] | Iterable[str]) -> str:
    """Return the profile of a column's numbers or texts; empty for fewer than 100, and for texts of many kinds."""
    given = list(values)
    if len(given) < LEAST_VALUES:
        return ""
    if isinstance(given[0], str):
        return _categories([str(value) for value in given])
    ordered = sorted(_rounded(given))
    if len(set(ordered)) > FEW_VALUES:
        return f"{len(ordered)} {','.join(_quantiles(ordered))}"
    counts = Counter(ordered).items()
    listed = [f"{value:.{_SAME_DIGITS}g}={count}" for value, count in counts if count >= LEAST_COUNT]
    return f"{len(ordered)} {','.join(listed)}"


def _rounded(values: Sequence[Any]) -> list[float]:
    """Return the values without what rounding alone tells apart, each distinct one rounded once, as that is slow."""
    distinct = set(values)
    if len(distinct) == len(values):
        return [float(value) for value in values]
    rounded = {value: float(f"{value:.{_SAME_DIGITS}g}") for value in distinct}
    return [rounded[value] for value in values]


def _categories(values: Sequence[str]) -> str:
    listed = {value: count for value, count in Counter(values).items() if count >= LEAST_COUNT}
    if len(listed) > FEW_VALUES or sum(listed.values()) < CATEGORY_SHARE * len(values):
        return ""
    if any(len(value) > _CATEGORY_LENGTH for value in listed):
        return ""
    words = (f"{quote(value, safe='')}={count}" for value, count in sorted(listed.items()))
    return f"{len(values)} text {','.join(words)}"


def _quantiles(ordered: Sequence[float]) -> list[str]:
    """Return the quantiles with the numbers of values below and up to them."""
    points = [_at(ordered, (point + 0.5) / POINTS) for point in range(POINTS)]
    digits = _digits(points)
    ties = {point for point in points if bisect_right(ordered, point) - bisect_left(ordered, point) > 1}
    words = dict.fromkeys(f"{point:.{_SAME_DIGITS if point in ties else digits}g}" for point in points)
    return [_counted(word, ordered) for word in words]


def _counted(word: str, ordered: Sequence[float]) -> str:
    below, up_to = bisect_left(ordered, float(word)), bisect_right(ordered, float(word))
    return f"{word}:{below}" if up_to == below else f"{word}:{below}:{up_to}"


def _digits(points: Sequence[float]) -> int:
    """Return the significant digits that show the spread of the points, whatever their offset."""
    spread, largest = points[-1] - points[0], max(map(abs, points))
    offset = math.floor(math.log10(largest / spread)) if spread and largest else 0
    return min(_SAME_DIGITS, _SPREAD_DIGITS + max(0, offset))


def _at(ordered: Sequence[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def read_profile(line: str) -> Profile | None:
    """Return the distribution that a line describes, also one of 0.1.0; None if a later version wrote it otherwise."""
    words = line.split()
    try:
        if len(words) == POINTS + 1:
            return _read_quantiles(int(words[0]), [float(word) for word in words[1:]])
        if len(words) == 3 and words[1] == "text":
            return CategoryProfile(size=int(words[0]), counts=_read_categories(words[2]))
        if len(words) == 2:
            return _read_numbers(int(words[0]), words[1].split(","))
    except ValueError:
        return None
    return None


def _read_quantiles(size: int, quantiles: Sequence[float]) -> NumberProfile:
    """Read a profile of 0.1.0. If two quantiles are equal, a value may occur anywhere up to the quantiles beside it."""
    reach = 1 if len(set(quantiles)) < POINTS else 0
    shares = [(point + 0.5) / POINTS for point in range(POINTS)]
    around = [0.0, *shares, 1.0]
    knots = [
        Knot(value=value, below=(around[index + 1 - reach], share), up_to=(share, around[index + 1 + reach]))
        for index, (value, share) in enumerate(zip(quantiles, shares, strict=True))
    ]
    same = groupby(knots, key=lambda knot: knot.value)
    return NumberProfile(
        size=size, knots=tuple(_merged(value, list(found)) for value, found in same), digits=FIRST_DIGITS
    )


def _merged(value: float, knots: Sequence[Knot]) -> Knot:
    return Knot(value=value, below=knots[0].below, up_to=knots[-1].up_to)


def _read_numbers(size: int, words: Sequence[str]) -> NumberProfile:
    is_counted = "=" in words[0]
    knots = _read_counts(size, words) if is_counted else [_read_knot(size, word) for word in words]
    return NumberProfile(size=size, knots=tuple(knots), is_counted=is_counted)


def _read_counts(size: int, words: Sequence[str]) -> list[Knot]:
    """Read value=count; the values that are left out may lie anywhere between."""
    counts = [(float(value), int(count)) for value, _, count in (word.partition("=") for word in words)]
    rest, passed, knots = size - sum(count for _, count in counts), 0, []
    for value, count in counts:
        below, up_to = passed, passed + count
        knots.append(
            Knot(
                value=value,
                below=(below / size, (below + rest) / size),
                up_to=(up_to / size, (up_to + rest) / size),
            )
        )
        passed = up_to
    return knots


def _read_knot(size: int, word: str) -> Knot:
    value, below, *up_to = word.split(":")
    shares = int(below) / size, int(up_to[0] if up_to else below) / size
    return Knot(value=float(value), below=(shares[0], shares[0]), up_to=(shares[1], shares[1]))


def _read_categories(words: str) -> dict[str, int]:
    pairs = (word.rpartition("=") for word in words.split(","))
    return {unquote(value): int(count) for value, _, count in pairs}
