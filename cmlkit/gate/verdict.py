"""The gate: the challenger's metrics, compared with the rules and with the champion's metrics."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.formats import number, numbers_apart, plural, signed
from cmlkit.gate import criteria, metrics
from cmlkit.gate.criteria import Criteria
from cmlkit.gate.decider import candidates
from cmlkit.gate.difference import PERCENT, Difference, Measured, differences
from cmlkit.gate.rule import Rule
from cmlkit.gate.significance import Interval
from cmlkit.records.metric_values import checked_metrics
from cmlkit.settings.schema import GateSpec

Outcome = Literal["first", "better", "same", "worse", "unjudged", "rejected"]

NAME_LENGTH = 60
_MARKUP = re.compile(r"[&<>|\\`*_\[\]~$#]")
SAY = "say which metric decides (primary-metric)"


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """The result of one rule.

    Attributes:
        text: The rule as written.
        metric: The metric's name as the challenger writes it.
        passed: None if the rule needs a champion's value and it is missing.
        value: The challenger's value; None if it is missing.
        threshold: The value that `value` was compared with; None if the two were not compared.
        margin: Distance to the threshold in the metric's unit, positive if the rule holds; never positive for `==`.
        reason: Why a rule failed without a comparison, such as a metric that training did not report; else empty.
        comparison: Value and threshold as they are: `0.948 ≥ 0.382`; empty if they were not compared.
        expression: How the threshold came about: `champion 0.432 − 0.05`; empty for a plain number.
    """

    text: str
    metric: str
    passed: bool | None
    value: float | None
    threshold: float | None = None
    margin: float | None = None
    reason: str = ""
    comparison: str = ""
    expression: str = ""

    @property
    def sentence(self) -> str:
        """The comparison with the origin of the threshold, or why there is none."""
        if self.comparison:
            return f"{self.comparison} ({self.expression})" if self.expression else self.comparison
        return self.reason or "waits for a champion with this metric"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gate's decision on a challenger.

    Attributes:
        outcome: `rejected` if a rule failed, else how the challenger's primary metric compares with the champion's;
            `first` if the champion has no metric to compare with, and `unjudged` if nobody said which metric decides
            and the names do not tell.
        headline: One or two plain sentences, without markup.
        primary: The metric that the headline is about; empty if it is about none.
        deltas: Every metric of either model, with the direction from the settings, its rule or its name.
        intervals: Metric -> interval of its true difference, if known.
    """

    outcome: Outcome
    headline: str
    primary: str = ""
    rules: tuple[RuleResult, ...] = ()
    deltas: tuple[Difference, ...] = ()
    intervals: Mapping[str, Interval] = dataclasses.field(default_factory=dict)

    def _repr_markdown_(self) -> str:
        """Return what a notebook shows: the headline, the metrics of both models, and the rules."""
        rows = [
            f"| {_as_it_is(item.name)} | {_value(item.champion)} | {_value(item.challenger)} |"
            f" {'' if item.delta is None else signed(item.delta)} |"
            for item in self.deltas
        ]
        table = ["| Metric | Champion | Challenger | Change |", "| :-- | --: | --: | --: |", *rows] if rows else []
        states = {True: "holds", False: "does not hold", None: "waits for a champion"}
        rules = [f"- {_as_it_is(_compared(result))}: {states[result.passed]}" for result in self.rules]
        parts = (f"**{_as_it_is(self.headline)}**", "\n".join(table), "\n".join(rules))
        return "\n\n".join(filter(None, parts))

    @property
    def accepted(self) -> bool:
        return self.outcome != "rejected"

    @property
    def brief(self) -> str:
        """The headline in a few words, as for a title: `accuracy 0.948 (+0.024)`; empty if it is about no metric."""
        delta = next((delta for delta in self.deltas if delta.name == self.primary), None)
        if self.outcome == "rejected":
            return self._brief_rejection()
        if delta is None or delta.challenger is None:
            return ""
        return f"{_shown(delta.name)} {delta.texts[1]} ({self._aside(delta)})"

    def _aside(self, delta: Difference) -> str:
        """Return the change of the primary metric in a title, or why it has none."""
        if self.outcome == "first":
            return "first model"
        if self.outcome == "unjudged" or delta.delta is None:
            return "not judged"
        change = signed(delta.delta) if delta.delta else "unchanged"
        word = {"worse": ", worse", "same": ", no clear difference" if delta.delta else ""}.get(self.outcome, "")
        return f"{change}{word}"

    def _brief_rejection(self) -> str:
        failed = next((result for result in self.rules if result.passed is False), None)
        if failed is None:
            return ""
        why = f"{_shown(failed.metric)} {failed.comparison}" if failed.comparison else f"{_shown(failed.text)} not met"
        return f"rejected, {why}"

    @property
    def may_merge(self) -> bool:
        """Whether the challenger may be merged without a person: it is judged, or a rule vouches for it."""
        return self.accepted and (self.outcome != "unjudged" or any(result.passed for result in self.rules))


