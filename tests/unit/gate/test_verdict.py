"""The gate: rules, champion and challenger -> verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cmlkit
from cmlkit.errors import SettingsError
from cmlkit.gate.significance import Interval
from cmlkit.gate.verdict import judge

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
def test_without_a_champion_only_absolute_rules_apply_and_the_headline_says_so(
    champion: dict[str, float] | None,
) -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.95}, champion=champion)
    assert verdict.outcome == "first"
    assert verdict.headline == (
        "The first model, without a champion: accuracy 0.95; only 1 of 2 rules applied and passed."
    )
    assert [result.passed for result in verdict.rules] == [True, None]


def test_without_a_champion_an_absolute_rule_still_rejects() -> None:
    verdict = judge(RULES, challenger={"accuracy": 0.85})
    assert verdict.outcome == "rejected"
    assert verdict.headline.endswith("by 0.05; rules that need a champion did not apply.")


def test_a_first_model_without_rules_is_named_with_its_metric() -> None:
    assert judge([], challenger={"accuracy": 0.9, "loss": 0.2}).headline == (
        "The first model, without a champion: accuracy 0.9."
    )
    assert judge([], challenger={}).headline == "The first model, without a champion."


def test_a_metric_that_the_champion_lacks_does_not_block_the_challenger() -> None:
    verdict = judge(["f1 >= champion"], challenger={"f1": 0.8, "accuracy": 0.9}, champion={"accuracy": 0.8})
    assert (verdict.outcome, verdict.rules[0].passed) == ("better", None)


def test_a_champion_with_other_metrics_is_nothing_to_compare_with() -> None:
    verdict = judge(["f1 >= 0.5"], challenger={"f1": 0.8}, champion={"accuracy": 0.8})
    assert (verdict.outcome, verdict.headline) == (
        "first",
        "No metric of the champion to compare with: f1 0.8; its rule passed.",
    )


def test_metric_names_meet_however_they_are_written() -> None:
    verdict = judge(["test-accuracy >= champion"], challenger={"Test Accuracy": 0.9}, champion={"test_accuracy": 0.8})
    assert (verdict.rules[0].passed, verdict.rules[0].metric) == (True, "Test Accuracy")


def test_a_rule_says_which_direction_is_better_where_the_name_does_not() -> None:
    falls = judge(["wobble <= champion"], challenger={"wobble": 1.0}, champion={"wobble": 2.0})
    assert (falls.outcome, falls.deltas[0].improved) == ("better", True)
    unknown = judge([], challenger={"wobble": 1.0}, champion={"wobble": 2.0})
    assert (unknown.outcome, unknown.deltas[0].improved) == ("first", None)


def test_the_first_rule_names_the_metric_that_decides() -> None:
    verdict = judge(["loss <= 1"], challenger={"accuracy": 0.9, "loss": 0.5}, champion={"accuracy": 0.95, "loss": 0.6})
    assert verdict.outcome == "better"


def test_a_metric_that_training_did_not_report_is_an_error_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="names the metric 'acuracy'") as caught:
        judge(["acuracy >= 0.9"], challenger={"Accuracy": 0.9})
    assert caught.value.next_step == "Did you mean 'Accuracy'?"


def test_a_metric_that_resembles_none_is_an_error_with_the_known() -> None:
    with pytest.raises(SettingsError) as caught:
        judge(["bleu >= 0.9"], challenger={"accuracy": 0.9, "loss": 0.1})
    assert caught.value.next_step == "Metrics of this training: accuracy, loss."


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


def test_compare_is_the_public_name() -> None:
    assert cmlkit.compare({"accuracy": 0.8}, {"accuracy": 0.9}, ["accuracy > champion"]).outcome == "better"


finite = st.floats(-1e12, 1e12)


@given(finite, finite, finite)
def test_a_rule_and_its_margin_agree(value: float, champion: float, offset: float) -> None:
    text = f"accuracy >= champion - {abs(offset):.6f}"
    [result] = judge([text], challenger={"accuracy": value}, champion={"accuracy": champion}).rules
    assert result.margin is not None
    assert result.passed == (result.margin >= 0)
