"""The gate: the challenger's metrics, compared with the rules and with the champion's metrics."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.errors import SettingsError
from cmlkit.formats import number, plural, signed
from cmlkit.gate import metrics, rule
from cmlkit.gate.metrics import Difference
from cmlkit.gate.rule import Rule
from cmlkit.gate.significance import Interval

Outcome = Literal["first", "better", "same", "worse", "rejected"]

NAME_LENGTH = 60


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """The result of one rule.

    Attributes:
        text: The rule as written.
        metric: The metric's name as the challenger writes it.
        passed: None if the rule needs a champion's value and it is missing.
        threshold: The value that `value` was compared with; None if the rule did not apply.
        margin: Distance to the threshold in the metric's unit, positive if the rule holds; never positive for `==`.
    """

    text: str
    metric: str
    passed: bool | None
    value: float
    threshold: float | None
    margin: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's decision on a challenger.

    Attributes:
        outcome: `rejected` if a rule failed, else how the challenger's primary metric compares with the champion's;
            `first` if there is nothing to compare with. The primary metric is the first rule's, else the first one
            whose direction is known.
        headline: One plain sentence, without markup.
        deltas: Every metric of either model, with the direction from its rule or its name.
        intervals: Metric -> interval of its true difference, if known.
    """

    outcome: Outcome
    headline: str
    rules: tuple[RuleResult, ...] = ()
    deltas: tuple[Difference, ...] = ()
    intervals: Mapping[str, Interval] = dataclasses.field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return self.outcome != "rejected"


