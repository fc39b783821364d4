"""The gate: rules that a challenger must meet, judged without running any of their text as code.

rule        METRIC OP EXPRESSION            accuracy >= champion - 0.01
OP          >= > <= < ==
EXPRESSION  numbers, percentages (5%), `champion`, + - * / and parentheses; `champion` is METRIC on the base branch
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit import metrics
from cmlkit.errors import SettingsError
from cmlkit.metrics import Difference

Outcome = Literal["first", "better", "same", "worse", "rejected"]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE = re.compile(r"^(?P<metric>.*?)(?P<op>>=|<=|==|>|<)(?P<expression>.*)$", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/()]))"
)
_NESTING_LIMIT = 50

Expression = Callable[[float | None], float]
"""Champion's value -> threshold; raises KeyError when the champion is needed and there is none."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule as parsed.

    Attributes:
        text: As written.
        metric: The name left of the operator.
        relative: Whether it needs the champion.
    """

    text: str
    metric: str
    operator: str
    expression: Expression
    relative: bool


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """How a challenger did by one rule.

    Attributes:
        passed: None where the rule needs a champion and there is none.
        value: The challenger's value of the metric.
        threshold: What the expression came to; None like `passed`.
        margin: Distance to the threshold, positive on the passing side; None like `passed`.
    """

    text: str
    metric: str
    passed: bool | None
    value: float
    threshold: float | None
    margin: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the gate says.

    Attributes:
        outcome: `rejected` when a rule failed; else how the primary metric (the first rule's, else the first) compares
            with the champion's; `first` without a champion.
        primary: Name of the primary metric.
        headline: The verdict in one plain sentence.
    """

    outcome: Outcome
    primary: str
    rules: tuple[RuleResult, ...]
    deltas: tuple[Difference, ...]
    headline: str

    @property
    def accepted(self) -> bool:
        """Whether no rule failed."""
        return self.outcome != "rejected"


def judge(rules: Sequence[str], *, challenger: Mapping[str, float], champion: Mapping[str, float] | None) -> Verdict:
    """Judge a challenger by the rules, against the champion if there is one.

    Raises:
        SettingsError: A rule is malformed, names a metric that the challenger lacks, or divides by zero.
    """
    if not challenger:
        raise SettingsError("There are no metrics to judge.", next_step="Name the metrics files in train.metrics.")
    parsed = [parse(text) for text in rules]
    results = tuple(_apply(rule, challenger, champion) for rule in parsed)
    deltas = metrics.diff(champion, challenger)
    primary = _named(results[0].metric, challenger) if results else next(iter(challenger))
    delta = next(item for item in deltas if metrics.key(item.name) == metrics.key(primary))
    outcome = _outcome(results, delta, has_champion=champion is not None)
    return Verdict(
        outcome=outcome, primary=primary, rules=results, deltas=deltas, headline=_headline(outcome, results, delta)
    )


def compare(
    champion: Mapping[str, float] | None, challenger: Mapping[str, float], rules: Sequence[str] = ()
) -> Verdict:
    """Compare two sets of metrics, such as `compare({"accuracy": 0.95}, {"accuracy": 0.97}, ["accuracy >= champion"])`.

    Raises:
        SettingsError: As `judge` does.
    """
    return judge(rules, challenger=challenger, champion=champion)


def parse(text: str) -> Rule:
    """The rule that `text` writes.

    Raises:
        SettingsError: It is not METRIC OP EXPRESSION; the message points at the place.
    """
    match = _RULE.match(text.strip())
    if match is None:
        raise _malformed(text, len(text), "an operator: >=, >, <=, < or ==")
    metric = match["metric"].strip()
    if not metric:
        raise _malformed(text, 0, "the name of a metric")
    reader = _Expression(text=text.strip(), position=match.start("expression"))
    expression = reader.whole()
    return Rule(
        text=text.strip(), metric=metric, operator=match["op"], expression=expression, relative=reader.names_champion
    )


def _apply(rule: Rule, challenger: Mapping[str, float], champion: Mapping[str, float] | None) -> RuleResult:
    value = challenger[_named(rule.metric, challenger)]
    before = {metrics.key(name): item for name, item in (champion or {}).items()}.get(metrics.key(rule.metric))
    if rule.relative and before is None:
        return RuleResult(text=rule.text, metric=rule.metric, passed=None, value=value, threshold=None, margin=None)
    try:
        threshold = rule.expression(before)
    except ZeroDivisionError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise SettingsError(f"The gate rule {rule.text!r} divides by zero, or comes to more than a number can hold.")
    distance = value - threshold
    margin = {"<": -distance, "=": -abs(distance), ">": distance}[rule.operator[0]]
    return RuleResult(
        text=rule.text,
        metric=rule.metric,
        passed=_COMPARE[rule.operator](value, threshold),
        value=value,
        threshold=threshold,
        margin=margin,
    )


