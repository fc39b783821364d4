"""Drift: what moved is found, what did not is left alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.data.drift import (
    POINTS,
    ColumnDrift,
    drifts,
    profile,
)
from cmlkit.records.training_run import DataFingerprint


def normal(mean: float, deviation: float = 1.0, *, seed: int, count: int = 1_000) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(mean, deviation) for _ in range(count)]


def between(champion: list[float], challenger: list[float]) -> ColumnDrift:
    def of(values: list[float]) -> list[DataFingerprint]:
        return [DataFingerprint(path="train.csv", sha256="", size=0, profiles={"age": profile(values)})]

    [found] = drifts(of(champion), of(challenger))
    return found


def test_a_profile_is_the_values_at_every_twentieth_without_the_extremes() -> None:
    assert profile(range(201)) == " ".join(str(value) for value in (201, *range(5, 200, 10)))
    assert profile([7.0] * 100) == " ".join(["100", *["7"] * POINTS])


def test_few_values_have_no_profile() -> None:
    assert profile(range(99)) == ""


def test_another_sample_of_the_same_distribution_has_not_moved() -> None:
    found = between(normal(0, seed=1), normal(0, seed=2))
    assert not found.has_moved
    assert found.distance < 0.1


def test_small_samples_of_one_distribution_are_not_taken_for_drift() -> None:
    moved = [between(normal(0, seed=seed, count=150), normal(0, seed=-seed - 1, count=150)) for seed in range(100)]
    assert sum(item.stability >= 0.1 for item in moved) > 20
    assert sum(item.has_moved for item in moved) <= 2


def test_a_shift_by_a_standard_deviation_is_drift() -> None:
    found = between(normal(0, seed=1), normal(1, seed=2))
    # For normal distributions of one width the exact values are 1 and 2·Φ(1/2) − 1; bins and sample lose some.
    assert found.stability == pytest.approx(1.0, abs=0.25)
    assert found.distance == pytest.approx(0.383, abs=0.05)
    assert found.before == pytest.approx(0, abs=0.1)
    assert found.now == pytest.approx(1, abs=0.1)


def test_a_wider_spread_is_drift_though_the_median_stays() -> None:
    assert between(normal(0, seed=1), normal(0, 2.0, seed=2)).has_moved


def test_labels_are_compared_by_their_shares() -> None:
    assert not between([0.0] * 500 + [1.0] * 500, [0.0] * 510 + [1.0] * 490).has_moved
    assert between([0.0] * 500 + [1.0] * 500, [0.0] * 850 + [1.0] * 150).has_moved


def test_a_constant_that_becomes_another_is_drift() -> None:
    assert between([3.0] * 100, [4.0] * 100).has_moved
    assert between([3.0] * 100, [3.0] * 100).stability == 0


def test_the_farthest_moved_comes_first_and_unknown_columns_are_left_out() -> None:
    still, far = normal(0, seed=1), normal(3, seed=2)
    champion = DataFingerprint(path="a.csv", sha256="", size=0, profiles={"x": profile(still), "y": profile(still)})
    challenger = DataFingerprint(
        path="a.csv", sha256="", size=0, profiles={"x": profile(still), "y": profile(far), "z": profile(far)}
    )
    assert [item.name for item in drifts([champion], [challenger])] == ["a.csv: y", "a.csv: x"]


values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(lambda found: found * 100)


@given(values, values)
def test_whatever_the_values_the_measures_are_sane(champion: list[float], challenger: list[float]) -> None:
    found = between(champion, challenger)
    assert found.stability >= -1e-9
    assert 0 <= found.distance <= 1
    assert between(champion, champion).stability == 0
