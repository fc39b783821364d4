"""Significance: intervals that cover, and verdicts that know how little few samples show."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from cmlkit.errors import SettingsError
from cmlkit.gate.significance import Interval, paired_interval


def changed(wins: int, losses: int, samples: int) -> Interval:
    """The interval of models that differ on `wins` and `losses` samples, and are both right on the others."""
    rest = [1.0] * (samples - wins - losses)
    return paired_interval([0.0] * wins + [1.0] * losses + rest, [1.0] * wins + [0.0] * losses + rest)


def mirrored(interval: Interval) -> Interval:
    return dataclasses.replace(interval, low=-interval.high, high=-interval.low)


def right_or_wrong(share: float, count: int, seed: int) -> list[float]:
    source = random.Random(seed)
    return [float(source.random() < share) for _ in range(count)]


def test_a_clear_improvement_is_shown() -> None:
    champion = [0.0] * 40 + [1.0] * 210
    challenger = [0.0] * 10 + [1.0] * 240
    interval = paired_interval(champion, challenger)
    assert interval.shows_difference
    assert interval.low < 30 / 250 < interval.high


def test_the_level_is_95_percent_unless_it_is_said() -> None:
    champion, challenger = right_or_wrong(0.8, 300, seed=1), right_or_wrong(0.85, 300, seed=2)
    interval = paired_interval(champion, challenger)
    assert interval == paired_interval(champion, challenger, level=0.95)
    assert interval.level == 0.95
    narrower = paired_interval(champion, challenger, level=0.90)
    assert narrower.high - narrower.low < interval.high - interval.low


def test_a_difference_of_one_sample_is_not() -> None:
    interval = paired_interval([0.0] * 20 + [1.0] * 230, [0.0] * 19 + [1.0] * 231)
    assert not interval.shows_difference
    assert interval.sentence == "no difference that 250 samples could show"


def test_a_clear_decline_is_shown() -> None:
    interval = paired_interval([1.0] * 100, [0.0] * 20 + [1.0] * 80)
    assert interval.high < 0
    assert interval.shows_difference


def test_pairing_takes_out_what_both_models_find_hard() -> None:
    champion = right_or_wrong(0.5, 400, seed=1)
    challenger = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, *champion[12:]]
    shuffled = random.Random(2).sample(challenger, len(challenger))
    paired, unpaired = paired_interval(champion, challenger), paired_interval(champion, shuffled)
    assert paired.high - paired.low < (unpaired.high - unpaired.low) / 2


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        champion = right_or_wrong(0.80, 300, seed=seed)
        challenger = right_or_wrong(0.85, 300, seed=seed + 1000)
        interval = paired_interval(champion, challenger)
        covered += interval.low <= 0.05 <= interval.high
    assert 0.90 <= covered / 200 <= 0.99


def test_the_same_scores_give_the_same_interval() -> None:
    champion, challenger = right_or_wrong(0.8, 100, seed=1), right_or_wrong(0.9, 100, seed=2)
    assert paired_interval(champion, challenger) == paired_interval(champion, challenger)


def test_errors_of_a_regression_are_scores_too() -> None:
    source = random.Random(3)
    champion = [-abs(source.gauss(0, 1.0)) for _ in range(5_000)]
    challenger = [-abs(source.gauss(0, 0.8)) for _ in range(5_000)]
    interval = paired_interval(champion, challenger)
    assert interval.low > 0
    assert interval.low < 0.2 * 0.798 < interval.high


@pytest.mark.parametrize(("wins", "losses"), [(4, 0), (0, 5), (6, 0), (9, 1), (8, 2), (30, 12), (31, 31), (0, 0)])
@pytest.mark.parametrize("samples", [62, 400])
def test_right_and_wrong_are_judged_by_mcnemars_exact_test(wins: int, losses: int, samples: int) -> None:
    interval = changed(wins, losses, samples)
    p_value = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1
    assert interval.p_value == pytest.approx(p_value)
    assert interval.shows_difference == (p_value <= 0.05)
    assert interval.low <= (wins - losses) / samples <= interval.high


def test_the_interval_of_right_and_wrong_is_bonett_and_prices_or_the_exact_one_if_that_reaches_further() -> None:
    # The example of statpsych's ci.prop.ps, by D. G. Bonett: 26 and 4 changes among 48 pairs, 0.2548067 to 0.6251933.
    exact = stats.binomtest(26, 30).proportion_ci(0.95, method="exact").low
    for interval in (changed(26, 4, 48), mirrored(changed(4, 26, 48))):
        assert interval.high == pytest.approx(0.6251933, abs=1e-7)
        assert interval.low == pytest.approx(30 / 48 * (2 * exact - 1))
    unchanged, margin = changed(0, 0, 48), 1.959964 * math.sqrt(2) / 50
    assert (unchanged.low, unchanged.high) == pytest.approx((-margin, margin), abs=1e-7)


def test_no_interval_of_right_and_wrong_reaches_beyond_1() -> None:
    assert (changed(5, 0, 5).high, changed(0, 5, 5).low) == (1, -1)


def test_four_wins_without_a_loss_could_be_chance() -> None:
    interval = changed(4, 0, 20)
    assert interval.p_value == pytest.approx(0.125)
    assert not interval.shows_difference


def test_scores_that_change_by_one_amount_only_are_wins_and_losses_too() -> None:
    percent = paired_interval([0.0] * 4 + [100.0] * 16, [100.0] * 20)
    assert percent.p_value == pytest.approx(0.125)
    assert (percent.low, percent.high) == pytest.approx((100 * changed(4, 0, 20).low, 100 * changed(4, 0, 20).high))
    by_a_tenth = paired_interval([0.1, 0.2, 0.3, 0.4, 0.7], [0.2, 0.3, 0.4, 0.5, 0.8])
    assert by_a_tenth.p_value == pytest.approx(1 / 16)


def test_differences_by_rounding_are_none() -> None:
    interval = paired_interval([0.1 + 0.2, 0.7, 0.1, 0.4, 0.9], [0.3, 0.7, 0.1, 0.4, 0.9])
    assert (interval.low, interval.high, interval.p_value) == (0, 0, 1)
    least = paired_interval([0.0, 0.0, 0.0, 0.0, 1.0], [1e-9, 1e-9, 1e-9, 1e-9, 1.0])
    assert least.p_value == 1


def test_models_that_are_right_or_wrong_alike_may_differ_on_further_samples() -> None:
    wrong, right = paired_interval([0.0] * 48, [0.0] * 48), changed(0, 0, 48)
    assert (wrong.low, wrong.high) == (right.low, right.high)
    assert right.high > 0.05
    percent = paired_interval([0.0] * 8 + [100.0] * 40, [0.0] * 8 + [100.0] * 40)
    assert percent.high == pytest.approx(100 * right.high)


def test_amounts_that_differ_by_rounding_only_are_one_amount() -> None:
    interval = paired_interval([0.1, 0.2, 0.3, 0.4, 0.7], [0.1 + 0.2, 0.4, 0.5, 0.6, 0.9])
    assert interval.method == "mcnemar"
    assert interval.high == pytest.approx(0.2 * changed(5, 0, 5).high)
    other = paired_interval([0.0] * 5, [0.2, 0.2, 0.2, 0.2, 0.2 + 1e-6])
    assert other.method == "t"


@pytest.mark.parametrize("size", [5, 20, 1_000])
def test_symmetric_scores_have_the_interval_of_students_t(size: int) -> None:
    half = np.random.default_rng(size).normal(size=size)
    differences = np.concatenate([half, -half]) + 0.1
    interval = paired_interval([0.0] * len(differences), differences.tolist())
    expected = stats.ttest_1samp(differences, 0)
    assert interval.p_value == pytest.approx(expected.pvalue)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_skewed_scores_have_an_interval_that_reaches_as_far_as_a_bootstrap_of_t() -> None:
    differences = np.random.default_rng(4).exponential(size=40)
    interval = paired_interval([0.0] * 40, differences.tolist())
    student = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    drawn = np.random.default_rng(5).choice(differences, (10_000, 40))
    statistics = (drawn.mean(axis=1) - differences.mean()) / drawn.std(axis=1, ddof=1)
    high = differences.mean() - differences.std(ddof=1) * np.quantile(statistics, 0.025)
    assert interval.low == pytest.approx(student.low)
    assert high > 1.05 * student.high
    assert interval.high == pytest.approx(high, rel=0.05)


# Differences that are a little and extremely skewed, as the errors of a regression with a few outliers are.
SKEWED = [
    pytest.param(side * np.random.default_rng(seed).exponential(size=size) ** power, id=f"{size}, {side * power}")
    for seed, (size, power) in enumerate([(5, 1), (12, 1), (40, 3)])
    for side in (1, -1)
]


@pytest.mark.parametrize("differences", SKEWED)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_skewed_scores_have_the_wider_of_students_and_halls_interval(differences: Any, level: float) -> None:
    size, skewness = len(differences), float(stats.skew(differences, bias=False))

    def off(statistic: float, wanted: float) -> float:
        """Hall (1992), equation 2.2 of the cubic transformation, against what it should come to."""
        third = statistic + skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27
        return third + skewness / (6 * size) - wanted

    bound = stats.t.ppf((1 + level) / 2, size - 1) / math.sqrt(size)
    mean, deviation = differences.mean(), differences.std(ddof=1)
    low = mean - deviation * max(bound, optimize.brentq(off, -100, 100, args=(bound,), xtol=1e-13))
    high = mean - deviation * min(-bound, optimize.brentq(off, -100, 100, args=(-bound,), xtol=1e-13))
    interval = paired_interval([0.0] * size, differences.tolist(), level=level)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize("differences", SKEWED)
@pytest.mark.parametrize("t", [-3.5, -0.5, 0, 1, 2.5])
def test_the_interval_at_the_level_that_the_p_value_leaves_ends_at_zero(differences: Any, t: float) -> None:
    scores = (differences - differences.mean() + t * stats.sem(differences)).tolist()
    interval = paired_interval([0.0] * len(scores), scores)
    assert interval.p_value is not None
    if t == 0:
        assert interval.p_value == pytest.approx(1)
        return
    assert interval.p_value < 1
    ending = paired_interval([0.0] * len(scores), scores, level=1 - interval.p_value)
    end = ending.low if t > 0 else ending.high
    assert end == pytest.approx(0, abs=1e-7 * max(map(abs, scores)))


@pytest.mark.parametrize(
    ("challenger", "method"),
    [([0.1, 0.2, 0.1, 0.3, 0.2, 0.5], "t"), ([1.0, 1.0, 0.0, 1.0, 1.0, 1.0], "mcnemar"), ([1.0, 1.0], "none")],
)
def test_an_interval_says_its_method_its_level_and_its_samples(challenger: list[float], method: str) -> None:
    interval = paired_interval([0.0] * len(challenger), challenger, level=0.9)
    assert (interval.method, interval.level, interval.samples) == (method, 0.9, len(challenger))


@pytest.mark.parametrize("scores", [[1.0], [1.0, 0.0, 1.0, 1.0]])
def test_fewer_than_five_samples_are_too_few_to_tell(scores: list[float]) -> None:
    interval = paired_interval([0.0] * len(scores), scores)
    assert (interval.low, interval.high, interval.p_value) == (-math.inf, math.inf, None)
    assert not interval.shows_difference
    assert interval.sentence in ("1 sample is too few to tell", "4 samples are too few to tell")


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_scores_of_any_size_have_an_interval(unit: float) -> None:
    scores = [0.1, 0.3, 0.2, 0.5, 0.25, 0.3]
    interval = paired_interval([0.0] * 6, [score * unit for score in scores])
    assert interval.low / unit == pytest.approx(paired_interval([0.0] * 6, scores).low)


@pytest.mark.parametrize(
    ("champion", "challenger", "said"),
    [
        ([0.0] * 5, [math.nan, 0.0, 0.0, 0.0, 0.0], "not a finite number"),
        ([math.inf] * 5, [0.0] * 5, "not a finite number"),
    ],
)
def test_scores_that_are_no_numbers_are_an_error(
    champion: Sequence[float], challenger: Sequence[float], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        paired_interval(champion, challenger)
    assert caught.value.next_step == "Score each test sample with a number, or leave it out for both."


@pytest.mark.parametrize("level", [-0.5, 0.0, 1.0, 95.0])
def test_a_level_that_is_no_probability_is_an_error(level: float) -> None:
    with pytest.raises(SettingsError, match=f"^The level {level:g} is not between 0 and 1") as caught:
        paired_interval([0.0], [1.0], level=level)
    assert caught.value.next_step == "Write 0.95, for example."


@pytest.mark.parametrize(
    ("champion", "challenger", "said"),
    [
        ([], [], "The champion has 0 scores and the challenger 0 scores"),
        ([1.0], [1.0] * 1_200, "The champion has 1 score and the challenger 1,200 scores"),
        ([1.0] * 9, [1.0] * 8, "The champion has 9 scores and the challenger 8 scores"),
    ],
)
def test_scores_that_do_not_pair_are_an_error(champion: list[float], challenger: list[float], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        paired_interval(champion, challenger)
    assert caught.value.message == f"{said}; both need the same number, and at least one."
    assert caught.value.next_step == "Score both models on the same test samples."


def test_an_interval_reads_as_its_ends() -> None:
    assert str(Interval(low=0.004, high=0.0214, samples=250)) == "[0.004, 0.0214]"
