"""Metrics of two models -> differences, with their direction and their units."""

from __future__ import annotations

import math

import pytest

from cmlkit.gate.difference import Difference, Measured, are_equal, differences


def difference(champion: float | None, challenger: float | None, higher: bool | None = True) -> Difference:
    return Difference(name="m", champion=champion, challenger=challenger, higher_is_better=higher)


def test_each_metric_of_either_model_appears_once_as_the_challenger_writes_it() -> None:
    champion = Measured(values={"loss": 0.4, "test_f1": 90.0, "old": 1.0}, percentages=frozenset({"test-f1", "old"}))
    challenger = Measured(values={"Test F1": 0.8, "new": 5.0, "Loss": 0.3}, percentages=frozenset({"New", "loss"}))
    directions = {"Test F1": True, "Loss": False, "old": True}
    assert differences(champion, challenger, directions.get) == (
        Difference(
            name="Test F1", champion=90.0, challenger=0.8, higher_is_better=True, champion_is_percentage=True
        ),
        Difference(
            name="new", champion=None, challenger=5.0, higher_is_better=None, challenger_is_percentage=True
        ),
        Difference(
            name="Loss", champion=0.4, challenger=0.3, higher_is_better=False, challenger_is_percentage=True
        ),
        Difference(name="old", champion=1.0, challenger=None, higher_is_better=True, champion_is_percentage=True),
    )  # fmt: skip


def test_without_a_champion_each_difference_has_the_challengers_value_only() -> None:
    [found] = differences(None, Measured(values={"f1": 0.5}), lambda _: None)
    assert found == Difference(name="f1", champion=None, challenger=0.5, higher_is_better=None)


def test_a_metric_is_a_percentage_however_its_name_is_written() -> None:
    measured = Measured(percentages=frozenset({"Test Accuracy"}))
    assert measured.is_percentage("test_accuracy")
    assert not measured.is_percentage("accuracy")


@pytest.mark.parametrize(
    ("values", "equal"),
    [
        ((0.0, 0.0), True),
        ((5.0,), True),
        ((1 - 0.07, 0.93), True),
        ((1.0, 1 + 0.9e-9), True),
        ((1.0, 1 + 1.1e-9), False),
        ((-1.0, -1 - 0.9e-9), True),
        ((-1e6, -1e6 - 0.0011), False),
        ((-1e6, 1e6), False),
        ((0.0, 1e-300), False),
        ((3.0, 3.0, 4.0), False),
    ],
)
def test_values_are_equal_within_1e_9_of_the_largest(values: tuple[float, ...], equal: bool) -> None:
    assert are_equal(*values) is equal


@pytest.mark.parametrize(
    ("champion", "challenger", "higher", "delta", "improved"),
    [
        (0.5, 0.75, True, 0.25, True),
        (0.5, 0.75, False, 0.25, False),
        (0.75, 0.5, True, -0.25, False),
        (0.75, 0.5, False, -0.25, True),
        (0.75, 0.5, None, -0.25, None),
        (0.93, 1 - 0.07, True, 0.0, None),
        (None, 0.5, True, None, None),
        (0.5, None, True, None, None),
        (None, None, True, None, None),
        (0.0, 1e-12, True, 1e-12, True),
    ],
)
def test_a_difference_is_an_improvement_in_its_direction(
    champion: float | None, challenger: float | None, higher: bool | None, delta: float | None, improved: bool | None
) -> None:
    found = difference(champion, challenger, higher)
    assert (found.delta, found.improved, found.units_differ) == (delta, improved, False)


@pytest.mark.parametrize(
    ("champion", "challenger", "percentages", "texts", "differ"),
    [
        (0.5, 0.25, (False, False), ("0.5", "0.25"), False),
        (50.0, 25.0, (True, True), ("50 %", "25 %"), False),
        (50.0, 0.5, (True, False), ("50 %", "0.5"), True),
        (0.5, 50.0, (False, True), ("0.5", "50 %"), True),
        (50.0, None, (True, False), ("50 %", None), False),
        (None, 50.0, (False, True), (None, "50 %"), False),
        (None, 0.5, (True, False), (None, "0.5"), False),
        (None, None, (False, False), (None, None), False),
        (0.999981, 0.999987, (False, False), ("0.99998", "0.99999"), False),
        (0.1 + 0.2, 0.3, (False, False), ("0.3", "0.3"), False),
    ],
)
def test_values_are_shown_apart_and_with_their_units(
    champion: float | None,
    challenger: float | None,
    percentages: tuple[bool, bool],
    texts: tuple[str | None, str | None],
    differ: bool,
) -> None:
    found = Difference(
        name="m",
        champion=champion,
        challenger=challenger,
        higher_is_better=None,
        champion_is_percentage=percentages[0],
        challenger_is_percentage=percentages[1],
    )
    assert (found.texts, found.units_differ) == (texts, differ)
    assert (found.delta is None) == (differ or None in texts)


def test_the_difference_of_the_largest_numbers_is_not_taken_for_none() -> None:
    assert difference(-1e308, 1.7e308).delta == math.inf
