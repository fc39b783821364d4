"""Where a rule that failed is shown."""

from __future__ import annotations

import pytest

from cmlkit.publishing.wording import metric_line

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
def test_a_failed_rule_is_shown_at_the_line_that_names_the_metric(metric: str, place: tuple[str, int]) -> None:
    assert metric_line(metric, FILES) == place
