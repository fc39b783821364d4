"""Significance: intervals that cover, and verdicts that know how little few samples show."""

from __future__ import annotations

import random

import pytest

from cmlkit.errors import SettingsError
from cmlkit.gate.significance import Interval, paired_interval


def right_or_wrong(share: float, count: int, seed: int) -> list[float]:
    source = random.Random(seed)
    return [float(source.random() < share) for _ in range(count)]


def test_a_clear_improvement_is_shown() -> None:
    champion = [0.0] * 40 + [1.0] * 210
    challenger = [0.0] * 10 + [1.0] * 240
    interval = paired_interval(champion, challenger)
    assert interval.shows_difference
    assert interval.low < 30 / 250 < interval.high


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
        interval = paired_interval(champion, challenger, resamples=500)
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


@pytest.mark.parametrize(("champion", "challenger"), [([], []), ([1.0], [1.0, 0.0])])
def test_scores_that_do_not_pair_are_an_error(champion: list[float], challenger: list[float]) -> None:
    with pytest.raises(SettingsError, match="both need the same number"):
        paired_interval(champion, challenger)


def test_an_interval_reads_as_its_ends() -> None:
    assert str(Interval(low=0.004, high=0.0214, samples=250)) == "[0.004, 0.0214]"