def judge(
    rules: Iterable[str],
    *,
    challenger: Mapping[str, float],
    champion: Mapping[str, float] | None = None,
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """Check the challenger's metrics against the rules, and compare them with the champion's.

    Args:
        rules: Rules such as `accuracy >= champion - 0.01`.
        champion: Metrics of the model on the base branch; None if there is no such model. A rule that needs a metric
            which the champion lacks does not apply.
        intervals: Metric -> interval of its difference, if both models were scored on the same samples. An interval
            that includes zero makes the models equally good.

    Raises:
        SettingsError: A rule is malformed, names a metric that the challenger lacks, or divides by zero.
    """
    parsed = rule.parse_all(rules)
    names = {metrics.key(name): name for name in challenger}
    before = {metrics.key(name): value for name, value in (champion or {}).items()}
    results = tuple(_result(item, _known(item, names), challenger, before) for item in parsed)
    deltas = differences(parsed, champion, challenger)
    primary = _primary(results, deltas)
    known = {metrics.key(name): interval for name, interval in (intervals or {}).items()}
    interval = known.get(metrics.key(primary.name)) if primary else None
    outcome = _outcome(results, primary, interval)
    first = _first_value(results, challenger)
    headline = _headline(outcome, primary, results, first=first, interval=interval, has_champion=bool(champion))
    return Verdict(
        outcome=outcome,
        headline=headline,
        rules=results,
        deltas=deltas,
        intervals={delta.name: known[metrics.key(delta.name)] for delta in deltas if metrics.key(delta.name) in known},
    )


def compare(
    champion: Mapping[str, float] | None,
    challenger: Mapping[str, float],
    rules: Sequence[str] = (),
    *,
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """Return whether the challenger is better than the champion, and whether it meets the rules.

    Args:
        champion: Metric -> value of the current model; None if there is no such model.
        rules: Rules such as `accuracy >= champion - 0.01`.
        intervals: Metric -> interval of its difference, from `cmlkit.paired_interval`.

    Raises:
        SettingsError: A rule is malformed, names a metric that the challenger lacks, or divides by zero.
    """
    return judge(rules, challenger=challenger, champion=champion, intervals=intervals)


def _known(item: Rule, names: Mapping[str, str]) -> str:
    """Return the rule's metric under the challenger's name for it."""
    key = metrics.key(item.metric)
    if key in names:
        return names[key]
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    known = ", ".join(_shown(name) for name in list(names.values())[:10]) or "none"
    raise SettingsError(
        f"The gate's rule `{item.text}` names the metric {item.metric!r}, which training did not report.",
        next_step=f"Did you mean {names[near[0]]!r}?" if near else f"Metrics of this training: {known}.",
    )


def _result(item: Rule, name: str, challenger: Mapping[str, float], before: Mapping[str, float]) -> RuleResult:
    value, champion = challenger[name], before.get(metrics.key(name))
    if item.needs_champion and champion is None:
        return RuleResult(text=item.text, metric=name, passed=None, value=value, threshold=None, margin=None)
    return RuleResult(
        text=item.text,
        metric=name,
        passed=item.holds(value, champion),
        value=value,
        threshold=item.threshold(champion),
        margin=item.margin(value, champion),
    )


def differences(
    rules: Sequence[Rule], champion: Mapping[str, float] | None, challenger: Mapping[str, float]
) -> tuple[Difference, ...]:
    """Return every metric of either model, with the direction from its rule, else from its name."""
    wanted: dict[str, bool] = {}
    for item in rules:
        if item.higher_is_better is not None:
            wanted.setdefault(metrics.key(item.metric), item.higher_is_better)
    return tuple(
        dataclasses.replace(delta, higher_is_better=wanted.get(metrics.key(delta.name), delta.higher_is_better))
        for delta in metrics.diff(champion, challenger)
    )


def _primary(results: Sequence[RuleResult], deltas: Sequence[Difference]) -> Difference | None:
    """Return the metric that decides between better, same and worse: both have it, and its direction is known."""
    first = [delta for result in results for delta in deltas if delta.name == result.metric]
    comparable = (
        delta for delta in (*first, *deltas) if delta.delta is not None and delta.higher_is_better is not None
    )
    return next(comparable, None)


def _outcome(results: Sequence[RuleResult], primary: Difference | None, interval: Interval | None) -> Outcome:
    if any(result.passed is False for result in results):
        return "rejected"
    if primary is None:
        return "first"
    if primary.improved is None or (interval is not None and not interval.shows_difference):
        return "same"
    return "better" if primary.improved else "worse"


def _first_value(results: Sequence[RuleResult], challenger: Mapping[str, float]) -> str:
    """Return the metric of the first rule, else the first metric, with its value; empty if there is none."""
    name = results[0].metric if results else next(iter(challenger), "")
    return f"{_shown(name)} {number(challenger[name])}" if name in challenger else ""


def _headline(
    outcome: Outcome,
    primary: Difference | None,
    results: Sequence[RuleResult],
    *,
    first: str,
    interval: Interval | None,
    has_champion: bool,
) -> str:
    if outcome == "rejected":
        return _rejected(results)
    if primary is None or primary.champion is None or primary.challenger is None:
        return _first(results, first, has_champion=has_champion)
    name, value = _shown(primary.name), number(primary.challenger)
    if not primary.delta:
        return f"As good as the champion: {name} stays at {value}."
    within = f" {interval}" if interval else ""
    change = f"{name} {value} against {number(primary.champion)} ({signed(primary.delta)}{within})"
    if outcome == "same" and interval:
        return f"As good as the champion: {change}, {interval.sentence}."
    return f"{'Better' if outcome == 'better' else 'Worse'} than the champion: {change}{_within(outcome, results)}."


def _within(outcome: Outcome, results: Sequence[RuleResult]) -> str:
    return ", within the gate's rules" if outcome == "worse" and any(result.passed for result in results) else ""


def _rejected(results: Sequence[RuleResult]) -> str:
    failed = [result for result in results if result.passed is False]
    first = failed[0]
    missed = f" by {number(abs(first.margin))}" if first.margin else ""
    more = f"; {len(failed)} of {plural(len(results), 'rule')} failed" if len(failed) > 1 else ""
    if any(result.passed is None for result in results):
        more += "; rules that need a champion did not apply"
    return f"Rejected: {_shown(first.metric)} {number(first.value)} misses {_shown(first.text)}{missed}{more}."


def _first(results: Sequence[RuleResult], first: str, *, has_champion: bool) -> str:
    """Return the headline without a champion: only absolute rules apply, and it says so."""
    what = "No metric of the champion to compare with" if has_champion else "The first model, without a champion"
    sentence = f"{what}: {first}" if first else what
    applied = [result for result in results if result.passed is not None]
    if not results:
        return f"{sentence}."
    if len(applied) < len(results):
        return (
            f"{sentence}; only {len(applied)} of {plural(len(results), 'rule')} applied{' and passed' * bool(applied)}."
        )
    return f"{sentence}; {'its rule' if len(results) == 1 else f'all {len(results)} rules'} passed."


def _shown(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
