"""Rules of the gate: `METRIC OP EXPRESSION`, parsed and computed here, never evaluated as code.

    rule        = METRIC (">=" | ">" | "<=" | "<" | "==") expression
    expression  = term {("+" | "-") term}
    term        = factor {("*" | "/") factor}
    factor      = ("+" | "-") factor | NUMBER ["%"] | "champion" | "(" expression ")"

`champion` is the metric's value on the base branch. Arithmetic is exact on the decimals as written: 0.12 meets
`champion - 0.01` for a champion of 0.13, which binary fractions would reject. A metric comes from such arithmetic,
though, so that a distance of 1e-9 of the largest operand counts as none.

`90 %` is for metrics that are written with `%`: no number is converted, since 0.9 may be a percentage, too. Beside
`champion` it is an error.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from cmlkit.errors import SettingsError
from cmlkit.formats import MINUS, number

LENGTH_LIMIT = 500
DEPTH_LIMIT = 50
TOLERANCE = Fraction(1, 10**9)
NEXT_STEP = "Write METRIC OP EXPRESSION, such as: accuracy >= champion - 0.01"

_COMPARISONS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_RELATIONS = {">=": ("≥", "<"), ">": (">", "≤"), "<=": ("≤", ">"), "<": ("<", "≥"), "==": ("=", "≠")}
_SIGNS = {"-": MINUS, "*": "×", "/": "÷"}
_OPERATOR = re.compile(r"[<>=!≤≥≠]+")
_MEANT = {"=": "==", "=>": ">=", "=<": "<=", "≥": ">=", "≤": "<="}
_TOKEN = re.compile(r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?(?!\w))|(?P<word>\w+)|(?P<symbol>\S)")
_ARITHMETIC: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_LEVELS = ("+-", "*/")
_POINTS_OR_SHARES = (
    "no %, which may mean points or a share of the champion: write champion - 1 for points, champion * 0.99 for a share"
)
_VALUE = "a number, `champion` or `(`"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One condition on one metric.

    Attributes:
        text: The rule as written, without surrounding space.
        metric: The name in the rule; compare it by `metrics.key`.
        higher_is_better: The direction that the comparison asks for; None for `==`.
        needs_champion: Whether the threshold depends on the model of the base branch.
        is_percentage: Whether a number of the rule has `%`.
    """

    text: str
    metric: str
    comparison: str
    needs_champion: bool
    is_percentage: bool
    threshold_for: Callable[[Fraction | None], Fraction]

    @property
    def higher_is_better(self) -> bool | None:
        return None if self.comparison == "==" else self.comparison.startswith(">")

    def threshold(self, champion: float | None) -> float:
        """Return the value that the metric is compared with.

        Args:
            champion: The metric's value on the base branch; unused by rules that do not need it.

        Raises:
            SettingsError: The expression divides by zero for this champion, or is too large to compare.
        """
        return _to_float(self, self._exact_threshold(champion))

    def margin(self, value: float, champion: float | None) -> float:
        """Return the distance to the threshold in the metric's unit, positive if the rule holds."""
        distance = self._distance(value, champion)
        if self.comparison == "==":
            distance = -abs(distance)
        return _to_float(self, distance if self.higher_is_better is not False else -distance)

    def holds(self, value: float, champion: float | None) -> bool:
        return _COMPARISONS[self.comparison](self._distance(value, champion), Fraction(0))

    def relation(self, *, passed: bool) -> str:
        """Return the sign between value and threshold: of a rule that holds its own, else the opposite one."""
        return _RELATIONS[self.comparison][0 if passed else 1]

    def expression(self, champion: float | None) -> str:
        """Return the rule's right side for people, with the champion's value: `champion 0.432 − 0.05`.

        Empty for a plain number, which says no more than the threshold.
        """
        right = self.text[_comparison(self.text)[2] :].strip()
        tokens = [found[0] for found in _TOKEN.finditer(right)]
        if not {"champion", *_ARITHMETIC} & set(tokens[1:] if tokens[0] in "+-" else tokens):
            return ""
        value = "" if champion is None else f" {number(champion)}"
        shown = re.sub(r"\bchampion\b", f"champion{value}", right)
        return re.sub(r"(?<!e)[-*/]", lambda sign: _SIGNS[sign[0]], shown)

    def _distance(self, value: float, champion: float | None) -> Fraction:
        """Return value minus threshold; 0 if that is no more than binary arithmetic leaves."""
        threshold = self._exact_threshold(champion)
        operands = [exact(value), threshold, *([] if champion is None else [exact(champion)])]
        distance = operands[0] - threshold
        return distance if abs(distance) > TOLERANCE * max(map(abs, operands)) else Fraction(0)

    def _exact_threshold(self, champion: float | None) -> Fraction:
        return self.threshold_for(None if champion is None else exact(champion))


def parse(text: str) -> Rule:
    """Parse one rule.

    Raises:
        SettingsError: The rule is malformed; the message points at the position and says what is expected there.
    """
    text = " ".join(text.split())
    metric, comparison, start = _comparison(text)
    needs_champion = bool(re.search(r"\bchampion\b", text[start:]))
    threshold_for = _Parser(text, start).parsed()
    if needs_champion and "%" in text[start:]:
        raise _error(text, text.index("%", start), _POINTS_OR_SHARES)
    if not needs_champion:
        threshold_for(None)  # a division by zero in plain numbers shows before anything is trained
    return Rule(
        text=text,
        metric=metric,
        comparison=comparison,
        needs_champion=needs_champion,
        is_percentage="%" in text[start:],
        threshold_for=threshold_for,
    )


