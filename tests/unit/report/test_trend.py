"""The trend: a picture that any reader of SVG takes, the same for the same values."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.report.trend import HEIGHT, WIDTH, Point, trend
from tests.unit.report.test_markdown import hostile

SVG = "{http://www.w3.org/2000/svg}"


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


@given(
    name=hostile, day=hostile, values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=9)
)
def test_whatever_the_names_and_values_it_is_svg_with_all_dots_inside(name: str, day: str, values: list[float]) -> None:
    points = [Point(day=day, value=value) for value in values]
    picture = trend(name, points)
    assert picture == trend(name, points)
    assert all(0 < x < WIDTH and 0 < y < HEIGHT and math.isfinite(y) for x, y in dots(picture))
