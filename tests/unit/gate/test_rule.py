"""Rules of the gate: what they mean, and what a malformed one says."""

from __future__ import annotations

import ast
import contextlib
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.errors import SettingsError
from cmlkit.gate import rule

PYTHON: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def computed_by_python(text: str, champion: Fraction) -> Fraction:
    def compute(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant():
                return Fraction(ast.get_source_segment(text, node) or "")
            case ast.Name():
                return champion
            case ast.UnaryOp(op=ast.USub()):
                return -compute(node.operand)
            case ast.UnaryOp():
                return compute(node.operand)
            case ast.BinOp():
                return PYTHON[type(node.op)](compute(node.left), compute(node.right))
        raise AssertionError(ast.dump(node))

    return compute(ast.parse(text, mode="eval").body)


numbers = (
    st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=3).map(str) | st.sampled_from([".5", "2.", "1e-3"])
)
expressions = st.recursive(
    numbers | st.just("champion"),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join)
        | st.tuples(st.sampled_from("+-"), inner).map("".join)
        | inner.map("({})".format)
    ),
    max_leaves=12,
)


@given(expressions, st.floats(-1e6, 1e6))
def test_an_expression_means_what_it_means_in_python(text: str, champion: float) -> None:
    try:
        expected = float(computed_by_python(text, rule.exact(champion)))
    except ZeroDivisionError:
        with pytest.raises(SettingsError, match="divisor that is not zero"):
            rule.parse(f"accuracy >= {text}").threshold(champion)
        return
    except OverflowError:
        with pytest.raises(SettingsError, match="too large"):
            rule.parse(f"accuracy >= {text}").threshold(champion)
        return
    assert rule.parse(f"accuracy >= {text}").threshold(champion) == expected


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(["a", "1", ".", "e", "+", "-", "*", "/", "(", ")", ">", "<", "=", "champion"]), max_size=12
    ).map("".join)
)
def test_whatever_the_text_only_a_settings_error_comes_out(text: str) -> None:
    with contextlib.suppress(SettingsError):
        rule.parse(text)


@pytest.mark.parametrize(
    ("text", "value", "champion", "holds", "margin"),
    [
        ("accuracy >= 0.9", 0.95, None, True, 0.05),
        ("accuracy >= 0.95", 0.95, None, True, 0.0),
        ("accuracy > 0.95", 0.95, None, False, 0.0),
        ("accuracy >= 0.9", 0.85, None, False, -0.05),
        ("latency <= champion * 1.1", 105.0, 100.0, True, 5.0),
        ("latency < champion", 105.0, 100.0, False, -5.0),
        ("classes == 10", 10.0, None, True, 0.0),
        ("classes == 10", 12.0, None, False, -2.0),
        ("r2 >= -0.5", -0.25, None, True, 0.25),
    ],
)
def test_the_margin_is_positive_on_the_right_side(
    text: str, value: float, champion: float | None, holds: bool, margin: float
) -> None:
    parsed = rule.parse(text)
    assert (parsed.holds(value, champion), parsed.margin(value, champion)) == (holds, margin)


@pytest.mark.parametrize(
    ("text", "nearest", "beyond", "champion"),
    [
        ("a >= 1", 0.999999999, 0.9999999989, None),
        ("a <= 1", 1.000000001, 1.0000000011, None),
        ("a >= 100", 99.99999995, 99.9999998, None),
        ("a == 0.001", 0.0010000000005, 0.001000000002, None),
        ("a >= champion - 1000000", 0.0995, 0.0985, 1_000_000.1),
    ],
)
def test_a_distance_of_1e_9_of_the_largest_number_is_none(
    text: str, nearest: float, beyond: float, champion: float | None
) -> None:
    parsed = rule.parse(text)
    assert (parsed.holds(nearest, champion), parsed.margin(nearest, champion)) == (True, 0)
    assert not parsed.holds(beyond, champion)
    assert parsed.margin(beyond, champion) < 0


@pytest.mark.parametrize(
    ("text", "metric", "higher", "needs_champion", "is_percentage"),
    [
        ("f1 >= 0.5", "f1", True, False, False),
        ("f1 > champion", "f1", True, True, False),
        ("f1 < 50 %", "f1", False, False, True),
        ("champion % <= 5", "champion %", False, False, False),
        ("top champion > champion", "top champion", True, True, False),
        ("n == 3%", "n", None, False, True),
    ],
)
def test_a_rule_says_which_direction_is_better_and_what_it_is_compared_with(
    text: str, metric: str, higher: bool | None, needs_champion: bool, is_percentage: bool
) -> None:
    parsed = rule.parse(text)
    assert (parsed.metric, parsed.higher_is_better) == (metric, higher)
    assert (parsed.needs_champion, parsed.is_percentage) == (needs_champion, is_percentage)


def test_rules_are_parsed_in_order() -> None:
    assert [each.text for each in rule.parse_all(iter(["b > 1", "a < 2"]))] == ["b > 1", "a < 2"]


