"""One number as people write it, and why a text is not one."""

from __future__ import annotations

import pytest

from cmlkit.gate.metrics_files.number import Number, number_at, read_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.97", 0.97),
        ("`0.97`", 0.97),
        ("'0.97'", 0.97),
        ('"0.97"', 0.97),
        (" 0.97; ", 0.97),
        ("1.", 1),
        ("−0.5", -0.5),
        ("-1,234.56", -1234.56),
        ("+1,234.56", 1234.56),
        ("-1,234,567", -1234567),
        ("1.234.567", 1234567),
        ("1.234.567,8", 1234567.8),
        ("1,234,567.8", 1234567.8),
        ("1'234.5", 1234.5),
        ("1’234’567", 1234567),
        ("1\u00a0234", 1234),
        ("-1\u202f234,5", -1234.5),
        ("1_000", 1000),
        ("1_000.5 ms", 1000.5),
        ("1_0 ms", 10),
        ("0,97", 0.97),
        ("1234,5", 1234.5),
        ("$ 1,234.50", 1234.5),
        ("-$5 million", -5),
        ("1.5E3 ms", 1500),
        ("1.5e-3 s", 0.0015),
        ("1.2×10⁻³", 0.0012),
        ("1.2 x 10^3", 1200),
        ("1.2*10**-3", 0.0012),
        ("3 · 10^{4} s", 30000),
        ("5 apples", 5),
        ("0.97 ± 0.02", 0.97),
        ("0.97 (best) *", 0.97),
        (f"0.{'1' * 198}", 1 / 9),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, value: float) -> None:
    assert read_number(text) == Number(value=value)


@pytest.mark.parametrize("text", ["93 %", "93%", "93 percent", "93% ± 1", "93 ± 1 %", "93 (± 1)%"])
def test_a_percentage_is_known_as_one(text: str) -> None:
    assert read_number(text) == Number(value=93, is_percentage=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no value"),
        ("high", "it is text"),
        ("1 of 2", "it is not one number"),
        ("97/100", "it is not one number"),
        ("1.2.3.4", "it is not one number"),
        ("1.2.3 ms", "it is not one number"),
        ("nan", "nan is not finite"),
        ("-inf (diverged)", "-inf is not finite"),
        ("1e400", "1e400 is not finite"),
        ("1e400 ms", "1e400 is not finite"),
        ("1.2345678901234567890123e400", "1.234567890123456789 is not finite"),
        ("1,234", "1,234 may be thousands or a decimal comma"),
        ("-1,234 ms", "-1,234 may be thousands or a decimal comma"),
        (f"0.{'1' * 199}", "it is text"),
    ],
)
def test_a_text_that_is_not_one_number_has_a_reason(text: str, reason: str) -> None:
    assert read_number(text) == reason


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5 ms", Number(value=5)),
        ("5 apples", "it is not one number"),
        ("5 msX", "it is not one number"),
    ],
)
def test_a_unit_may_have_to_be_a_known_one(text: str, found: Number | str) -> None:
    assert read_number(text, any_unit=False) == found


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        ("loss: 0.5, at", 6, (Number(value=0.5), 9)),
        ("loss: 93 %, b", 6, (Number(value=93, is_percentage=True), 10)),
        ("nan: 0.5", 5, (Number(value=0.5), 8)),
        ("loss: nan, b", 6, ("nan is not finite", 9)),
        ("n: 1,234 b", 3, ("1,234 may be thousands or a decimal comma", 10)),
        ("loss: high", 6, (None, 6)),
    ],
)
def test_a_number_within_a_text_has_an_end(text: str, start: int, found: tuple[Number | str | None, int]) -> None:
    assert number_at(text, start) == found
