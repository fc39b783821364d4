"""Significance: whether a difference between two models is more than the luck of the test samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cmlkit.errors import SettingsError
from cmlkit.formats import number, plural

LEVEL = 0.95
RESAMPLES = 2_000
_CHUNK = 4_000_000  # counts drawn at once: some 32 MB


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where the true difference, challenger minus champion, lies with the probability `level`.

    Attributes:
        samples: How many test samples both models were scored on.
    """

    low: float
    high: float
    samples: int
    level: float = LEVEL

    @property
    def shows_difference(self) -> bool:
        """Whether it excludes that there is none."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"[{number(self.low)}, {number(self.high)}]"

    @property
    def sentence(self) -> str:
        """What it says where it shows no difference."""
        return f"no difference that {plural(self.samples, 'sample')} could show"


def paired_interval(
    champion: Sequence[float],
    challenger: Sequence[float],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The percentile bootstrap interval of the mean difference of paired scores.

    B. Efron, R. Tibshirani: An Introduction to the Bootstrap (1993), chapter 13. Resampling pairs, and not each model's
    scores, takes out what both find hard or easy.

    Args:
        champion: Score of each test sample, shape (n,): 1 or 0 for right or wrong, or minus the absolute error.
        challenger: The same samples in the same order.

    Raises:
        SettingsError: There are no samples, or not as many of the one as of the other.
    """
    import numpy as np

    if len(champion) == 0 or len(champion) != len(challenger):
        raise SettingsError(
            f"There are {len(champion):,} scores of the champion and {len(challenger):,} of the challenger.",
            next_step="Score both models on the same test samples.",
        )
    differences = np.asarray(challenger, dtype=float) - np.asarray(champion, dtype=float)
    # Equal differences are drawn as one, by their counts: right or wrong gives three kinds, however many samples.
    values, counts = np.unique(differences, return_counts=True)
    random = np.random.default_rng(seed)
    size = len(differences)
    chunk = max(1, _CHUNK // len(values))
    means = [
        random.multinomial(size, counts / size, size=min(chunk, resamples - start)) @ values / size
        for start in range(0, resamples, chunk)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high), samples=size, level=level)
