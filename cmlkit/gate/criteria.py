"""The criteria of the gate: its rules, parsed, and the person's word on directions and on the metric that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmlkit.gate import direction, rule
from cmlkit.gate.metrics import key
from cmlkit.gate.rule import Rule
from cmlkit.settings.schema import GateSpec


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """The criteria for a challenger.

    Attributes:
        directions: Metric, in the form of `metrics.key` -> whether higher is better.
        primary_metric: The metric that decides between better and worse; empty if the rules or the names tell.
    """

    rules: tuple[Rule, ...] = ()
    directions: Mapping[str, bool]
    primary_metric: str = ""

    def higher_is_better(self, metric: str) -> bool | None:
        """Return the direction from the settings, else from the metric's first rule, else from its name."""
        known = self.directions.get(key(metric))
        return direction.higher_is_better(metric) if known is None else known


def parse(gate: GateSpec) -> Criteria:
    """Parse the rules of the gate.

    Raises:
        SettingsError: A rule is malformed.
    """
    rules = rule.parse_all(gate.rules)
    ruled = {key(each.metric): each.higher_is_better for each in reversed(rules) if each.higher_is_better is not None}
    told = {key(name): word == "higher" for name, word in gate.directions.items()}
    return Criteria(rules=rules, directions=ruled | told, primary_metric=gate.primary_metric)
