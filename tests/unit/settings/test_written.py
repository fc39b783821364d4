"""Values as the settings file may have them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import yaml

from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import Setting, seconds
from cmlkit.settings.written import duration_text, written

SAMPLES: dict[str, Sequence[object]] = {
    "text": ["", "plain", "yes", "a: b # c", "- x", "two\nlines", "{x}", "1e3", "échantillon"],
    "list": [(), ("a",), ("a: b", "0x10", "x,y")],
    "mapping": [{}, {"a": 1, "b": "no"}],
    "duration": [1.0, 90.0, 5400.0, 7200.0, 86_400.0, 604_800.0, 90_061.5],
    "whole number": [1, 300],
    "number": [0.5, 4.0],
    "true or false": [True, False],
}
OWN_SAMPLES: dict[str, Sequence[object]] = {
    "gate.directions": [{"churn_cost": "lower"}],
    "train.search": [],
}
DECLARED = [item for declared in SCHEMA.values() for item in declared]


@pytest.mark.parametrize("item", DECLARED, ids=lambda item: item.path)
def test_a_value_is_shown_as_the_settings_file_may_have_it(item: Setting) -> None:
    samples = OWN_SAMPLES.get(item.path, SAMPLES.get(item.kind.name, item.kind.choices))
    for value in [item.default, *samples]:
        document = yaml.safe_load(f"key: {written(item, value)}\n")
        assert item.kind.accept(document["key"]) == value


@pytest.mark.parametrize(
    ("duration", "shown"), [(7200.0, "2h"), (5400.0, "1h30m"), (0.0, "0s"), (90.0, "1m30s"), (604_800.0, "7d")]
)
def test_a_duration_is_written_with_its_units(duration: float, shown: str) -> None:
    assert duration_text(duration) == shown
    assert seconds(shown) == duration
