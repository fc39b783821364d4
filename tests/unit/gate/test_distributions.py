"""Distributions: the same numbers as SciPy's."""

from __future__ import annotations

import math

import pytest
from scipy import special, stats

from cmlkit.gate.distributions import (
    beta_quantile,
    incomplete_beta,
    share_bounds,
    sign_p_value,
    t_p_value,
    t_quantile,
)


@pytest.mark.parametrize("a", [0.5, 1, 3.5, 200, 50_000])
@pytest.mark.parametrize("b", [0.5, 1, 8, 3_000])
@pytest.mark.parametrize("x", [1e-9, 0.1, 0.5, 0.9, 0.9999])
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (3, 8), (8, 3), (20, 0.5), (5_000, 200), (400, 600)])
@pytest.mark.parametrize("share", [0.9, 0.999, 1, 1.0001, 1.02])
def test_it_is_precise_beside_its_mean(a: float, b: float, share: float) -> None:
    x = share * a / (a + b)
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-11)


def test_it_ends_and_is_no_number_if_it_is_asked_of_none() -> None:
    assert math.isnan(incomplete_beta(math.nan, 2, 3))


@pytest.mark.parametrize(("x", "expected"), [(-1, 0), (0, 0), (1, 1), (2, 1)])
def test_beyond_its_ends_it_is_0_or_1(x: float, expected: float) -> None:
    assert incomplete_beta(x, 2, 3) == expected


@pytest.mark.parametrize(("a", "b"), [(7, 4), (0.5, 0.5), (1, 1), (9.5, 0.5), (1, 2_000)])
@pytest.mark.parametrize("share", [1e-12, 0.001, 0.025, 0.5, 0.975])
def test_a_quantile_of_beta_is_scipys(share: float, a: float, b: float) -> None:
    assert beta_quantile(share, a, b) == pytest.approx(stats.beta.ppf(share, a, b), rel=1e-9, abs=0)


def test_the_quantiles_of_all_and_nothing_are_the_ends() -> None:
    assert (beta_quantile(0, 7, 4), beta_quantile(1, 2, 2)) == pytest.approx((0, 1), abs=1e-7)


@pytest.mark.parametrize("degrees", [1, 4, 19, 999, 99_999])
def test_students_t_is_scipys(degrees: int) -> None:
    assert t_quantile(0.95, degrees) == pytest.approx(stats.t.ppf(0.975, degrees))
    assert t_quantile(0.5, degrees) == pytest.approx(stats.t.ppf(0.75, degrees))
    assert t_p_value(-2.5, degrees) == pytest.approx(2 * stats.t.sf(2.5, degrees))
    assert t_p_value(30, degrees) == pytest.approx(2 * stats.t.sf(30, degrees), rel=1e-7, abs=0)
    assert t_p_value(0, degrees) == 1


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (4, 0), (0, 6), (7, 7), (120, 80), (5_200, 4_900)])
def test_wins_and_losses_have_the_p_value_of_a_fair_coin(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1
    assert sign_p_value(wins, losses) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("wins", "losses"), [(4, 0), (0, 6), (7, 7), (120, 80)])
def test_the_share_of_wins_has_clopper_and_pearsons_bounds(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).proportion_ci(0.95, method="exact")
    assert share_bounds(wins, losses, 0.95) == pytest.approx((expected.low, expected.high))
