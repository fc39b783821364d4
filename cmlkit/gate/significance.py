"""Significance: whether a difference between two models is more than chance in the test samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from cmlkit.errors import SettingsError
from cmlkit.formats import plural
from cmlkit.gate.distributions import share_bounds, sign_p_value, t_p_value, t_quantile
from cmlkit.records.training_run import Interval

__all__ = ["Interval", "paired_interval"]

# Fewer samples tell nothing of how much the differences vary.
LEAST_SAMPLES = 5
# Differences below this share of the largest score come from rounding.
ROUNDING = 1e-9


def paired_interval(
    champion: Sequence[float],
    challenger: Sequence[float],
    *,
    level: float = 0.95,
    resamples: int | None = None,
    seed: int | None = None,
) -> Interval:
    """Return a confidence interval of the mean difference of paired scores, and the p-value of no difference.

    If scores differ by one amount only, such as right or wrong, McNemar's exact test decides: 4 samples that only the
    challenger gets right, and none that only the champion does, are p = 0.125. The interval contains zero unless p is
    at most 1 − level. Other scores get Student's interval, extended by one that corrects it for skewness; p is the
    larger of both. Fewer than 5 samples are too few to tell: the interval is unlimited and has no p-value.

    >>> interval = cmlkit.paired_interval([1] * 230 + [0] * 20, [1] * 242 + [0] * 8)
    >>> interval.low > 0, interval.p_value < 0.001
    (True, True)

    Args:
        champion: Score of each test sample, shape (n,): 1 or 0 for right or wrong, or minus the absolute error.
        challenger: The same samples in the same order.
        level: Probability with which the interval contains the true difference.
        resamples: Not used any more, as nothing is drawn at random; the same holds for `seed`.

    Raises:
        SettingsError: There are no samples, the two numbers of samples differ, a score is not finite, or `level` is not
            between 0 and 1.
    """
    before, now = _checked(champion, challenger, level)
    if len(now) < LEAST_SAMPLES:
        return Interval(low=-math.inf, high=math.inf, samples=len(now), level=level, method="none")
    # Scores of any size: their squares neither overflow nor vanish.
    unit = max(map(abs, (*before, *now))) or 1.0
    differences = [new / unit - old / unit for old, new in zip(before, now, strict=True)]
    changes = [difference for difference in differences if abs(difference) > ROUNDING]
    sizes = [abs(change) for change in changes]
    if not sizes or max(sizes) - min(sizes) <= ROUNDING:
        scale = max(sizes, default=_step(before, unit)) * unit
        wins = sum(change > 0 for change in changes)
        return _right_or_wrong(wins, len(changes) - wins, samples=len(now), scale=scale, level=level)
    return _continuous(differences, unit=unit, level=level)


def _checked(champion: Sequence[float], challenger: Sequence[float], level: float) -> tuple[list[float], list[float]]:
    before, now = list(map(float, champion)), list(map(float, challenger))
    if not before or len(before) != len(now):
        raise SettingsError(
            f"The champion has {plural(len(before), 'score')} and the challenger {plural(len(now), 'score')};"
            " both need the same number, and at least one.",
            next_step="Score both models on the same test samples.",
        )
    if not all(map(math.isfinite, (*before, *now))):
        raise SettingsError(
            "A score is not a finite number.",
            next_step="Score each test sample with a number, or leave it out for both.",
        )
    if not 0 < level < 1:
        raise SettingsError(f"The level {level:g} is not between 0 and 1.", next_step="Write 0.95, for example.")
    return before, now


def _step(scores: Sequence[float], unit: float) -> float:
    """Return by which share of `unit` equal scores could differ: by all of it if they are right or wrong."""
    return float(set(scores) <= {0.0, unit})


def _right_or_wrong(wins: int, losses: int, *, samples: int, scale: float, level: float) -> Interval:
    """Return the interval of (wins − losses) / samples × scale.

    D. G. Bonett, R. M. Price: Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data (2012). It is extended by the exact interval for the share of wins among the changed samples, so that
    interval and exact test agree.
    """
    share, margin = (wins - losses) / (samples + 2), NormalDist().inv_cdf((1 + level) / 2)
    margin *= math.sqrt(((wins + losses + 2) / (samples + 2) - share**2) / (samples + 2))
    changed = (wins + losses) / samples
    fewest, most = share_bounds(wins, losses, level)
    return Interval(
        low=scale * max(-1.0, min(share - margin, changed * (2 * fewest - 1))),
        high=scale * min(1.0, max(share + margin, changed * (2 * most - 1))),
        samples=samples,
        level=level,
        method="mcnemar",
        p_value=sign_p_value(wins, losses),
    )


def _continuous(differences: Sequence[float], *, unit: float, level: float) -> Interval:
    """Return Student's interval of the mean, extended by the one that corrects it for skewness."""
    size = len(differences)
    mean = math.fsum(differences) / size
    deviations = [difference - mean for difference in differences]
    deviation = math.sqrt(math.fsum(item * item for item in deviations) / (size - 1))
    skewness = size * math.fsum((item / deviation) ** 3 for item in deviations) / ((size - 1) * (size - 2))
    bound = t_quantile(level, size - 1) / math.sqrt(size)
    ends = [end for side in (-bound, bound) for end in (side, _untransformed(side, skewness, size))]
    return Interval(
        low=(mean - deviation * max(ends)) * unit,
        high=(mean - deviation * min(ends)) * unit,
        samples=size,
        level=level,
        method="t",
        p_value=_p_value(mean / deviation, skewness, size),
    )


def _p_value(statistic: float, skewness: float, size: int) -> float:
    side = math.copysign(1, statistic)
    least = max(0.0, min(side * statistic, side * _transformed(statistic, skewness, size)))
    return t_p_value(least * math.sqrt(size), size - 1)


def _transformed(statistic: float, skewness: float, size: int) -> float:
    """Return (mean − truth) / deviation without most of its skewness, by a cubic that always rises.

    P. Hall: On the removal of skewness by transformation (1992). Student's t alone shows too much if differences are
    skewed, this alone if they are symmetric with heavy tails.
    """
    return statistic + skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27 + skewness / (6 * size)


def _untransformed(value: float, skewness: float, size: int) -> float:
    shifted = value - skewness / (6 * size)
    if abs(skewness) < 1e-6:  # there, the cube root loses its digits
        return shifted
    return (math.cbrt(1 + skewness * shifted) - 1) * 3 / skewness
