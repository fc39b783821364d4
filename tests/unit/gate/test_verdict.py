"""The gate: rules, champion and challenger -> verdict."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cmlkit
from cmlkit.errors import MetricsError
from cmlkit.gate.difference import Measured
from cmlkit.gate.significance import Interval
from cmlkit.gate.verdict import RuleResult, compare
from cmlkit.gate.verdict import judge as whole
from cmlkit.settings.schema import GateSpec
from tests.unit.judging import judge

RULES = ("accuracy >= 0.90", "accuracy >= champion - 0.01")


def test_a_better_challenger_is_accepted() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.972}, champion={"accuracy": 0.96})
    assert (verdict.outcome, verdict.accepted) == ("better", True)
    assert verdict.headline == "Better than the champion: accuracy 0.972 against 0.96 (+0.012)."
    assert [(result.passed, result.threshold, result.margin) for result in verdict.rules] == [
        (True, 0.9, 0.072),
        (True, 0.95, 0.022),
    ]


def test_a_slightly_worse_challenger_is_accepted_within_the_rules() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.952}, champion={"accuracy": 0.96})
    assert (verdict.outcome, verdict.accepted) == ("worse", True)
    assert verdict.headline == (
        "Worse than the champion: accuracy 0.952 against 0.96 (−0.008), within the gate's rules."
    )


def test_a_challenger_that_misses_a_rule_is_rejected_even_where_it_is_better() -> None:
    verdict = judge(["accuracy >= 0.90"], challenger={"accuracy": 0.85}, champion={"accuracy": 0.8})
    assert (verdict.outcome, verdict.accepted) == ("rejected", False)
    assert verdict.headline == "Rejected: accuracy 0.85 misses accuracy >= 0.90 by 0.05."


def test_the_headline_counts_further_failures() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.5}, champion={"accuracy": 0.96})
    assert verdict.headline == "Rejected: accuracy 0.5 misses accuracy >= 0.90 by 0.4; 2 of 2 rules failed."


def test_an_equal_challenger_is_the_same() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.96}, champion={"accuracy": 0.96})
    assert (verdict.outcome, verdict.headline) == ("same", "As good as the champion: accuracy stays at 0.96.")


@pytest.mark.parametrize("champion", [None, {}])
def test_without_a_champion_only_absolute_rules_apply_and_the_headline_counts_the_others(
    champion: dict[str, float] | None,
) -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.95}, champion=champion)
    assert verdict.outcome == "first"
    assert verdict.headline == ("First model: accuracy 0.95. 1 rule passed, 1 waits for a champion.")
    assert [result.passed for result in verdict.rules] == [True, None]


def test_without_a_champion_an_absolute_rule_still_rejects() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.85})
    assert verdict.outcome == "rejected"
    assert verdict.headline.endswith("by 0.05; rules that need a champion did not apply.")


def test_a_first_model_without_rules_is_named_with_its_metric() -> None:
    assert judge([], challenger={"accuracy": 0.9, "loss": 0.2}).headline == ("First model: accuracy 0.9.")
    assert judge([], challenger={}).headline == "First model."


def test_a_metric_that_the_champion_lacks_does_not_block_the_challenger() -> None:
    verdict = judge(["f1 >= champion"], challenger={"f1": 0.8, "accuracy": 0.9}, champion={"accuracy": 0.8})
    assert (verdict.outcome, verdict.rules[0].passed) == ("better", None)


def test_a_champion_with_other_metrics_is_nothing_to_compare_with() -> None:
    verdict = judge(["f1 >= 0.5"], challenger={"f1": 0.8}, champion={"accuracy": 0.8})
    assert (verdict.outcome, verdict.headline) == (
        "first",
        "No metric of the champion to compare with: f1 0.8. 1 rule passed.",
    )


def test_metric_names_meet_however_they_are_written() -> None:
    verdict = judge(["test-accuracy >= champion"], challenger={"Test Accuracy": 0.9}, champion={"test_accuracy": 0.8})
    assert (verdict.rules[0].passed, verdict.rules[0].metric) == (True, "Test Accuracy")


def test_a_rule_says_which_direction_is_better_where_the_name_does_not() -> None:
    falls = judge(["wobble <= champion"], challenger={"wobble": 1.0}, champion={"wobble": 2.0})
    assert (falls.outcome, falls.deltas[0].improved) == ("better", True)
    unknown = judge([], challenger={"wobble": 1.0}, champion={"wobble": 2.0})
    assert (unknown.outcome, unknown.deltas[0].improved) == ("unjudged", None)
    assert unknown.headline == (
        "Not judged: no metric of both models is known to be better if it is higher, or lower: say which metric decides"
        " (primary-metric)."
    )


def test_the_first_rule_names_the_metric_that_decides() -> None:
    verdict = judge(["loss <= 1"], challenger={"accuracy": 0.9, "loss": 0.5}, champion={"accuracy": 0.95, "loss": 0.6})
    assert verdict.outcome == "better"


def test_a_rule_on_a_metric_that_training_did_not_report_is_not_met_and_names_the_nearest() -> None:
    verdict = judge(["acuracy >= 0.9"], challenger={"Accuracy": 0.9})
    assert (verdict.outcome, verdict.rules[0].passed, verdict.rules[0].value) == ("rejected", False, None)
    assert verdict.headline == (
        "Rejected: acuracy >= 0.9 is not met: training did not report acuracy (did you mean 'Accuracy'?)."
    )


def test_a_rule_on_a_metric_that_resembles_none_names_the_known() -> None:
    verdict = judge(["bleu >= 0.9"], challenger={"accuracy": 0.9, "loss": 0.1})
    assert verdict.rules[0].reason == "training did not report bleu (its metrics: accuracy, loss)"


def test_a_rule_on_an_unknown_metric_names_ten_metrics_at_most() -> None:
    verdict = judge(["bleu >= 0.9"], challenger=dict.fromkeys(map("m{:02}".format, range(12)), 1.0))
    assert verdict.rules[0].reason.endswith("(its metrics: m00, m01, m02, m03, m04, m05, m06, m07, m08, m09)")
    assert judge(["bleu >= 0.9"], challenger={}).rules[0].reason.endswith("report bleu (its metrics: none)")


def test_a_rule_on_a_metric_that_was_left_out_says_why() -> None:
    measured = Measured(values={"loss": 0.1}, left_out={"Accuracy": "nan is not finite"})
    verdict = whole(GateSpec(rules=("accuracy >= 0.9",)), challenger=measured)
    assert verdict.headline == "Rejected: accuracy >= 0.9 is not met: accuracy is left out: nan is not finite."


def test_a_rule_has_the_values_that_it_compared() -> None:
    champion = {"Accuracy": 0.8, "n": 7.0}
    met, missed, inapplicable, absent, equal = judge(
        ["accuracy >= champion - 0.1", "N < 5", "f1 > champion", "auc > 0.5", "n == 6"],
        challenger={"accuracy": 0.9, "n": 5.0, "f1": 0.7},
        champion=champion,
    ).rules
    assert met == RuleResult(
        text="accuracy >= champion - 0.1", metric="accuracy", passed=True, value=0.9, threshold=0.7, margin=0.2,
        comparison="0.9 ≥ 0.7", expression="champion 0.8 − 0.1",
    )  # fmt: skip
    assert missed == RuleResult(
        text="N < 5", metric="n", passed=False, value=5.0, threshold=5.0, margin=0.0, comparison="5 ≥ 5"
    )
    assert inapplicable == RuleResult(text="f1 > champion", metric="f1", passed=None, value=0.7)
    assert absent == RuleResult(text="auc > 0.5", metric="auc", passed=False, value=None, reason=absent.reason)
    assert equal == RuleResult(
        text="n == 6", metric="n", passed=False, value=5.0, threshold=6.0, margin=-1.0, comparison="5 ≠ 6"
    )


@pytest.mark.parametrize(
    ("rule", "value", "champion", "sentence"),
    [
        ("accuracy >= champion - 0.05", 0.948, 0.432, "0.948 ≥ 0.382 (champion 0.432 − 0.05)"),
        ("accuracy >= champion-0.05", 0.3, 0.432, "0.3 < 0.382 (champion 0.432−0.05)"),
        ("accuracy >= 0.9", 0.948, None, "0.948 ≥ 0.9"),
        ("accuracy > 0.99998", 0.999976, None, "0.999976 ≤ 0.99998"),
        ("accuracy > 0.93", 1 - 0.07, None, "0.93 ≤ 0.93"),
        ("loss < champion * 1.1", 0.2, 0.19, "0.2 < 0.209 (champion 0.19 × 1.1)"),
        ("loss <= (champion + 1) / 2", 0.9, 0.4, "0.9 > 0.7 ((champion 0.4 + 1) ÷ 2)"),
        ("delta >= -0.5", -0.4, None, "−0.4 ≥ −0.5"),
        ("loss <= champion + 1e-3", 0.2, 0.2, "0.2 ≤ 0.201 (champion 0.2 + 1e-3)"),
        ("loss <= 0.5 + 0.1", 0.2, None, "0.2 ≤ 0.6 (0.5 + 0.1)"),
    ],
)
def test_a_rule_is_told_as_the_comparison_that_was_made(
    rule: str, value: float, champion: float | None, sentence: str
) -> None:
    name = rule.split()[0]
    before = None if champion is None else {name: champion}
    assert judge([rule], challenger={name: value}, champion=before).rules[0].sentence == sentence


def test_percentages_are_compared_as_such() -> None:
    measured = Measured(values={"accuracy": 93.0}, percentages=frozenset({"accuracy"}))
    [result] = whole(GateSpec(rules=("accuracy >= 90 %",)), challenger=measured).rules
    assert result.sentence == "93 % ≥ 90 %"


@pytest.mark.parametrize(
    ("rules", "challenger", "champion", "brief"),
    [
        (RULES, {"accuracy": 0.948}, {"accuracy": 0.924}, "accuracy 0.948 (+0.024)"),
        (RULES, {"accuracy": 0.955}, {"accuracy": 0.96}, "accuracy 0.955 (−0.005, worse)"),
        (RULES, {"accuracy": 0.96}, {"accuracy": 0.96}, "accuracy 0.96 (unchanged)"),
        (RULES, {"accuracy": 0.924}, None, "accuracy 0.924 (first model)"),
        (RULES, {"accuracy": 0.85}, None, "rejected, accuracy 0.85 < 0.9"),
        (RULES, {"loss": 0.1}, None, "rejected, accuracy >= 0.90 not met"),
        ([], {"loss": 1, "f1": 1}, {"loss": 2, "f1": 2}, "loss 1 (not judged)"),
        ([], {"wobble": 1}, {"wobble": 2}, ""),
        ([], {}, None, ""),
    ],
)
def test_a_title_has_the_metric_that_decides_and_its_change(
    rules: list[str], challenger: dict[str, float], champion: dict[str, float] | None, brief: str
) -> None:
    assert judge(rules, challenger=challenger, champion=champion).brief == brief


def test_a_title_says_that_a_change_may_be_chance() -> None:
    interval = Interval(low=-0.012, high=0.02, samples=250)
    verdict = judge([], challenger={"accuracy": 0.964}, champion={"accuracy": 0.96}, intervals={"accuracy": interval})
    assert verdict.brief == "accuracy 0.964 (+0.004, no clear difference)"


@pytest.mark.parametrize(
    ("rules", "challenger", "champion", "headline"),
    [
        (
            ["accuracy > 0.95"],
            {"accuracy": 0.95},
            None,
            "Rejected: accuracy 0.95 misses accuracy > 0.95.",
        ),
        (
            ["n == 2", "f1 > 0"],
            {"n": 3, "f1": 1},
            None,
            "Rejected: n 3 misses n == 2 by 1.",
        ),
        (
            ["n == 2", "f1 > champion"],
            {"n": 3, "f1": 1},
            None,
            "Rejected: n 3 misses n == 2 by 1; rules that need a champion did not apply.",
        ),
        (
            ["n == 2", "f1 > 1", "f1 > champion"],
            {"n": 3, "f1": 1},
            None,
            "Rejected: n 3 misses n == 2 by 1; 2 of 3 rules failed; rules that need a champion did not apply.",
        ),
        (
            ["w == 1", "loss < 9"],
            {"w": 1, "loss": 2, "f1": 2},
            {"w": 1, "loss": 2, "f1": 1},
            "Better than the champion: f1 2 against 1 (+1).",
        ),
        (
            ["m > 2", "f1 > 0.1", "n == 2"],
            {"n": 3, "f1": 0.2},
            None,
            "Rejected: m > 2 is not met: training did not report m (its metrics: n, f1); 2 of 3 rules failed.",
        ),
        (
            ["auc > 0.99998"],
            {"auc": 0.999976},
            None,
            "Rejected: auc 0.999976 misses auc > 0.99998 by 4e-6.",
        ),
        (
            ["n == 5", "f1 > 0"],
            {"f1": 1, "n": 5},
            None,
            "First model: n 5. 2 rules passed.",
        ),
        (
            ["n > champion"],
            {"n": 5},
            None,
            "First model: n 5. 1 rule waits for a champion.",
        ),
        (
            ["f1 > 0"],
            {"f1": 1, "n": 5},
            {"n": 4, "f1": 1.5},
            "Worse than the champion: f1 1 against 1.5 (−0.5), within the gate's rules.",
        ),
        (
            ["auc > 0"],
            {"auc": 2, "f1": 1},
            {"f1": 2},
            "Worse than the champion: f1 1 against 2 (−1), within the gate's rules.",
        ),
        (
            ["auc > champion"],
            {"auc": 2, "f1": 1},
            {"f1": 2},
            "Worse than the champion: f1 1 against 2 (−1).",
        ),
        (
            [],
            {"accuracy": 0.8, "f1": 0.2},
            {"accuracy": 0.9, "f1": 0.2},
            "Worse than the champion: accuracy 0.8 against 0.9 (−0.1).",
        ),
        (
            [],
            {"loss": 1, "f1": 1},
            {"loss": 2, "f1": 2},
            (
                "Not judged: loss 1 against 2 (−1) is better and f1 1 against 2 (−1) worse: say which metric decides"
                " (primary-metric)."
            ),
        ),
        (
            [],
            {"loss": 2, "val_loss": 1},
            {"loss": 1},
            "Not judged: only one model has val_loss; say which metric decides (primary-metric).",
        ),
        (
            ["w == 1"],
            {"w": 1, "v": 2},
            {"w": 2, "v": 1},
            (
                "Not judged: no metric of both models is known to be better if it is higher, or lower: say which"
                " metric decides (primary-metric). 1 rule passed."
            ),
        ),
    ],
)
def test_the_headline_gives_the_reason(
    rules: list[str], challenger: dict[str, float], champion: dict[str, float] | None, headline: str
) -> None:
    assert judge(rules, challenger=challenger, champion=champion).headline == headline


@pytest.mark.parametrize(
    ("primary", "challenger", "champion", "headline"),
    [
        ("F1", {"n": 5, "f1": 1}, None, "First model: f1 1. 1 rule passed."),
        ("auc", {"n": 5, "f1": 1}, None, "First model. 1 rule passed."),
        ("auc", {"n": 5}, {"auc": 1}, "No metric of the champion to compare with. 1 rule passed."),
        ("f1", {"n": 5, "f1": 1}, {"n": 5}, "Not judged: only one model has f1. 1 rule passed."),
        ("f1", {"n": 5, "f1": 1}, {"n": 5, "f1": 1}, "As good as the champion: f1 stays at 1."),
    ],
)
def test_the_primary_metric_is_the_one_of_the_headline(
    primary: str, challenger: dict[str, float], champion: dict[str, float] | None, headline: str
) -> None:
    assert compare(champion, challenger, ["n == 5"], primary_metric=primary).headline == headline


@pytest.mark.parametrize(
    ("rule", "percentages", "passed", "reason"),
    [
        ("accuracy >= 90 %", {"accuracy"}, True, ""),
        ("accuracy >= 95%", {"accuracy"}, False, ""),
        ("accuracy >= 0.9", {"accuracy"}, False, "Accuracy is a percentage, and the rule has a number without %"),
        ("accuracy >= 90 %", set(), False, "Accuracy is no percentage, and the rule has a number with %"),
        ("accuracy >= 90", set(), True, ""),
        ("accuracy >= champion", set(), None, ""),
    ],
)
def test_a_percentage_is_compared_only_with_a_percentage(
    rule: str, percentages: set[str], passed: bool | None, reason: str
) -> None:
    measured = Measured(values={"Accuracy": 93.0}, percentages=frozenset(percentages))
    [result] = whole(GateSpec(rules=(rule,)), challenger=measured).rules
    assert (result.metric, result.value, result.passed, result.reason) == ("Accuracy", 93.0, passed, reason)


PERCENTAGE, SHARE = Measured(values={"f1": 93.0}, percentages=frozenset({"f1"})), Measured(values={"f1": 0.95})


@pytest.mark.parametrize(
    ("challenger", "champion", "reason"),
    [
        (PERCENTAGE, SHARE, "f1 is a percentage, and the champion's is no percentage"),
        (SHARE, PERCENTAGE, "f1 is no percentage, and the champion's is a percentage"),
    ],
)
def test_a_percentage_and_a_share_are_not_compared(challenger: Measured, champion: Measured, reason: str) -> None:
    verdict = whole(GateSpec(), challenger=challenger, champion=champion)
    assert (verdict.outcome, verdict.deltas[0].delta) == ("unjudged", None)
    assert verdict.headline == "Not judged: only one model's f1 is a percentage."
    ruled = whole(GateSpec(rules=("f1 >= champion",)), challenger=challenger, champion=champion)
    assert ruled.headline == f"Rejected: f1 >= champion is not met: {reason}."


def test_of_metrics_without_a_direction_the_one_whose_units_differ_is_named() -> None:
    challenger = Measured(values={"v": 1.0, "w": 93.0}, percentages=frozenset({"w"}))
    champion = Measured(values={"v": 2.0, "w": 0.9})
    assert whole(GateSpec(), challenger=challenger, champion=champion).headline == (
        "Not judged: only one model's w is a percentage."
    )
    primary = whole(GateSpec(primary_metric="v"), challenger=challenger, champion=champion)
    assert primary.headline == "Not judged: say whether higher or lower is better for v (directions)."


def test_what_binary_arithmetic_leaves_is_no_difference() -> None:
    met = judge(["accuracy >= 0.93"], challenger={"accuracy": 1 - 0.07})
    assert (met.rules[0].passed, met.rules[0].margin) == (True, 0)
    assert judge(["loss < 0.3"], challenger={"loss": 0.1 + 0.2}).outcome == "rejected"
    assert judge([], challenger={"accuracy": 1 - 0.07}, champion={"accuracy": 0.93}).outcome == "same"
    assert judge(["n == 0.3"], challenger={"n": 0.1 + 0.2}).accepted


def test_percentages_are_shown_as_such_and_equal_numbers_alike() -> None:
    now, before = ({"accuracy": value} for value in (93.5, 92.0))
    marked = frozenset({"accuracy"})
    verdict = whole(
        GateSpec(),
        challenger=Measured(values=now, percentages=marked),
        champion=Measured(values=before, percentages=marked),
    )
    assert verdict.headline == "Better than the champion: accuracy 93.5 % against 92 % (+1.5)."
    [delta] = judge([], challenger={"accuracy": 1 - 0.07}, champion={"accuracy": 0.93}).deltas
    assert delta.texts == ("0.93", "0.93")


def test_numbers_that_differ_are_shown_to_differ() -> None:
    verdict = judge([], challenger={"auc": 0.999987}, champion={"auc": 0.999981})
    assert verdict.headline == "Better than the champion: auc 0.99999 against 0.99998 (+6e-6)."


def test_a_headline_stays_one_short_line_whatever_the_name() -> None:
    verdict = judge([], challenger={"accuracy of\nmany " + "words " * 50: 0.9}, champion={"accuracy": 0.9})
    assert "\n" not in verdict.headline
    assert len(verdict.headline) < 250


def test_a_difference_that_the_samples_do_not_show_is_none() -> None:
    verdict = judge(
        [],
        challenger={"Accuracy": 0.964},
        champion={"accuracy": 0.96},
        intervals={"accuracy": Interval(low=-0.012, high=0.02, samples=250)},
    )
    assert verdict.outcome == "same"
    assert verdict.headline == (
        "As good as the champion: Accuracy 0.964 against 0.96 (+0.004 [−0.012, 0.02]), "
        "no difference that 250 samples could show."
    )
    assert list(verdict.intervals) == ["Accuracy"]


def test_a_difference_that_the_samples_show_has_its_interval() -> None:
    interval = Interval(low=0.004, high=0.021, samples=250)
    verdict = judge([], challenger={"accuracy": 0.972}, champion={"accuracy": 0.96}, intervals={"accuracy": interval})
    assert verdict.outcome == "better"
    assert verdict.headline == "Better than the champion: accuracy 0.972 against 0.96 (+0.012 [0.004, 0.021])."


FEW = Interval(low=-math.inf, high=math.inf, samples=3)
SAME, WORSE = Interval(low=-0.2, high=0.1, samples=50), Interval(low=-0.2, high=-0.05, samples=50)


@pytest.mark.parametrize(
    ("accuracy", "f1", "intervals", "outcome", "headline"),
    [
        (
            0.8,
            0.7,
            {"Accuracy": SAME, "F1": WORSE},
            "worse",
            "Worse than the champion: f1 0.7 against 0.9 (−0.2 [−0.2, −0.05]).",
        ),
        (
            0.8,
            0.9,
            {"accuracy": SAME, "f1": SAME},
            "same",
            (
                "As good as the champion: accuracy 0.8 against 0.9 (−0.1 [−0.2, 0.1]), no difference that 50 samples"
                " could show."
            ),
        ),
        (
            0.8,
            1.0,
            {"accuracy": FEW, "f1": SAME},
            "same",
            "As good as the champion: f1 1 against 0.9 (+0.1 [−0.2, 0.1]), no difference that 50 samples could show.",
        ),
        (
            0.9,
            1.0,
            {"accuracy": SAME, "f1": FEW},
            "same",
            "As good as the champion: accuracy stays at 0.9.",
        ),
        (
            0.8,
            1.0,
            {"accuracy": FEW, "f1": FEW},
            "unjudged",
            "Not judged: accuracy 0.8 against 0.9 (−0.1), 3 samples are too few to tell.",
        ),
        (
            0.8,
            1.0,
            {"accuracy": FEW},
            "unjudged",
            "Not judged: accuracy 0.8 against 0.9 (−0.1), 3 samples are too few to tell.",
        ),
        (
            0.9,
            0.9,
            {"accuracy": FEW},
            "unjudged",
            "Not judged: accuracy 0.9 against 0.9 (0), 3 samples are too few to tell.",
        ),
        (
            0.8,
            1.0,
            {"auc": SAME},
            "unjudged",
            (
                "Not judged: f1 1 against 0.9 (+0.1) is better and accuracy 0.8 against 0.9 (−0.1) worse: say which"
                " metric decides (primary-metric)."
            ),
        ),
    ],
)
def test_an_interval_tells_a_difference_from_chance(
    accuracy: float, f1: float, intervals: dict[str, Interval], outcome: str, headline: str
) -> None:
    before, after = {"accuracy": 0.9, "f1": 0.9}, {"accuracy": accuracy, "f1": f1}
    verdict = judge([], challenger=after, champion=before, intervals=intervals)
    assert (verdict.outcome, verdict.headline) == (outcome, headline)
    assert verdict.intervals == {name.lower(): each for name, each in intervals.items() if name != "auc"}


def test_of_a_metric_that_one_model_lacks_the_number_of_samples_says_nothing() -> None:
    verdict = compare({"f1": 1}, {"f1": 1, "auc": 0.9}, primary_metric="auc", intervals={"auc": FEW})
    assert verdict.headline == "Not judged: only one model has auc."


def test_a_metric_without_a_number_is_an_error_that_names_the_model() -> None:
    with pytest.raises(MetricsError, match="^The challenger: 'accuracy' is nan"):
        compare(None, {"accuracy": math.nan})
    with pytest.raises(MetricsError, match="^The champion: 'loss' is inf"):
        compare({"loss": math.inf}, {"accuracy": 0.9})


def test_a_name_is_shortened_after_60_characters() -> None:
    long = "accuracy " + 51 * "a"
    assert judge([], challenger={long: 0.9}).headline == f"First model: {long} 0.9."
    assert judge([], challenger={long + "a": 0.9}).headline.endswith(f": {long[:59]}… 0.9.")


def test_compare_is_the_public_name() -> None:
    assert cmlkit.compare({"accuracy": 0.8}, {"accuracy": 0.9}, "accuracy > champion").rules[0].passed
    assert cmlkit.compare({"accuracy": 0.8}, {"accuracy": 0.9}, ["accuracy > champion"]).outcome == "better"


finite = st.floats(-1e12, 1e12)


@given(finite, finite, finite)
def test_a_rule_and_its_margin_agree(value: float, champion: float, offset: float) -> None:
    text = f"accuracy >= champion - {abs(offset):.6f}"
    [result] = judge([text], challenger={"accuracy": value}, champion={"accuracy": champion}).rules
    assert result.margin is not None
    assert result.passed == (result.margin >= 0)


def test_a_notebook_shows_headline_metrics_and_rules_with_names_as_they_are() -> None:
    verdict = compare({"acc|uracy": 0.96}, {"acc|uracy": 0.972})
    shown = verdict._repr_markdown_()
    assert shown.startswith("**")
    assert "| acc&#124;uracy | 0.96 | 0.972 | +0.012 |" in shown
    rules = ["accuracy >= champion - 0.01", "auc >= 0.9"]
    ruled = compare({"accuracy": 0.96}, {"accuracy": 0.972}, rules)._repr_markdown_()
    assert "- accuracy 0.972 ≥ 0.95 (champion 0.96 − 0.01): holds" in ruled
    assert "- auc &#62;= 0.9 (" in ruled
    assert (
        "- accuracy &#62;= champion: waits for a champion"
        in compare(None, {"accuracy": 0.9}, ["accuracy >= champion"])._repr_markdown_()
    )


def test_a_notebook_shows_what_is_missing_as_an_empty_cell_and_each_part_in_a_paragraph_of_its_own() -> None:
    verdict = compare({"accuracy": 0.96}, {"accuracy": 0.972, "recall": 0.5}, ["accuracy >= 0.9", "recall >= 0.6"])
    headline, table, rules = verdict._repr_markdown_().split("\n\n")
    assert (headline[:2], headline[-2:]) == ("**", "**")
    assert table.splitlines() == [
        "| Metric | Champion | Challenger | Change |",
        "| :-- | --: | --: | --: |",
        "| accuracy | 0.96 | 0.972 | +0.012 |",
        "| recall |  | 0.5 |  |",
    ]
    assert rules.splitlines() == ["- accuracy 0.972 ≥ 0.9: holds", "- recall 0.5 &#60; 0.6: does not hold"]
    assert "|" not in dataclasses.replace(verdict, deltas=())._repr_markdown_()