def _named(metric: str, challenger: Mapping[str, float]) -> str:
    """The challenger's own writing of `metric`."""
    for name in challenger:
        if metrics.key(name) == metrics.key(metric):
            return name
    near = difflib.get_close_matches(metrics.key(metric), [metrics.key(name) for name in challenger], n=1)
    raise SettingsError(
        f"The gate asks for the metric {metric!r}, which training did not write.",
        next_step=f"Did you mean {near[0]!r}?" if near else f"It wrote: {', '.join(challenger)}.",
    )


def _outcome(results: Sequence[RuleResult], delta: Difference, *, has_champion: bool) -> Outcome:
    if any(result.passed is False for result in results):
        return "rejected"
    if not has_champion or delta.champion is None:
        return "first"
    if delta.improved is None:
        return "same"
    return "better" if delta.improved else "worse"


def _headline(outcome: Outcome, results: Sequence[RuleResult], delta: Difference) -> str:
    value = f"{delta.name} {_shown(delta.challenger)}"
    absolute = sum(result.passed is not None for result in results)
    if outcome == "rejected":
        failed = [result.text for result in results if result.passed is False]
        return f"Rejected: {value}; {len(failed)} of {len(results)} rules failed ({'; '.join(failed)})."
    if outcome == "first":
        met = f"the {absolute} absolute rules are met" if absolute > 1 else "the absolute rule is met"
        return f"First model: {value}. There is no champion on the base branch" + (f"; {met}." if absolute else ".")
    if outcome == "same":
        changed = "" if not delta.delta else f" ({delta.delta:+.4g}, in a direction that its name does not tell)"
        return (
            f"No difference: {value}, as the champion has{changed}." if not changed else f"Changed: {value}{changed}."
        )
    return f"{outcome.capitalize()}: {value}, {delta.delta:+.4g} against the champion's {_shown(delta.champion)}."


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _malformed(text: str, position: int, wanted: str) -> SettingsError:
    stripped = text.strip()
    place = min(position, len(stripped))
    return SettingsError(
        f"The gate rule is malformed: expected {wanted}.\n  {stripped}\n  {' ' * place}^",
        next_step="Write rules such as: accuracy >= 0.90, or accuracy >= champion - 0.01.",
    )


class _Expression:
    """A recursive-descent reader: sum of products of signed terms."""

    def __init__(self, *, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self.names_champion = False
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._sum()
        if self.text[self.position :].strip():
            raise self._expected("an operator or the end of the rule")
        return expression

    def _sum(self) -> Expression:
        left = self._product()
        while sign := self._take("+-"):
            left = _combined(operator.add if sign == "+" else operator.sub, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._term()
        while sign := self._take("*/"):
            left = _combined(operator.mul if sign == "*" else operator.truediv, left, self._term())
        return left

    def _term(self) -> Expression:
        negative = False
        while sign := self._take("+-"):
            negative ^= sign == "-"
        value = self._atom()
        return (lambda champion: -value(champion)) if negative else value

    def _atom(self) -> Expression:
        if self._take("("):
            return self._parenthesised()
        match = _TOKEN.match(self.text, self.position)
        if match is None or match["sign"]:
            raise self._expected("a number, champion or a parenthesis")
        if match["name"] and match["name"] != "champion":
            raise self._expected(f"a number or champion instead of {match['name']!r}")
        self.position = match.end()
        if match["name"]:
            self.names_champion = True
            return _champion
        return _constant(match["number"])

    def _parenthesised(self) -> Expression:
        self._depth += 1
        if self._depth > _NESTING_LIMIT:
            raise self._expected(f"at most {_NESTING_LIMIT} parentheses inside each other")
        inner = self._sum()
        if not self._take(")"):
            raise self._expected("a closing parenthesis")
        self._depth -= 1
        return inner

    def _take(self, signs: str) -> str:
        match = _TOKEN.match(self.text, self.position)
        if match is None or not match["sign"] or match["sign"] not in signs:
            return ""
        self.position = match.end()
        return match["sign"]

    def _expected(self, wanted: str) -> SettingsError:
        rest = self.text[self.position :]
        return _malformed(self.text, self.position + len(rest) - len(rest.lstrip()), wanted)


def _champion(value: float | None) -> float:
    if value is None:
        raise KeyError("champion")
    return value


def _constant(text: str) -> Expression:
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not math.isfinite(value):
        raise SettingsError(f"The gate has the number {text}, which is too large.")
    return lambda champion: value


def _combined(operation: Callable[[float, float], float], left: Expression, right: Expression) -> Expression:
    return lambda champion: operation(left(champion), right(champion))
