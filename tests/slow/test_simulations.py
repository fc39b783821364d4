"""Simulations: how often equal models and still data are told apart, and how often different ones are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from cmlkit.data.drift import drifts
from cmlkit.data.profile import profile
from cmlkit.gate.significance import paired_interval
from cmlkit.records.training_run import DataFingerprint
from tests.slow.conftest import SIMULATIONS

RUNS = 2_000
NOMINAL, TOLERANCE = 0.05, 0.01
# Real differences, in standard deviations of the differences: Student's t finds about half of them.
EFFECT = {5: 1.2, 20: 0.45, 100: 0.2, 1_000: 0.063}

Array = NDArray[np.float64]
Scores = Callable[[np.random.Generator, int, float], tuple[Array, Array]]


def right_or_wrong(alike: float) -> Scores:
    """Models that are right on 80 % of the samples, and are alike on a share of them, which they find hard or easy."""

    def scores(source: np.random.Generator, count: int, effect: float) -> tuple[Array, Array]:
        shared, same = source.random(count) < 0.8, source.random(count) < alike
        # No model is right on more than all samples: with few of them, the effect is smaller.
        gain = effect * np.sqrt(0.32 * (1 - alike)) / (1 - alike)
        before, now = source.random(count) < 0.8, source.random(count) < min(1.0, 0.8 + gain)
        return np.where(same, shared, before).astype(float), np.where(same, shared, now).astype(float)

    return scores


def differing(draw: Callable[[np.random.Generator, int], Array], deviation: float) -> Scores:
    """Scores whose differences are drawn, shifted by the effect in standard deviations."""

    def scores(source: np.random.Generator, count: int, effect: float) -> tuple[Array, Array]:
        before = source.normal(size=count)
        return before, before + draw(source, count) + effect * deviation

    return scores


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Scores of one kind, and the numbers of samples for which the promise holds."""

    scores: Scores
    sizes: tuple[int, ...] = (5, 20, 100, 1_000)


KINDS = {
    "right or wrong, independent": Kind(scores=right_or_wrong(0.0)),
    "right or wrong, half alike": Kind(scores=right_or_wrong(0.5)),
    "normal": Kind(scores=differing(lambda source, count: source.normal(size=count), 1)),
    "uniform": Kind(scores=differing(lambda source, count: source.uniform(-1, 1, count), 0.577)),
    "heavy tails": Kind(scores=differing(lambda source, count: source.standard_t(3, count), 1.732)),
    "absolute errors": Kind(
        scores=differing(lambda source, count: abs(source.normal(size=count)) - abs(source.normal(size=count)), 0.852)
    ),
    "squared errors": Kind(
        scores=differing(lambda source, count: source.normal(size=count) ** 2 - source.normal(size=count) ** 2, 2)
    ),
    "mostly equal": Kind(
        scores=differing(lambda source, count: source.normal(size=count) * (source.random(count) < 0.1), 0.316)
    ),
    # Below 20 samples, no method that knows only the samples keeps to 5 % if the differences are that skewed.
    "skewed": Kind(
        scores=differing(lambda source, count: source.exponential(size=count) - 1, 1), sizes=(20, 100, 1_000)
    ),
}


def shown(kind: Kind, count: int, effect: float) -> float:
    """The share of simulated comparisons in which a difference is shown."""
    source = np.random.default_rng([count, round(1_000 * effect)])
    pairs = (kind.scores(source, count, effect) for _ in range(RUNS))
    return sum(paired_interval(before.tolist(), now.tolist()).shows_difference for before, now in pairs) / RUNS


def told(name: str, line: str) -> None:
    """Keep a line for the summary of the tests."""
    SIMULATIONS.mkdir(parents=True, exist_ok=True)
    (SIMULATIONS / f"{name}.txt").write_text(f"{line}\n")


@pytest.mark.parametrize(("name", "count"), [(name, count) for name, kind in KINDS.items() for count in kind.sizes])
def test_equal_models_differ_in_one_comparison_of_twenty_at_most(name: str, count: int) -> None:
    false, power = shown(KINDS[name], count, 0.0), shown(KINDS[name], count, EFFECT[count])
    told(f"scores {name} {count:04}", f"{name}, {count:,} samples: {false:.1%} false positives, power {power:.0%}")
    assert false <= NOMINAL + TOLERANCE


Column = Callable[[np.random.Generator, int], NDArray[np.generic]]


def flag(share: float) -> Column:
    return lambda source, count: (source.random(count) < share).astype(float)


def category(*shares: float) -> Column:
    return lambda source, count: source.choice([f"kind {place}" for place in range(len(shares))], count, p=shares)


# A column as it was, and as it is after real drift.
COLUMNS: dict[str, tuple[Column, Column]] = {
    "a flag of 2.5 %": (flag(0.025), flag(0.075)),
    "a flag of 0.5 %": (flag(0.005), flag(0.04)),
    "a flag of one half": (flag(0.5), flag(0.65)),
    "counts": (lambda source, count: source.poisson(2, count), lambda source, count: source.poisson(3, count)),
    "large counts": (
        lambda source, count: source.poisson(100, count),
        lambda source, count: source.poisson(107, count),
    ),
    "skewed counts": (
        lambda source, count: source.negative_binomial(0.3, 0.02, count),
        lambda source, count: source.negative_binomial(0.6, 0.02, count),
    ),
    "categories": (category(0.6, 0.3, 0.06, 0.03, 0.01), category(0.45, 0.4, 0.06, 0.03, 0.06)),
    "a constant": (
        lambda source, count: np.full(count, 3.7),
        lambda source, count: np.where(source.random(count) < 0.05, 3.8, 3.7),
    ),
    "a large offset": (
        lambda source, count: 1e9 + 1e-3 * source.normal(size=count),
        lambda source, count: 1e9 + 1e-3 * source.normal(0.6, size=count),
    ),
    "normal": (lambda source, count: source.normal(size=count), lambda source, count: source.normal(0.6, size=count)),
    "rounded": (
        lambda source, count: source.normal(size=count).round(1),
        lambda source, count: source.normal(0.6, size=count).round(1),
    ),
    "mostly zero": (
        lambda source, count: source.lognormal(size=count) * (source.random(count) < 0.2),
        lambda source, count: source.lognormal(size=count) * (source.random(count) < 0.4),
    ),
}
SAMPLES = 150


def moved(before: Column, now: Column, count: int) -> float:
    """The share of simulated pairs of samples in which the column has moved."""
    source = np.random.default_rng(count)
    found = 0
    for _ in range(SAMPLES):
        samples = [
            [DataFingerprint(path="t", sha256="", size=0, profiles={"x": profile(column(source, count).tolist())})]
            for column in (before, now)
        ]
        [drift] = drifts(*samples)
        found += drift.has_moved
    return found / SAMPLES


@pytest.mark.parametrize("count", [500, 2_000, 5_000])
@pytest.mark.parametrize("name", COLUMNS)
def test_still_columns_seem_to_drift_in_one_run_of_fifty_at_most_and_real_drift_is_found(name: str, count: int) -> None:
    before, now = COLUMNS[name]
    false, power = moved(before, before, count), moved(before, now, count)
    told(f"drift {name} {count:04}", f"Drift of {name}, {count:,} rows: {false:.1%} false alarms, power {power:.0%}")
    assert false < 0.02
    assert power > 0.5
