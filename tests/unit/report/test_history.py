"""The history in the report: blocks for every metric, a chart for the first."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cmlkit.report.history import PastModel, history
from tests.unit.report.test_markdown import hostile, parsed


def past(*values: float | None, name: str = "accuracy") -> list[PastModel]:
    return [
        PastModel(day=f"2026-05-{day:02}", metrics={} if value is None else {name: value})
        for day, value in enumerate(values, start=1)
    ]


def test_a_metric_is_drawn_from_its_lowest_to_its_highest() -> None:
    page = history(past(0.90, 0.95, 0.92), {"accuracy": 0.97}, "").forms[0]
    assert "| accuracy | ▁▆▃█ | 0.9 | 0.97 | 0.97 |" in page
    assert "<summary>History (4 models)</summary>" in page


def test_the_first_metric_has_a_chart() -> None:
    page = history(past(0.90, 0.95), {"accuracy": 0.97, "loss": 0.1}, "").forms[0]
    assert (
        '```mermaid\nxychart-beta\n    title "accuracy"\n'
        '    x-axis ["2026-05-01", "2026-05-02", "this run"]\n    line [0.9, 0.95, 0.97]\n```'
    ) in page


def test_models_without_the_metric_leave_a_gap() -> None:
    page = history(past(0.90, None), {"Accuracy": 0.97}, "").forms[0]
    assert "| Accuracy | ▁·█ | 0.9 | 0.97 | 0.97 |" in page
    assert "mermaid" not in page


def test_a_metric_that_never_changes_is_a_level_line() -> None:
    assert "| accuracy | ▅▅▅ |" in history(past(0.9, 0.9), {"accuracy": 0.9}, "").forms[0]


@pytest.mark.parametrize(("before", "now"), [([], {"accuracy": 1.0}), (past(0.9), {})])
def test_without_a_past_or_a_metric_there_is_no_history(before: list[PastModel], now: dict[str, float]) -> None:
    assert history(before, now, "").forms == ("",)


@example("the smallest number", [0.0, 0.0, 5e-324])
@example("the largest numbers", [-1.7e308, 0.0, 1.7e308])
@given(hostile, st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=12))
def test_no_name_and_no_number_breaks_it(name: str, values: list[float]) -> None:
    for form in history(past(*values[:-1], name=name), {name: values[-1]}, "").forms:
        tokens = parsed(form)
        assert sum(token.type == "fence" for token in tokens) == form.count("xychart-beta\n")
        assert all(line.count("|") == 6 for line in form.splitlines() if line.startswith("|"))


class Counted(UserDict[str, float]):
    """Metrics that count how often all of them are gone through."""

    times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return super().__iter__()


def test_each_earlier_model_is_gone_through_once_however_many_metrics_there_are() -> None:
    models = [PastModel(day="2026-01-01", metrics=Counted({f"loss_{n}": 0.5 for n in range(50)})) for _ in range(3)]
    history(models, {f"loss_{n}": 0.4 for n in range(50)}, "")
    assert [model.metrics.times for model in models if isinstance(model.metrics, Counted)] == [1, 1, 1]