def parse_all(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Parse each rule."""
    return tuple(parse(text) for text in texts)


def exact(value: float) -> Fraction:
    """Return the decimal that people read, not the binary fraction nearest to it."""
    return Fraction(repr(float(value)))


def _to_float(rule: Rule, value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SettingsError(f"The gate's rule `{rule.text}` gives a number that is too large.") from None


def _comparison(text: str) -> tuple[str, str, int]:
    """Return metric, comparison, and the position at which the expression starts."""
    if len(text) > LENGTH_LIMIT:
        raise SettingsError(f"A rule of the gate has {len(text):,} characters; the limit is {LENGTH_LIMIT:,}.")
    known = ", ".join(_COMPARISONS)
    found = _OPERATOR.search(text)
    if found is None:
        raise _error(text, len(text), f"one of {known}")
    if found[0] not in _COMPARISONS:
        expected = f"`{_MEANT[found[0]]}`" if found[0] in _MEANT else f"one of {known}"
        raise _error(text, found.start(), expected)
    metric = text[: found.start()].strip()
    if not metric or re.fullmatch(r"[-+.\d\s]+", metric):
        raise _error(text, 0, "the name of a metric")
    return metric, found[0], found.end()


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.tokens = list(_TOKEN.finditer(text, start))
        self.index = 0

    def parsed(self) -> Callable[[Fraction | None], Fraction]:
        tree = self._level(0, 0)
        if (token := self._token()) is not None:
            raise _error(self.text, token.start(), _expected_after_value(token[0]))
        return tree

    def _token(self) -> re.Match[str] | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def _take(self, symbols: str) -> re.Match[str] | None:
        """Consume and return the next token if it is one of these symbols."""
        token = self._token()
        if token is None or token["symbol"] is None or token["symbol"] not in symbols:
            return None
        self.index += 1
        return token

    def _level(self, level: int, depth: int) -> Callable[[Fraction | None], Fraction]:
        """Parse operators of one precedence, from the left; below the last level is a factor."""
        if level == len(_LEVELS):
            return self._factor(depth)
        left = self._level(level + 1, depth)
        while (token := self._take(_LEVELS[level])) is not None:
            left = self._joined(left, token, self._level(level + 1, depth))
        return left

    def _joined(
        self,
        left: Callable[[Fraction | None], Fraction],
        token: re.Match[str],
        right: Callable[[Fraction | None], Fraction],
    ) -> Callable[[Fraction | None], Fraction]:
        compute = _ARITHMETIC[token[0]]

        def joined(champion: Fraction | None) -> Fraction:
            try:
                return compute(left(champion), right(champion))
            except ZeroDivisionError:
                where = "" if champion is None else f" (the champion is {float(champion)})"
                raise _error(self.text, token.start(), f"a divisor that is not zero{where}") from None

        return joined

    def _factor(self, depth: int) -> Callable[[Fraction | None], Fraction]:
        if depth > DEPTH_LIMIT:
            raise SettingsError(f"The gate's rule `{self.text}` nests deeper than {DEPTH_LIMIT} levels.")
        if (sign := self._take("+-")) is not None:
            operand = self._factor(depth + 1)
            return (lambda champion: -operand(champion)) if sign[0] == "-" else operand
        if self._take("(") is not None:
            return self._parenthesised(depth + 1)
        return self._value()

    def _parenthesised(self, depth: int) -> Callable[[Fraction | None], Fraction]:
        tree = self._level(0, depth)
        if self._take(")") is None:
            raise _error(self.text, self._position(), "`)` or one of + - * /")
        return tree

    def _value(self) -> Callable[[Fraction | None], Fraction]:
        token = self._token()
        if token is None or token["symbol"] is not None:
            raise _error(self.text, self._position(), _VALUE)
        self.index += 1
        if token["number"] is not None:
            self._take("%")
            return self._literal(token)
        if token[0] != "champion":
            raise _error(self.text, token.start(), _expected_instead_of(token[0]))
        return _champion

    def _literal(self, token: re.Match[str]) -> Callable[[Fraction | None], Fraction]:
        if math.isinf(float(token[0])):
            raise _error(self.text, token.start(), "a smaller number")
        value = Fraction(token[0])
        return lambda champion: value

    def _position(self) -> int:
        token = self._token()
        return len(self.text) if token is None else token.start()


def _champion(champion: Fraction | None) -> Fraction:
    if champion is None:
        raise ValueError("this rule needs a champion")
    return champion


def _expected_after_value(found: str) -> str:
    if found == "%":
        return _POINTS_OR_SHARES
    return "the end of the rule or one of + - * /"


def _expected_instead_of(word: str) -> str:
    near = difflib.get_close_matches(word.casefold(), ["champion"])
    return "`champion`" if near else f"{_VALUE}; a rule names one metric only, before its comparison"


def _error(text: str, position: int, expected: str) -> SettingsError:
    pointer = " " * (position + 2) + "^"
    return SettingsError(
        f"The gate's rule `{text}` is wrong at character {position + 1}: expected {expected}.\n  {text}\n{pointer}",
        next_step=NEXT_STEP,
    )
