"""Differences between the metrics of two models, each with the direction that is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cmlkit.formats import number, numbers_apart
from cmlkit.gate.metrics import key

TOLERANCE = 1e-9
PERCENT = " %"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The metrics of a model.

    Attributes:
        values: Metric -> value as written: 93 for `93 %`.
        percentages: The metrics that were written with `%`.
        left_out: Metric -> why its value is not taken.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    percentages: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def is_percentage(self, name: str) -> bool:
        return key(name) in {key(each) for each in self.percentages}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of two models; a value is None if the model lacks it.

    Attributes:
        name: As the challenger writes it, else as the champion does.
        delta: Challenger minus champion; None if the two cannot be compared, and 0 if they are equal within 1e-9 of
            the larger.
        higher_is_better: None if nobody says so, and the name does not tell.
        improved: None if the direction is unknown, or nothing changed.
        champion_is_percentage: Whether the champion's value was written with `%`; the challenger's likewise.
    """

    name: str
    champion: float | None
    challenger: float | None
    higher_is_better: bool | None
    champion_is_percentage: bool = False
    challenger_is_percentage: bool = False

    @property
    def units_differ(self) -> bool:
        """Whether both models have the metric, and only one of the two is a percentage."""
        both = self.champion is not None and self.challenger is not None
        return both and self.champion_is_percentage != self.challenger_is_percentage

    @property
    def texts(self) -> tuple[str | None, str | None]:
        """The champion's and the challenger's value for people, with enough digits to differ; None if it is missing."""
        known = [value for value in (self.champion, self.challenger) if value is not None]
        texts = [number(known[0])] * len(known) if known and are_equal(*known) else numbers_apart(*known)
        shown = dict(zip(known, texts, strict=True))
        before = None if self.champion is None else shown[self.champion] + PERCENT * self.champion_is_percentage
        after = None if self.challenger is None else shown[self.challenger] + PERCENT * self.challenger_is_percentage
        return before, after

    @property
    def delta(self) -> float | None:
        if self.champion is None or self.challenger is None or self.units_differ:
            return None
        return 0.0 if are_equal(self.champion, self.challenger) else self.challenger - self.champion

    @property
    def improved(self) -> bool | None:
        if not self.delta or self.higher_is_better is None:
            return None
        return (self.delta > 0) == self.higher_is_better


def are_equal(*values: float) -> bool:
    """Return whether values differ by no more than what arithmetic in binary leaves: 1e-9 of the largest."""
    return max(values) - min(values) <= TOLERANCE * max(map(abs, values))


def differences(
    champion: Measured | None, challenger: Measured, direction: Callable[[str], bool | None]
) -> tuple[Difference, ...]:
    """Return every metric of either model: the challenger's in its order, then those that only the champion has."""
    champion = champion or Measured()
    before = {key(name): (name, value) for name, value in champion.values.items()}
    after = {key(name): (name, value) for name, value in challenger.values.items()}
    percentages = [{key(name) for name in model.percentages} for model in (champion, challenger)]
    return tuple(
        Difference(
            name=(after.get(item) or before[item])[0],
            champion=before[item][1] if item in before else None,
            challenger=after[item][1] if item in after else None,
            higher_is_better=direction((after.get(item) or before[item])[0]),
            champion_is_percentage=item in percentages[0],
            challenger_is_percentage=item in percentages[1],
        )
        for item in dict.fromkeys([*after, *before])
    )
