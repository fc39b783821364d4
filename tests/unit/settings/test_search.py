"""The setting train.search: what to try, and how."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.schema import TrainSpec
from cmlkit.settings.search import Search, search_of


def test_parameters_alone_are_a_grid() -> None:
    assert search_of({}) is None
    assert (
        search_of({"max_depth": [3, 5]})
        == Search(params={"max_depth": [3, 5]})
        == search_of({"params": {"max_depth": [3, 5]}})
    )


def test_all_of_a_search_may_be_said() -> None:
    value = {"kind": "random", "params": {"C": {"loguniform": [0.1, 10]}}, "cv": 3, "iterations": 1, "scoring": "f1"}
    assert search_of(value) == Search(
        kind="random", params={"C": {"loguniform": [0.1, 10]}}, folds=3, candidates=1, scoring="f1"
    )


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        ({"max_depth": 5}, "a list of values for max_depth"),
        ({"params": {}}, "parameters with lists of values"),
        ({"params": {"a": [1]}, "max_depth": [5]}, "and not max_depth"),
        ({"params": {"a": [1]}, "kind": "bayes"}, "a kind of grid, random, halving"),
        ({"params": {"a": [1]}, "cv": 1}, "a whole number from 2 for cv"),
        ({"params": {"a": {"uniform": [1, 2]}}}, "only kind: random draws from a distribution"),
        ({"params": {"a": {"normal": [1, 2]}}, "kind": "random"}, "uniform, loguniform, randint"),
    ],
)
def test_what_is_no_search_is_refused_with_what_it_takes(value: dict[str, object], takes: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainSpec(search=value)
    assert takes in caught.value.message
