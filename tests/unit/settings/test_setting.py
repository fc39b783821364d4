"""Kinds of settings."""

from __future__ import annotations

import pytest

from cmlkit.settings.setting import seconds, split


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2h", 7200), ("1.5m", 90)])
def test_durations_are_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "5 m", "1m1h", "1w", "NaNs"])
def test_durations_without_a_unit_or_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration with a unit"):
        seconds(text)


def test_lists_come_a_line_each_or_separated_by_commas() -> None:
    assert split("a, b\n c ,,\n") == ("a", "b", "c")
