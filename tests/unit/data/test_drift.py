"""Drift: what moved is found, what did not is left alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from cmlkit.data.drift import ColumnDrift, drifts
from cmlkit.data.profile import POINTS, profile
from cmlkit.records.training_run import DataFingerprint


def normal(mean: float, deviation: float = 1.0, *, seed: int, count: int = 1_000) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(mean, deviation) for _ in range(count)]


def fingerprint(line: str) -> list[DataFingerprint]:
    return [DataFingerprint(path="train.csv", sha256="", size=0, profiles={"age": line})]


Column = Sequence[float] | Sequence[str]


def between(champion: Column, challenger: Column) -> ColumnDrift:
    [found] = drifts(fingerprint(profile(champion)), fingerprint(profile(challenger)))
    return found


def first_profile(values: NDArray[Any]) -> str:
    """The profile as 0.1.0 wrote it: the number of values and quantiles with six digits."""
    shares = [(point + 0.5) / POINTS for point in range(POINTS)]
    return " ".join([str(len(values)), *(f"{value:.6g}" for value in np.quantile(values, shares))])


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


Source = Callable[[np.random.Generator, int], NDArray[Any]]

STILL: dict[str, Source] = {
    "a rare flag": lambda source, count: (source.random(count) < 0.025).astype(float),
    "a very rare flag": lambda source, count: (source.random(count) < 0.002).astype(float),
    "counts": lambda source, count: source.poisson(2, count).astype(float),
    "large counts": lambda source, count: source.poisson(100, count).astype(float),
    "counts with many zeros": lambda source, count: source.negative_binomial(0.3, 0.02, count).astype(float),
    "categories": lambda source, count: source.choice(5, count, p=[0.6, 0.3, 0.05, 0.04, 0.01]).astype(float),
    "a constant": lambda source, count: np.full(count, 3.7),
    "a large offset with a tiny spread": lambda source, count: 1e9 + source.normal(size=count) * 1e-3,
    "a large offset with few values": lambda source, count: 1.7e12 + source.integers(0, 5, count),
    "rounded numbers": lambda source, count: source.normal(size=count).round(1),
    "mostly zero": lambda source, count: source.lognormal(size=count) * (source.random(count) < 0.3),
}
MOVED: dict[str, tuple[Source, Source]] = {
    "a flag that is four times as frequent": (
        STILL["a rare flag"],
        lambda source, count: (source.random(count) < 0.1).astype(float),
    ),
    "larger counts": (STILL["counts"], lambda source, count: source.poisson(3, count).astype(float)),
    "a constant that is none any more": (
        STILL["a constant"],
        lambda source, count: 3.7 + (source.random(count) < 0.05),
    ),
    "half of a tiny spread": (
        STILL["a large offset with a tiny spread"],
        lambda source, count: 1e9 + 5e-4 + source.normal(size=count) * 1e-3,
    ),
    "fewer zeros": (
        lambda source, count: source.lognormal(size=count) * (source.random(count) < 0.05),
        lambda source, count: source.lognormal(size=count) * (source.random(count) < 0.2),
    ),
    "few values that become many": (
        lambda source, count: source.integers(0, 5, count).astype(float),
        lambda source, count: source.uniform(0, 5, count),
    ),
}


@pytest.mark.parametrize("kind", STILL)
@pytest.mark.parametrize("count", [500, 5_000])
def test_columns_as_people_have_them_give_no_false_alarm(kind: str, count: int) -> None:
    source = np.random.default_rng(count)
    assert not any(between(*(STILL[kind](source, count).tolist() for _ in "ab")).has_moved for _ in range(4))


@pytest.mark.parametrize("kind", MOVED)
def test_real_drift_of_such_columns_is_found(kind: str) -> None:
    before, now = MOVED[kind]
    source = np.random.default_rng(7)
    assert all(between(before(source, 2_000).tolist(), now(source, 2_000).tolist()).has_moved for _ in range(3))


@pytest.mark.parametrize("kind", STILL)
def test_profiles_of_the_first_version_are_read_and_give_no_false_alarm_either(kind: str) -> None:
    source = np.random.default_rng(11)
    before, now = (STILL[kind](source, 2_000) for _ in range(2))
    for line in (first_profile(now), profile(now.tolist())):
        [found] = drifts(fingerprint(first_profile(before)), fingerprint(line))
        assert not found.has_moved


def test_a_shift_since_a_profile_of_the_first_version_is_found() -> None:
    [found] = drifts(fingerprint(first_profile(np.array(normal(0, seed=1)))), fingerprint(profile(normal(1, seed=2))))
    assert found.has_moved
    assert (found.before, found.now) == pytest.approx((0, 1), abs=0.1)


def test_a_column_with_few_values_names_the_one_that_changed_most() -> None:
    found = between([0.0] * 975 + [1.0] * 25, [0.0] * 900 + [1.0] * 100)
    assert found.value == "1"
    assert (found.before, found.now) == pytest.approx((0.025, 0.1))
    assert found.ends == ("1: 2.5 %", "1: 10 %")
    assert found.distance == pytest.approx(0.075)


def test_of_many_values_the_medians_are_named() -> None:
    assert between(normal(0, seed=1), normal(0, seed=1)).value == ""


def test_categories_are_compared_by_their_shares() -> None:
    before = ["red"] * 600 + ["blue"] * 400
    assert not between(before, ["red"] * 590 + ["blue"] * 410).has_moved
    found = between(before, ["red"] * 550 + ["blue"] * 390 + ["green"] * 60)
    assert found.has_moved
    assert found.ends == ("green: 0 %", "green: 6 %")
    assert found.distance == pytest.approx(0.06)


def test_categories_that_are_too_rare_to_be_listed_have_not_moved() -> None:
    before = ["red"] * 500 + ["blue"] * 5
    assert not between(before, ["red"] * 500 + ["blue"] * 4).has_moved


def test_a_column_of_numbers_that_becomes_one_of_categories_is_left_out() -> None:
    assert not drifts(fingerprint(profile([1.0] * 100)), fingerprint(profile(["a"] * 100)))


def test_the_index_of_two_values_is_that_of_its_definition() -> None:
    found = between([0.0] * 60_000 + [1.0] * 40_000, [0.0] * 50_000 + [1.0] * 50_000)
    assert found.stability == pytest.approx(-0.1 * np.log(5 / 6) + 0.1 * np.log(5 / 4), rel=1e-3)


def test_the_largest_index_of_chance_is_the_quantile_of_chi_squared() -> None:
    sizes = 1 / 1_000 + 1 / 1_000
    two = between([0.0] * 500 + [1.0] * 500, [0.0] * 500 + [1.0] * 500)
    ten = between(normal(0, seed=1), normal(0, seed=2))
    assert two.chance == pytest.approx(stats.chi2.ppf(0.999, 1) * sizes, rel=0.04)
    assert ten.chance == pytest.approx(stats.chi2.ppf(0.999, 9) * sizes, rel=0.04)


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


@pytest.mark.parametrize(
    ("tables", "shown"),
    [
        (("data/train.csv", "data/test.csv"), "data/*.csv: age"),
        (("X_train.npy", "X_val.npy"), "X_*.npy: age"),
        (("data/Train/part.csv", "data/Test/part.csv"), "data/*/part.csv: age"),
    ],
)
def test_a_column_that_the_tables_of_a_split_share_is_named_once_as_it_moved_farthest(
    tables: tuple[str, str], shown: str
) -> None:
    def of(shift: float) -> tuple[DataFingerprint, ...]:
        moved = (shift, 0.0)
        return tuple(
            DataFingerprint(
                path=table, sha256="", size=1, profiles={"age": profile(by + value / 100 for value in range(1_000))}
            )
            for table, by in zip(tables, moved, strict=True)
        )

    [drift] = drifts(of(0.0), of(6.0))
    assert (drift.name, drift.has_moved) == (shown, True)


def test_tables_whose_names_only_resemble_those_of_a_split_keep_their_names() -> None:
    columns = {"age": profile(value / 100 for value in range(1_000))}
    data = [DataFingerprint(path=path, sha256="", size=1, profiles=columns) for path in ("trainer.csv", "contest.csv")]
    assert {drift.name for drift in drifts(data, data)} == {"trainer.csv: age", "contest.csv: age"}
