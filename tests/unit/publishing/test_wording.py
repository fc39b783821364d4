"""The line at which a failed rule is shown, and the report as a check's summary."""

from __future__ import annotations

import pytest

from cmlkit.publishing.wording import metric_line, summary
from tests.unit.report.test_report import of_run

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


def test_a_checks_summary_is_measured_in_bytes() -> None:
    longest = 65_535
    report = of_run(parameters={f"größe_{number}": "漢字" * 15 for number in range(600)})
    assert len(report.markdown(limit=longest).encode()) > longest
    page = summary(report, longest=longest)
    assert len(page.encode()) <= longest
    assert "accuracy" in page
