"""Where a rule that failed is shown."""

from __future__ import annotations

import pytest

from cmlkit.publishing.rejections import place_of

FILES = {
    "m/metrics.txt": "Log Loss: 0.2\nTest Accuracy: 0.9\n",
    "m/more.json": '{\n  "recall": {\n    "macro": 0.8\n  }\n}',
}


@pytest.mark.parametrize(
    ("metric", "place"),
    [
        ("Test Accuracy", ("m/metrics.txt", 2)),
        ("log_loss", ("m/metrics.txt", 1)),
        ("recall.macro", ("m/more.json", 3)),
        ("unknown", ("m/metrics.txt", 1)),
    ],
)
def test_it_is_the_line_that_names_the_metric(metric: str, place: tuple[str, int]) -> None:
    assert place_of(metric, FILES) == place
