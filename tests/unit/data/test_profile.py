"""Profiles: a column on one line, without what is rare in it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.data.profile import POINTS, CategoryProfile, NumberProfile, profile, read_profile


def numbers(line: str) -> NumberProfile:
    found = read_profile(line)
    assert isinstance(found, NumberProfile)
    return found


def test_few_distinct_values_are_counted() -> None:
    assert profile([0.0] * 120 + [1.0] * 30) == "150 0=120,1=30"
    assert profile([7] * 100) == "100 7=100"


def test_many_values_are_quantiles_with_the_numbers_of_values_around_them() -> None:
    words = profile([step / 1_000 for step in range(1_000)]).split(" ")[1].split(",")
    assert len(words) == POINTS
    assert words[0] == "0.024975:25"


def test_a_value_that_occurs_often_has_the_numbers_below_and_up_to_it() -> None:
    words = profile([0.0] * 600 + [step / 7 for step in range(1, 401)]).split(" ")[1].split(",")
    assert words[0] == "0:0:600"


def test_values_that_occur_fewer_than_five_times_and_extremes_are_left_out() -> None:
    assert profile([0.0] * 96 + [9.0] * 4) == "100 0=96"
    assert profile(["red"] * 96 + ["Ann Smith"] * 4) == "100 text red=96"
    assert "5000" not in profile([*(step / 100 for step in range(999)), 5_000.0])


@pytest.mark.parametrize("values", [list(range(99)), ["a"] * 99, [f"name {count // 10}" for count in range(500)]])
def test_few_values_and_texts_that_are_no_categories_have_no_profile(values: list[float] | list[str]) -> None:
    assert profile(values) == ""


def test_long_texts_are_no_categories() -> None:
    assert profile(["I was not amused by this product. " * 3] * 200) == ""


def test_a_large_offset_does_not_hide_the_spread() -> None:
    source = random.Random(1)
    found = numbers(profile([1e9 + source.gauss(0, 1e-3) for _ in range(1_000)]))
    assert len(set(found.values)) == POINTS
    assert found.values[-1] - found.values[0] == pytest.approx(0.0039, abs=0.0004)


def test_values_that_rounding_alone_tells_apart_are_one() -> None:
    assert profile([0.1 + 0.2, 0.3] * 50) == "100 0.3=100"


def test_counts_and_quantiles_are_read_as_shares() -> None:
    counted = numbers("1000 0=900,1=100")
    assert counted.share(0, inclusive=True) == counted.share(0.5, inclusive=True) == (0.9, 0.9)
    assert counted.share(1, inclusive=False) == (0.9, 0.9)
    many = numbers("1000 0:100:300,10:500")
    assert (many.share(0, inclusive=False), many.share(0, inclusive=True)) == ((0.1, 0.1), (0.3, 0.3))
    assert many.share(5, inclusive=True) == (0.3, 0.5)
    assert many.share(5, inclusive=True, atom=0.0) == pytest.approx((0.4, 0.4))
    assert many.share(20, inclusive=True) == (0.5, 1.0)


def test_between_rounded_numbers_half_of_each_counts_as_below_it() -> None:
    dice = numbers("600 1:0:100,3:200:300,6:500:600")
    assert dice.share(2, inclusive=False, atom=1 / 6) == pytest.approx((1 / 6, 1 / 6))
    assert dice.share(2, inclusive=True, atom=1 / 6) == pytest.approx((2 / 6, 2 / 6))


def test_values_that_are_left_out_may_lie_anywhere() -> None:
    assert numbers("1000 0=900,1=97").share(0, inclusive=True) == pytest.approx((0.9, 0.903))


def test_quantiles_of_the_first_version_are_read() -> None:
    smooth = numbers(" ".join(map(str, [1000, *range(POINTS)])))
    assert smooth.share(0, inclusive=True) == pytest.approx((0.025, 0.025))
    assert smooth.median == 9.5
    tied = numbers(" ".join(["1000", *["0"] * 19, "1"]))
    assert tied.share(0, inclusive=True) == pytest.approx((0.925, 0.975))
    assert tied.share(1, inclusive=True) == pytest.approx((0.975, 1.0))


@pytest.mark.parametrize("line", ["", "1000", "1000 kind a=1", "many 0=1", "1000 0=x", "1000 text red", "1000 0:x"])
def test_a_line_of_a_later_version_is_left_out(line: str) -> None:
    assert read_profile(line) is None


@given(st.lists(st.text(max_size=30), min_size=1, max_size=15, unique=True))
def test_categories_are_read_as_they_were(names: list[str]) -> None:
    found = read_profile(profile([name for name in names for _ in range(100)]))
    assert found == CategoryProfile(size=100 * len(names), counts=dict.fromkeys(names, 100))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_every_column_of_numbers_is_read_with_shares_that_rise(values: list[float]) -> None:
    found = numbers(profile(values * 100))
    ends = [end for knot in found.knots for end in (knot.below[0], knot.up_to[0])]
    assert ends == sorted(ends)
    assert found.values == sorted(found.values)
    assert min(values) - 1e-6 * abs(min(values)) <= found.median <= max(values) + 1e-6 * abs(max(values))
