"""Distributions: tail probabilities and quantiles of Student's t and of wins among paired losses, without SciPy."""

from __future__ import annotations

import itertools
import math
from functools import cache

_CLOSE = 1e-15
_TINY = 1e-300


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function, the distribution function of Beta(a, b) at `x`.

    NIST Digital Library of Mathematical Functions, 8.17.22 and 8.17.4: https://dlmf.nist.gov/8.17
    """
    if x <= 0:
        return 0.0
    if x > a / (a + b):  # there, the fraction converges faster from the other side; 1 is the other side's 0
        return 1 - incomplete_beta(1 - x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d₁/(1 + d₂/(1 + …)) by Lentz's method, DLMF 3.10(iii), in about √max(a, b) terms."""
    value = upper = 1.0
    lower = 0.0
    for term in itertools.count(1):
        half, odd = divmod(term, 2)
        if odd:
            step = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            step = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        lower = 1 / ((1 + step * lower) or _TINY)
        upper = (1 + step / upper) or _TINY
        value *= upper * lower
        if not abs(upper * lower - 1) >= _CLOSE:  # NaN ends it, too
            break
    return value


def beta_quantile(share: float, a: float, b: float) -> float:
    """Return the value that `share` of Beta(a, b) does not exceed."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if incomplete_beta(middle, a, b) < share else (low, middle)
    return middle


def t_p_value(statistic: float, degrees: int) -> float:
    """Return the two-sided p-value of Student's t with so many degrees of freedom; DLMF 8.17 and A&S 26.7.1."""
    return incomplete_beta(degrees / (degrees + statistic**2), degrees / 2, 0.5)


@cache
def t_quantile(level: float, degrees: int) -> float:
    """Return the bound that the absolute value of Student's t stays below with probability `level`."""
    x = beta_quantile(1 - level, degrees / 2, 0.5)
    return math.sqrt(degrees * (1 - x) / x)


def sign_p_value(wins: int, losses: int) -> float:
    """Return the two-sided p-value of so many wins and losses if both are equally likely: twice the smaller tail.

    Q. McNemar: Note on the sampling error of the difference between correlated proportions (1947), in its exact form.
    """
    most, fewest = max(wins, losses), min(wins, losses)
    return min(1.0, 2 * incomplete_beta(0.5, most, fewest + 1)) if most else 1.0


def share_bounds(wins: int, losses: int, level: float) -> tuple[float, float]:
    """Return the interval of the share of wins that is exact at `level`.

    C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits (1934).
    """
    rest = (1 - level) / 2
    low = beta_quantile(rest, wins, losses + 1) if wins else 0.0
    high = beta_quantile(1 - rest, wins + 1, losses) if losses else 1.0
    return low, high