def _as_it_is(text: str) -> str:
    """Return text that a notebook shows as it is."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def _value(value: float | None) -> str:
    return "" if value is None else number(value)


def judge(
    gate: GateSpec,
    *,
    challenger: Measured,
    champion: Measured | None = None,
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """Check the challenger's metrics against the rules, and compare them with the champion's.

    Args:
        champion: Metrics of the model on the base branch; None if there is no such model. A rule that needs a metric
            which the champion lacks does not apply.
        intervals: Metric -> interval of its difference, if both models were scored on the same samples. An interval
            that includes zero makes the models equally good.

    Raises:
        SettingsError: A rule is malformed, or divides by zero.
    """
    wanted = criteria.parse(gate)
    results = tuple(_result(item, challenger, champion or Measured()) for item in wanted.rules)
    deltas = differences(champion, challenger, wanted.higher_is_better)
    known = {metrics.key(name): interval for name, interval in (intervals or {}).items()}
    shown = {delta.name: known[metrics.key(delta.name)] for delta in deltas if metrics.key(delta.name) in known}
    deciders = _deciders(wanted, results, deltas, shown)
    outcome = _outcome(results, deltas, deciders, shown)
    headline = _Headline(
        outcome=outcome, results=results, deciders=deciders, deltas=deltas, intervals=shown, wanted=wanted
    )
    return Verdict(
        outcome=outcome,
        headline=headline.sentence(),
        primary=headline.primary(),
        rules=results,
        deltas=deltas,
        intervals=shown,
    )


def _compared(result: RuleResult) -> str:
    """Return the comparison that a rule made, with its metric; the rule as written if it made none."""
    if result.comparison:
        return f"{result.metric} {result.sentence}"
    return f"{result.text} ({result.reason})" if result.reason else result.text


def compare(
    champion: Mapping[str, float] | None,
    challenger: Mapping[str, float],
    rules: Sequence[str] = (),
    *,
    directions: Mapping[str, str] | None = None,
    primary_metric: str = "",
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """Return whether the challenger is better than the champion, and whether it meets the rules.

    >>> verdict = cmlkit.compare({"accuracy": 0.96}, {"accuracy": 0.972}, ["accuracy >= champion - 0.01"])
    >>> print(verdict.headline)
    Better than the champion: accuracy 0.972 against 0.96 (+0.012).

    Args:
        champion: Metric -> value of the current model; None if there is no such model.
        rules: Rules such as `accuracy >= champion - 0.01`.
        directions: Metric -> `higher` or `lower`, for metrics whose names do not tell which is better.
        primary_metric: The metric that decides between better and worse; if empty, the first rule's, else the
            validation or test metrics, if they agree.
        intervals: Metric -> interval of its difference, from `cmlkit.paired_interval`.

    Raises:
        MetricsError: A metric is NaN, infinite or no number; NumPy's numbers are taken.
        SettingsError: A rule is malformed, or divides by zero.
    """
    after = checked_metrics(challenger, of="The challenger")
    before = None if champion is None else Measured(values=checked_metrics(champion, of="The champion"))
    gate = GateSpec.of_rules(rules, directions=dict(directions or {}), primary_metric=primary_metric)
    return judge(gate, challenger=Measured(values=after), champion=before, intervals=intervals)


def _result(item: Rule, challenger: Measured, champion: Measured) -> RuleResult:
    names = {metrics.key(name): name for name in challenger.values}
    name = names.get(metrics.key(item.metric), item.metric)
    value = challenger.values.get(name)
    before = {metrics.key(other): each for other, each in champion.values.items()}.get(metrics.key(name))
    reason = _missing(item, challenger) if value is None else _other_unit(item, name, challenger, champion, before)
    if value is None or reason:
        return RuleResult(text=item.text, metric=name, passed=False, value=value, reason=reason)
    if item.needs_champion and before is None:
        return RuleResult(text=item.text, metric=name, passed=None, value=value)
    passed, threshold, margin = item.holds(value, before), item.threshold(before), item.margin(value, before)
    unit = PERCENT if challenger.is_percentage(name) else ""
    # Binary arithmetic may leave a difference that is none.
    texts = numbers_apart(value, threshold) if margin else (number(threshold), number(threshold))
    return RuleResult(
        text=item.text,
        metric=name,
        passed=passed,
        value=value,
        threshold=threshold,
        margin=margin,
        comparison=f"{texts[0]}{unit} {item.relation(passed=passed)} {texts[1]}{unit}",
        expression=item.expression(before),
    )


def _missing(item: Rule, challenger: Measured) -> str:
    """Return why the metric of a rule has no value."""
    key = metrics.key(item.metric)
    why = {metrics.key(name): reason for name, reason in challenger.left_out.items()}.get(key)
    if why:
        return f"{_shown(item.metric)} is left out: {why}"
    names = {metrics.key(name): name for name in challenger.values}
    near = difflib.get_close_matches(key, names)
    known = ", ".join(_shown(name) for name in list(names.values())[:10]) or "none"
    hint = f"did you mean {_shown(names[near[0]])!r}?" if near else f"its metrics: {known}"
    return f"training did not report {_shown(item.metric)} ({hint})"


def _other_unit(item: Rule, name: str, challenger: Measured, champion: Measured, before: float | None) -> str:
    """Return why a percentage and a plain number are not compared; empty if the rule and the values agree."""
    is_percentage = challenger.is_percentage(name)
    if item.needs_champion:
        if before is not None and champion.is_percentage(name) != is_percentage:
            return f"{_shown(name)} is {_kind(is_percentage)}, and the champion's is {_kind(not is_percentage)}"
        return ""
    if item.is_percentage != is_percentage:
        other = "without %" if is_percentage else "with %"
        return f"{_shown(name)} is {_kind(is_percentage)}, and the rule has a number {other}"
    return ""


def _kind(is_percentage: bool) -> str:
    return "a percentage" if is_percentage else "no percentage"


def _deciders(
    wanted: Criteria, results: Sequence[RuleResult], deltas: Sequence[Difference], intervals: Mapping[str, Interval]
) -> tuple[Difference, ...]:
    """Return the metrics that decide: the one in the settings, else the first rule's, else the candidates.

    The champion may lack them. One that is named without a known direction decides nothing, and so is returned alone.
    Candidates with an interval come before those without one, which may differ by chance.
    """
    if wanted.primary_metric:
        return tuple(delta for delta in deltas if metrics.key(delta.name) == metrics.key(wanted.primary_metric))
    for result in results[:1]:
        for delta in deltas:
            if delta.name == result.metric and delta.delta is not None and delta.higher_is_better is not None:
                return (delta,)
    found = candidates(deltas)
    return tuple(delta for delta in found if delta.name in intervals) or found


def _improved(delta: Difference, intervals: Mapping[str, Interval]) -> bool | None:
    """Return True for better, False for worse, and None for neither: equal, unknown, or within chance."""
    interval = intervals.get(delta.name)
    return None if interval is not None and not interval.shows_difference else delta.improved


def _outcome(
    results: Sequence[RuleResult],
    deltas: Sequence[Difference],
    deciders: Sequence[Difference],
    intervals: Mapping[str, Interval],
) -> Outcome:
    if any(result.passed is False for result in results):
        return "rejected"
    if not any(_is_common(delta) for delta in deltas):
        return "first"
    compared = [_improved(delta, intervals) for delta in deciders if _is_compared(delta, intervals)]
    if not compared or {True, False} <= set(compared):
        return "unjudged"
    return "better" if True in compared else "worse" if False in compared else "same"


def _is_common(delta: Difference) -> bool:
    return delta.champion is not None and delta.challenger is not None


def _is_compared(delta: Difference, intervals: Mapping[str, Interval]) -> bool:
    """Return whether a metric tells better from worse: both models have it, with a direction and enough samples."""
    interval = intervals.get(delta.name)
    if delta.delta is None or (interval is not None and not interval.is_known):
        return False
    return delta.delta == 0 or delta.higher_is_better is not None


@dataclass(frozen=True, kw_only=True)
class _Headline:
    """The verdict in one sentence."""

    outcome: Outcome
    results: tuple[RuleResult, ...]
    deciders: tuple[Difference, ...]
    deltas: tuple[Difference, ...]
    intervals: Mapping[str, Interval]
    wanted: Criteria

    def sentence(self) -> str:
        if self.outcome == "rejected":
            return self._rejected()
        if self.outcome == "first":
            return self._first()
        if self.outcome == "unjudged":
            return f"Not judged: {self._unjudged()}.{self._passed()}"
        return self._compared()

    def primary(self) -> str:
        """Return the metric that the sentence is about; empty if it is about none."""
        if self.outcome == "rejected":
            return next(result.metric for result in self.results if result.passed is False)
        if self.outcome == "first":
            found = self._first_delta()
        elif self.outcome == "unjudged":
            found = next(iter(self.deciders), None)
        else:
            found = self._decisive()
        return found.name if found else ""

    def _rejected(self) -> str:
        failed = [result for result in self.results if result.passed is False]
        more = f"; {len(failed)} of {plural(len(self.results), 'rule')} failed" if len(failed) > 1 else ""
        if any(result.passed is None for result in self.results):
            more += "; rules that need a champion did not apply"
        first = failed[0]
        if first.value is None or first.threshold is None:
            return f"Rejected: {_shown(first.text)} is not met: {first.reason}{more}."
        missed = f" by {number(abs(first.margin))}" if first.margin else ""
        value, _ = numbers_apart(first.value, first.threshold)
        return f"Rejected: {_shown(first.metric)} {value} misses {_shown(first.text)}{missed}{more}."

    def _first(self) -> str:
        """Return the headline without a champion: it counts the rules that could not be applied."""
        has_champion = any(delta.champion is not None for delta in self.deltas)
        what = "No metric of the champion to compare with" if has_champion else "First model"
        found = self._first_delta()
        value = f": {_shown(found.name)} {found.texts[1]}" if found else ""
        return f"{what}{value}.{self._passed()}"

    def _first_delta(self) -> Difference | None:
        """Return the metric that would decide; None if it is unknown."""
        ruled = [delta for result in self.results for delta in self.deltas if delta.name == result.metric]
        named = self.deciders if self.wanted.primary_metric else (*ruled, *self.deciders)
        return next((delta for delta in named if delta.challenger is not None), None)

    def _passed(self) -> str:
        """Return the sentence about the rules, none of which failed, with a blank before; empty without rules."""
        passed = sum(result.passed is True for result in self.results)
        waiting = len(self.results) - passed
        waits = f"{waiting if passed else plural(waiting, 'rule')} wait{'s' * (waiting == 1)} for a champion"
        parts = [f"{plural(passed, 'rule')} passed"] * bool(passed) + [waits] * bool(waiting)
        return f" {', '.join(parts)}." if parts else ""

    def _unjudged(self) -> str:
        """Return why no metric decides."""
        better = [delta for delta in self.deciders if _improved(delta, self.intervals) is True]
        worse = [delta for delta in self.deciders if _improved(delta, self.intervals) is False]
        if better:  # and so another is worse, or it would be judged
            return f"{_change(better[0])} is better and {_change(worse[0])} worse: {SAY}"
        primary = self.wanted.primary_metric
        if primary and not self.deciders:
            return f"neither model has the primary metric {_shown(primary)}"
        differing = [delta for delta in (self.deciders or self.deltas) if delta.units_differ]
        if differing:
            return f"only one model's {_shown(differing[0].name)} is a percentage"
        if primary and self.deciders[0].higher_is_better is None:
            return f"say whether higher or lower is better for {_shown(primary)} (directions)"
        for delta in self.deciders:
            interval = self.intervals.get(delta.name)
            if delta.delta is not None and interval is not None and not interval.is_known:
                return f"{_change(delta)}, {interval.sentence}"
        if self.deciders:
            return f"only one model has {_shown(self.deciders[0].name)}{'' if primary else f'; {SAY}'}"
        return f"no metric of both models is known to be better if it is higher, or lower: {SAY}"

    def _compared(self) -> str:
        """Return how the challenger does, in the first metric that shows it."""
        primary = self._decisive()
        name, interval = _shown(primary.name), self.intervals.get(primary.name)
        if not primary.delta:
            return f"As good as the champion: {name} stays at {primary.texts[1]}."
        change = _change(primary, f" {interval}" if interval and interval.is_known else "")
        if self.outcome == "same" and interval:
            return f"As good as the champion: {change}, {interval.sentence}."
        within = ", within the gate's rules" if any(result.passed for result in self.results) else ""
        is_better = self.outcome == "better"
        return f"{'Better' if is_better else 'Worse'} than the champion: {change}{'' if is_better else within}."

    def _decisive(self) -> Difference:
        """Return the first metric that shows the outcome."""
        wanted = {"better": True, "worse": False, "same": None}[self.outcome]
        compared = (delta for delta in self.deciders if _is_compared(delta, self.intervals))
        return next(delta for delta in compared if _improved(delta, self.intervals) is wanted)


def _change(delta: Difference, within: str = "") -> str:
    """Return a metric of both models with its change, with enough digits to tell them apart."""
    before, now = delta.texts
    return f"{_shown(delta.name)} {now} against {before} ({signed(delta.delta or 0)}{within})"


def _shown(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
