"""Names of metrics, as libraries document them -> the better direction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import get_scorer, get_scorer_names

from cmlkit.gate.direction import higher_is_better
from cmlkit.gate.metric_names import HIGHER, LOWER, NEITHER

CASES: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("directions.json").read_text(encoding="utf-8")
)
MEANT = {"higher": True, "lower": False, "neither": None}


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        pytest.param(name, MEANT[direction], id=f"{source}: {name}")
        for source, directions in CASES.items()
        for direction, names in directions.items()
        for name in names
    ],
)
def test_the_direction_is_told_by_whole_words(name: str, direction: bool | None) -> None:
    assert higher_is_better(name) is direction


@pytest.mark.parametrize("name", get_scorer_names())
def test_a_scorer_of_scikit_learn_returns_more_for_the_better_and_its_function_as_its_sign_says(name: str) -> None:
    scorer: Any = get_scorer(name)
    if name != "max_error":  # as neg_max_error was called before scikit-learn 1.6
        assert higher_is_better(name) is True
    assert higher_is_better(scorer._score_func.__name__) is (scorer._sign > 0)


def test_a_name_of_the_tables_has_one_direction() -> None:
    assert HIGHER.isdisjoint(LOWER | NEITHER)
    assert LOWER.isdisjoint(NEITHER)


@pytest.mark.parametrize("name", ["", "@", "_" * 9, "a" * 10_000, "neg", "negative", "%", "²", "准确率"])
def test_a_name_without_a_known_word_tells_nothing(name: str) -> None:
    assert higher_is_better(name) is None
