"""Significance: whether a difference between two models is more than chance in the test samples."""

from __future__ import annotations

from collections.abc import Sequence

from cmlkit.errors import MissingExtra, SettingsError
from cmlkit.records.training_run import Interval

__all__ = ["Interval", "paired_interval"]

RESAMPLES = 2_000
_CHUNK = 4_000_000  # counts drawn at once: some 32 MB


def paired_interval(
    champion: Sequence[float],
    challenger: Sequence[float],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of the mean difference of paired scores.

    B. Efron, R. Tibshirani: An Introduction to the Bootstrap (1993), chapter 13. Resampling pairs, instead of each
    model's scores, cancels the difficulty of a sample that both models share.

    Args:
        champion: Score of each test sample, shape (n,): 1 or 0 for right or wrong, or minus the absolute error.
        challenger: The same samples in the same order.

    Raises:
        MissingExtra: numpy is not installed.
        SettingsError: There are no samples, or the two numbers of samples differ.
    """
    try:
        import numpy as np
    except ModuleNotFoundError as error:
        raise MissingExtra("Intervals need numpy.", extra="score") from error
    if len(champion) == 0 or len(champion) != len(challenger):
        raise SettingsError(
            f"The champion has {len(champion):,} scores and the challenger {len(challenger):,};"
            " both need the same number, and at least one.",
            next_step="Score both models on the same test samples.",
        )
    differences = np.asarray(challenger, dtype=float) - np.asarray(champion, dtype=float)
    # Equal differences are drawn together, by their counts: right or wrong gives only three values.
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
