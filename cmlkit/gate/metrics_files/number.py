"""One number as people write it: with a unit, a percent sign, a spread, or separators of thousands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LONGEST = 200

_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-", "－": "-"})
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_GAPS = "\u00a0\u2007\u2009\u202f"

# A number begins with a digit, or with a point before a digit; separators are inside, between digits.
DIGITS = (
    rf"(?:\d+(?:[.,'’_{_GAPS}]\d+)*\.?|\.\d+)"
    r"(?:[eE][-+−]?\d+|\s?[×x*·]\s?10\s?(?:\^\s?\{?[-+−]?\d+\}?|\*\*\s?[-+−]?\d+|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
)
_SIGNED = rf"[-+−–]?\s?(?:[$€£¥]\s?)?{DIGITS}"
_NOT_FINITE = re.compile(r"[-+−]?(?:nan|inf|infinity|∞|1\.#(?:inf|ind|qnan)\w*|\.nan|\.inf)(?![\w.])", re.IGNORECASE)

# Units that may follow a number without a blank.
_UNITS = (
    r"ns|us|µs|μs|ms|s|sec|secs|seconds?|min|mins|minutes?|h|hr|hrs|hours?|d|days?|weeks?|months?|years?"
    r"|[kKMGTP]?i?B|[kKMGTP]?bytes?|[kKMGT]?bits?|bps|[kMGT]bps|[kMG]?Hz|fps|FPS|dB|°[CF]?|px|[mckn]?m|[mk]?g|[kM]?W|[kM]?Wh|m?J|kJ|V|A"
    r"|[GMT]?FLOPS?|[GMT]?FLOPs|[GMT]?MACs|[kKMB]|[xX×]|bn|ppm|pp|bps|pts?|USD|EUR|GBP|[$€£¥]|params"
)
_RATE = r"(?:/[A-Za-zµμ]{1,12}[²³]?)"
_CLOSED_UNIT = rf"(?:(?:{_UNITS}){_RATE}?[²³]?|[A-Za-z]{{1,12}}{_RATE})"
_OPEN_UNIT = (
    rf"(?:(?!(?:at|on|in|after|for|with|using|over|by|when|of|to|and|or)\b)[^\W\d_]{{1,16}}[²³]?{_RATE}{{0,2}})"
)
# A word before a colon or an equals sign is the next name.
_END = r"(?![\w%'’-]|\s*[:=])"
_PERCENT = r"(?:%|％|percent\b|per\s?cent\b|pct\b)"
_SPREAD = r"(?:±|\+/-|\+/−|\+-|\\pm|\bplus/minus\b)"

# Marks after a number that say nothing of its value.
_MARKS = r"[\s*†‡↑↓▲▼✓✔✅❌⭐🔥🏆🎉★☆️]*"
_BRACKET = r"(?:\([^()]*\)|\[[^\[\]]*\]|\([^()]*\([^()]*\)[^()]*\))"

_WRITTEN = re.compile(
    rf"[\s~≈≃]*(?P<number>{_SIGNED})"
    rf"(?:\s?(?P<percent>{_PERCENT})|[ {_GAPS}]?{_CLOSED_UNIT}{_END}|[ {_GAPS}](?P<unit>{_OPEN_UNIT}){_END})?"
    rf"(?:\s*\(?\s*(?:{_SPREAD}|(?<=[\d%\s])\+\s?(?=[\d.]))\s*(?P<spread>{DIGITS})\s?(?P<percent2>{_PERCENT})?"
    rf"(?:\s?{_CLOSED_UNIT}(?![\w%]))?\s*\)?(?:\s?(?P<percent3>{_PERCENT}))?)?"
    rf"(?:\s*{_BRACKET})*{_MARKS}"
)


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number, as written: 93 % is 93, with `is_percentage`."""

    value: float
    is_percentage: bool = False


def read_number(text: str, *, any_unit: bool = True) -> Number | str:
    """Return the one number that a text is, or the reason why it is not one.

    Args:
        any_unit: Whether any single word after a blank is a unit; else only well-known ones are.
    """
    text = text.strip().strip("`\"'").strip()
    if len(text) > LONGEST:
        return "it is text"
    plain = _plain(text)
    if plain is not None:
        return plain
    if match := _NOT_FINITE.match(text):
        return f"{match[0]} is not finite"
    match = _WRITTEN.fullmatch(text.rstrip(".;,") or text)
    if match is None or (match["unit"] and not any_unit):
        return not_a_number(text)
    return _number_of(match)


def number_at(text: str, start: int) -> tuple[Number | str | None, int]:
    """Return the number that begins at a place of a text, or why it cannot be used, and its end; None without one."""
    if infinite := _NOT_FINITE.match(text, start):
        return f"{infinite[0]} is not finite", infinite.end()
    match = _WRITTEN.match(text, start)
    return (None, start) if match is None else (_number_of(match), match.end())


def _number_of(match: re.Match[str]) -> Number | str:
    value = _value(match["number"])
    if isinstance(value, str):
        return value
    return Number(value=value, is_percentage=any(match[name] for name in ("percent", "percent2", "percent3")))


def _plain(text: str) -> Number | str | None:
    """Return a number in the syntax of most programs, at once; None if it is not in that syntax."""
    try:
        value = float(text)
    except ValueError:
        return None
    return _finite(value, text)


def _value(written: str) -> float | str:
    """Return the value of digits with separators, or the reason why they are ambiguous."""
    text = re.sub(rf"(?<=\d)[{_GAPS}](?=\d\d\d(?!\d))", "_", written.translate(_MINUS))
    text, exponent = _exponent(re.sub(r"[\s$€£¥]", "", text))
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text.removeprefix("+"))
    plain = _without_thousands(body)
    if plain is None:
        return f"{written.strip()} may be thousands or a decimal comma"
    try:
        number = _finite(float(f"{sign}{plain}e{exponent}"), written)
    except ValueError:
        return not_a_number(written)
    return number if isinstance(number, str) else number.value


def not_a_number(text: str) -> str:
    """Return the reason for a text that is not a number."""
    if not text:
        return "it has no value"
    return "it is text" if not re.search(r"\d", text) else "it is not one number"


def _finite(value: float, text: str) -> Number | str:
    return Number(value=value) if math.isfinite(value) else f"{text.strip()[:20]} is not finite"


def _exponent(text: str) -> tuple[str, int]:
    """Split `1.2×10⁻³` and `1.2e-3` into digits and exponent."""
    match = re.fullmatch(r"(.*?)(?:[eE]|[×x*·]10(?:\^|\*\*)?\{?)([-+]?\d{1,6})\}?", text.translate(_SUPERSCRIPTS))
    return (text, 0) if match is None else (match[1], int(match[2]))


def _without_thousands(body: str) -> str | None:
    """Return digits in Python's syntax; None if the only comma may be either separator."""
    if re.fullmatch(r"[1-9]\d{0,2},\d{3}", body):
        return None
    if re.fullmatch(r"\d+,\d+", body):
        return body.replace(",", ".")
    if re.fullmatch(r"[1-9]\d{0,2}([,_'’])\d{3}(?:\1\d{3})*(?:\.\d*)?", body):
        return re.sub(r"[,_'’]", "", body)
    if re.fullmatch(r"[1-9]\d{0,2}([._'’])\d{3}(?:\1\d{3})*,\d+", body) or re.fullmatch(
        r"[1-9]\d{0,2}(?:\.\d{3}){2,}", body
    ):
        return re.sub(r"[._'’]", "", body).replace(",", ".")
    return body  # which may have underscores, as Python has them