@pytest.mark.parametrize("hundredths", range(2, 100))
def test_a_decimal_on_the_threshold_meets_it(hundredths: int) -> None:
    champion, value = hundredths / 100, (hundredths - 1) / 100
    assert rule.parse("accuracy >= champion - 0.01").holds(value, champion)
    assert not rule.parse("accuracy > champion - 0.01").holds(value, champion)


def test_the_metric_is_everything_before_the_comparison() -> None:
    parsed = rule.parse("  Test  accuracy (top-5)>=champion ")
    assert (parsed.metric, parsed.text) == ("Test accuracy (top-5)", "Test accuracy (top-5)>=champion")


COMPARISON, VALUE = "one of >=, >, <=, <, ==", "a number, `champion` or `(`"
END = "the end of the rule or one of + - * /"
ONE_METRIC = f"{VALUE}; a rule names one metric only, before its comparison"
POINTS = (
    "no %, which may mean points or a share of the champion: write champion - 1 for points, champion * 0.99 for a share"
)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("accuracy", 9, COMPARISON),
        ("", 1, COMPARISON),
        ("accuracy = 1", 10, "`==`"),
        ("accuracy => 1", 10, "`>=`"),
        ("accuracy =< 1", 10, "`<=`"),
        ("accuracy ≥ 1", 10, "`>=`"),
        ("accuracy != 1", 10, COMPARISON),
        (">= 1", 1, "the name of a metric"),
        ("0.9 <= accuracy", 1, "the name of a metric"),
        ("accuracy >=", 12, VALUE),
        ("accuracy >= 1 + ", 16, VALUE),
        ("accuracy >= champoin", 13, "`champion`"),
        ("accuracy >= CHAMPION", 13, "`champion`"),
        ("accuracy >= champ", 13, "`champion`"),
        ("accuracy >= f1", 13, ONE_METRIC),
        ("accuracy >= champion%", 21, POINTS),
        ("accuracy >= champion - 1 %", 26, POINTS),
        ("accuracy % >= champion - 1 % - 2 %", 28, POINTS),
        ("accuracy >= 1 2", 15, END),
        ("accuracy >= (1 + 2", 19, "`)` or one of + - * /"),
        ("accuracy >= (1 2)", 16, "`)` or one of + - * /"),
        ("accuracy >= 1)", 14, END),
        ("accuracy >= 1 < 2", 15, END),
        ("accuracy >= 2 ** 3", 16, VALUE),
        ("accuracy >= __import__('os')", 13, ONE_METRIC),
        ("accuracy >= 1e999", 13, "a smaller number"),
        ("accuracy >= 1e-99999", 13, ONE_METRIC),
        ("accuracy >= 1/(2-2)", 14, "a divisor that is not zero"),
    ],
)
def test_a_malformed_rule_says_where_and_what_is_expected(text: str, position: int, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rule.parse(text)
    shown = text.strip()
    assert caught.value.message == (
        f"The gate's rule `{shown}` is wrong at character {position}: expected {expected}.\n"
        f"  {shown}\n"
        f"  {' ' * (position - 1)}^"
    )
    assert caught.value.next_step == "Write METRIC OP EXPRESSION, such as: accuracy >= champion - 0.01"


def test_dividing_by_a_champion_of_zero_names_the_champion() -> None:
    said = "at character 12: expected a divisor that is not zero (the champion is 2.5)."
    with pytest.raises(SettingsError, match=re.escape(said)):
        rule.parse("ratio <= 1 / (champion - 2.5)").threshold(2.5)


def test_a_rule_about_the_champion_has_no_threshold_without_one() -> None:
    with pytest.raises(ValueError, match="^this rule needs a champion$"):
        rule.parse("accuracy >= champion").threshold(None)


def test_a_threshold_or_a_margin_too_large_for_a_number_is_an_error() -> None:
    with pytest.raises(SettingsError, match=re.escape("rule `loss <= 1e308 * 1e308` gives a number that is too large")):
        rule.parse("loss <= 1e308 * 1e308").threshold(None)
    with pytest.raises(SettingsError, match=r"rule `loss <= 1e308` gives a number that is too large"):
        rule.parse("loss <= 1e308").margin(-1e308, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a >= " + "(" * 51, "nests deeper than 50 levels"),
        ("a >= " + "-" * 51 + "1", f"rule `a >= {'-' * 51}1` nests deeper than 50 levels"),
        ("a" * 501, "has 501 characters; the limit is 500"),
    ],
)
def test_absurd_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        rule.parse(text)


@pytest.mark.parametrize("text", ["a >= " + "(" * 50 + "1" + ")" * 50, "a >= " + "-" * 50 + "1", "a" * 495 + " >= 1"])
def test_rules_up_to_the_limits_are_taken(text: str) -> None:
    assert rule.parse(text).threshold(None) == 1


def test_a_long_sum_is_computed() -> None:
    assert rule.parse("a >= " + "+".join(["1"] * 240)).threshold(None) == 240.0
