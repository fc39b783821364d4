"""Formats of numbers, durations and sizes in sentences and tables."""

from __future__ import annotations

import math

MINUS = "−"
SIGNIFICANT_DIGITS = 4
MOST_DIGITS = 17  # tells any two binary numbers apart


def number(value: float, digits: int = SIGNIFICANT_DIGITS) -> str:
    """Format a number with four significant digits, whole if from 1,000, with an exponent if very small or large.

    0.972, 1,234,567, 98.77, 1.5e-7; ∞ if it is beyond the largest number, as the difference of two may be
    """
    if value == 0:
        return "0"
    size = abs(value)
    if not math.isfinite(size):
        text = "∞" if size > 0 else "NaN"
    elif not 1e-4 <= size < 1e12:
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        text = f"{_trimmed(mantissa)}e{int(exponent)}"
    elif size >= 10 ** (digits - 1):
        text = f"{size:,.0f}"
    else:
        # No more digits than that: those behind them are the binary number's, 1,234,567.80000000005.
        decimals = digits - 1 - int(f"{size:e}".partition("e")[2])
        text = _trimmed(f"{size:,.{decimals}f}")
    return MINUS + text if value < 0 else text


def numbers_apart(*values: float) -> tuple[str, ...]:
    """Format numbers with as many digits as it takes to tell different ones apart: 0.99997 against 0.99998."""
    texts: tuple[str, ...] = ()
    for digits in range(SIGNIFICANT_DIGITS, MOST_DIGITS + 1):
        texts = tuple(number(value, digits) for value in values)
        if len(set(texts)) == len(set(values)):
            break
    return texts


def signed(value: float) -> str:
    """Format a difference: +0.012, −3, 0."""
    return f"+{number(value)}" if value > 0 else number(value)


def duration(seconds: float) -> str:
    """Format seconds: 0.4 s, 42 s, 4 min 12 s, 2 h 5 min."""
    if seconds < 10:
        return f"{_trimmed(f'{seconds:.1f}')} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole, 60, "min", "s")
    return _pair(round(seconds / 60), 60, "h", "min")


def size(count: int) -> str:
    """Format bytes in binary units: 812 B, 4.2 KiB, 1.3 GiB."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{number(float(f'{value:.3g}') if value < 1000 else value)} {units[0]}"


def short_hash(digest: str) -> str:
    """Return enough of a hash or commit id to recognise it."""
    return digest[:12]


def is_number(text: str) -> bool:
    """Return whether Python reads the text as a number; NaN and infinity count."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: 1 rule, 2 rules, 1,000 rules."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _pair(count: int, factor: int, large: str, small: str) -> str:
    most, rest = divmod(count, factor)
    return f"{most:,} {large} {rest} {small}" if rest else f"{most:,} {large}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
