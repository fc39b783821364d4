"""The gate's settings -> parsed rules, and the direction of each metric."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.gate import criteria, rule
from cmlkit.settings.schema import GateSpec


def test_the_settings_are_parsed() -> None:
    found = criteria.parse(GateSpec(rules=("f1 >= 0.5", "n == 3"), primary_metric="f1"))
    assert [each.text for each in found.rules] == ["f1 >= 0.5", "n == 3"]
    assert found.rules[0].metric == rule.parse("f1 >= 0.5").metric
    assert found.primary_metric == "f1"


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("Churn Rate", False),  # said
        ("F1", False),  # said, against the rule and the name
        ("wobble", True),  # the first of two rules
        ("loss", True),  # a rule, against the name
        ("drift", None),  # `==` says nothing
        ("mae", False),  # the name
        ("unknown", None),
    ],
)
def test_a_direction_is_the_one_said_else_the_first_rules_else_the_names(metric: str, higher: bool | None) -> None:
    rules = ("f1 > 0.5", "Wobble >= 1", "wobble < 9", "loss > 0", "drift == 1")
    found = criteria.parse(GateSpec(rules=rules, directions={"churn-rate": "lower", "f1": "lower", "other": "higher"}))
    assert found.higher_is_better(metric) is higher
    assert found.higher_is_better("Other") is True


def test_a_malformed_rule_is_an_error() -> None:
    with pytest.raises(SettingsError, match="accuracy => 1"):
        criteria.parse(GateSpec(rules=("f1 > 0", "accuracy => 1")))
