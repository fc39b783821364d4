"""Rules of the gate: what they mean, and what a malformed one says."""

from __future__ import annotations

import ast
import contextlib
import operator
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


@pytest.mark.parametrize("hundredths", range(2, 100))
def test_a_decimal_on_the_threshold_meets_it(hundredths: int) -> None:
    champion, value = hundredths / 100, (hundredths - 1) / 100
    assert rule.parse("accuracy >= champion - 0.01").holds(value, champion)
    assert not rule.parse("accuracy > champion - 0.01").holds(value, champion)


def test_the_metric_is_everything_before_the_comparison() -> None:
    parsed = rule.parse("  Test  accuracy (top-5)>=champion ")
    assert (parsed.metric, parsed.text) == ("Test accuracy (top-5)", "Test accuracy (top-5)>=champion")


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("accuracy", 9, "one of >=, >, <=, <, =="),
        ("", 1, "one of >=, >, <=, <, =="),
        ("accuracy = 1", 10, "`==`"),
        ("accuracy => 1", 10, "`>=`"),
        ("accuracy ≥ 1", 10, "`>=`"),
        ("accuracy != 1", 10, "one of >=, >, <=, <, =="),
        (">= 1", 1, "the name of a metric"),
        ("0.9 <= accuracy", 1, "the name of a metric"),
        ("accuracy >=", 12, "a number, `champion` or `(`"),
        ("accuracy >= champoin", 13, "`champion`"),
        ("accuracy >= f1", 13, "names one metric only"),
        ("accuracy >= champion%", 21, "no %, which may mean points"),
        ("accuracy >= champion - 1 %", 26, "no %, which may mean points"),
        ("accuracy >= 1 2", 15, "the end of the rule"),
        ("accuracy >= (1 + 2", 19, "`)`"),
        ("accuracy >= 1)", 14, "the end of the rule"),
        ("accuracy >= 1 < 2", 15, "the end of the rule"),
        ("accuracy >= 2 ** 3", 16, "a number, `champion` or `(`"),
        ("accuracy >= __import__('os')", 13, "a number, `champion` or `(`"),
        ("accuracy >= 1e999", 13, "a smaller number"),
        ("accuracy >= 1e-99999", 13, "a number, `champion` or `(`"),
        ("accuracy >= 1/(2-2)", 14, "a divisor that is not zero"),
    ],
)
def test_a_malformed_rule_says_where_and_what_is_expected(text: str, position: int, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rule.parse(text)
    first, shown, pointer = caught.value.message.split("\n")
    assert f"at character {position}: expected" in first
    assert expected in first
    assert shown.removeprefix("  ") == text
    assert pointer.index("^") - 2 == position - 1


def test_dividing_by_a_champion_of_zero_names_the_champion() -> None:
    with pytest.raises(SettingsError, match=r"the champion is 0\.0"):
        rule.parse("ratio <= 1 / champion").threshold(0.0)


def test_a_threshold_too_large_for_a_number_is_an_error() -> None:
    with pytest.raises(SettingsError, match="too large"):
        rule.parse("loss <= 1e308 * 1e308").threshold(None)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a >= " + "(" * 60, "nests deeper than 50"), ("a >= " + "-" * 60 + "1", "nests"), ("a" * 501, "501 characters")],
)
def test_absurd_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        rule.parse(text)


def test_a_long_sum_is_computed() -> None:
    assert rule.parse("a >= " + "+".join(["1"] * 240)).threshold(None) == 240.0
