"""How numbers, durations and sizes read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.972, "0.972"),
        (0.97, "0.97"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.123456, "0.1235"),
        (98.7654, "98.77"),
        (999.96, "1,000"),
        (1234.5, "1,234"),
        (1234567, "1,234,567"),
        (-0.25, "−0.25"),
        (0.0001234567, "0.0001235"),
        (0.00000015, "1.5e-7"),
        (1.5e20, "1.5e20"),
        (1e-320, "1e-320"),
    ],
)
def test_numbers_read_as_people_write_them(value: float, text: str) -> None:
    assert formats.number(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_four_significant_digits(value: float) -> None:
    text = formats.number(value).replace(formats.MINUS, "-").replace(",", "")
    assert float(text) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.99997, 0.99998), ("0.99997", "0.99998")),
        ((-1234567.891, -1234567.8), ("−1,234,567.9", "−1,234,567.8")),
        ((98765.43, 98765.4), ("98,765.43", "98,765.4")),
        ((12.5, 12.5), ("12.5", "12.5")),
    ],
)
def test_different_numbers_have_as_many_digits_as_it_takes_and_none_of_the_binary_ones(
    values: tuple[float, float], texts: tuple[str, str]
) -> None:
    assert formats.numbers_apart(*values) == texts


@pytest.mark.parametrize(("value", "text"), [(0.012, "+0.012"), (-3, "−3"), (0, "0"), (2e308, "+∞"), (-2e308, "−∞")])
def test_a_difference_has_its_sign(value: float, text: str) -> None:
    assert formats.signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (42.3, "42 s"),
        (59.6, "1 min"),
        (252, "4 min 12 s"),
        (7500, "2 h 5 min"),
        (86400, "24 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (812, "812 B"), (4300, "4.2 KiB"), (1024**2 - 1, "1 MiB"), (3 * 1024**5, "3,072 TiB")],
)
def test_sizes(count: int, text: str) -> None:
    assert formats.size(count) == text


def test_nouns_follow_their_count() -> None:
    assert [formats.plural(count, "rule") for count in (0, 1, 2, 1000)] == [
        "0 rules",
        "1 rule",
        "2 rules",
        "1,000 rules",
    ]
