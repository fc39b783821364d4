"""The trend: a picture that any reader of SVG takes, the same for the same values."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.report.trend import FONT, HEIGHT, WIDTH, Point, trend
from tests.unit.report.test_markdown import hostile

SVG = "{http://www.w3.org/2000/svg}"
PHONE = 360
"""Pixels that a comment has for pictures on a screen of 420."""
PAGES = ("#ffffff", "#0d1117")
"""The background of GitHub's pages, light and dark."""


def of(*values: float) -> list[Point]:
    return [Point(day=f"2026-11-{day:02}", value=value) for day, value in enumerate(values, start=1)]


def dots(picture: str) -> list[tuple[float, float]]:
    root = ElementTree.fromstring(picture)
    return [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter(f"{SVG}circle")]


def test_values_stand_from_left_to_right_and_higher_ones_above() -> None:
    found = dots(trend("accuracy", of(0.9, 0.95, 0.92)))
    assert [x for x, _ in found] == sorted({x for x, _ in found})
    assert found[1][1] < found[2][1] < found[0][1]


def test_it_names_the_metric_its_value_the_range_and_the_days() -> None:
    picture = trend("accuracy", of(0.9, 0.95, 0.92))
    for words in (
        "accuracy: 0.92",
        ">0.95<",
        ">0.9<",
        ">2026-11-01<",
        ">2026-11-03<",
        'aria-label="accuracy of the last',
    ):
        assert words in picture


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_models_are_no_trend(count: int) -> None:
    assert trend("accuracy", of(*[0.9] * count)) == ""


def test_it_is_small_follows_light_and_dark_and_loads_nothing() -> None:
    picture = trend("accuracy", of(*(0.9 + number / 1_000 for number in range(30))))
    assert len(picture) < 8_000
    assert "prefers-color-scheme:dark" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def texts(picture: str) -> list[tuple[float, float]]:
    """Begin and end of each text, with letters as wide as the widest digits of common fonts: 0.6 of their height."""
    spans = []
    for item in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        x, width = float(item.attrib["x"]), len(item.text or "") * FONT * 0.6
        spans.append((x, x + width) if item.attrib["text-anchor"] == "start" else (x - width, x))
    return spans


@pytest.mark.parametrize("higher_is_better", [True, False, None])
@pytest.mark.parametrize(
    "values",
    [(0.9, 0.95), (1.2e12, 9.9e307), (1.2e-9, 3e-9), (-1234567.891, -1234567.8), (0.123456789, 0.12345679),
     (12345678.0, 12345679.0), (0.1 + 0.2, 0.3)],
)  # fmt: skip
@pytest.mark.parametrize("name", ["accuracy", "validation/mean_average_precision@[0.50:0.95]"])
def test_no_text_is_cut_off_however_many_digits_it_takes(
    name: str, values: tuple[float, float], higher_is_better: bool | None
) -> None:
    picture = trend(name, of(*values, values[0]), higher_is_better=higher_is_better)
    assert all(0 <= begin < end <= WIDTH for begin, end in texts(picture))
    assert ("lower is better" in picture) is (higher_is_better is False)


def test_on_a_phone_the_letters_are_ten_pixels_high() -> None:
    root = ElementTree.fromstring(trend("accuracy", of(0.9, 0.95, 0.92)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {width:g} {height:g}"
    assert FONT * min(1, PHONE / width) >= 10


def luminance(color: str) -> float:
    """The relative luminance according to https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(color: str, other: str) -> float:
    low, high = sorted((luminance(color), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_line_can_be_told_from_the_page_even_if_only_the_browser_is_dark() -> None:
    light, _, dark = trend("accuracy", of(0.9, 0.95, 0.92)).partition("@media(prefers-color-scheme:dark)")
    for style, own, other in ((light, *PAGES), (dark, *reversed(PAGES))):
        [text] = re.findall(r"text\{[^}]*fill:(#\w{6})", style)
        [line] = re.findall(r"line\{[^}]*stroke:(#\w{6})", style)
        assert contrast(text, own) >= 4.5  # https://www.w3.org/TR/WCAG21/#contrast-minimum
        assert contrast(line, own) >= 3  # https://www.w3.org/TR/WCAG21/#non-text-contrast
        assert min(contrast(text, other), contrast(line, other)) >= 3


@given(
    name=hostile, day=hostile, values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=9)
)
def test_whatever_the_names_and_values_it_is_svg_with_all_dots_inside(name: str, day: str, values: list[float]) -> None:
    points = [Point(day=day, value=value) for value in values]
    picture = trend(name, points)
    assert picture == trend(name, points)
    assert all(0 < x < WIDTH and 0 < y < HEIGHT and math.isfinite(y) for x, y in dots(picture))
