"""The hidden marker: it survives any subject, and tells older runs from newer ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmlkit.publishing.marker import Marker, marker_in


def a_marker(*, run: str = "12", attempt: int = 1, subject: str = "model/m.joblib") -> Marker:
    return Marker(kind="report", subject=subject, run=run, attempt=attempt)


@given(st.text(), st.text(), st.text())
def test_a_marker_is_read_back_from_any_body_without_ending_its_comment(subject: str, before: str, after: str) -> None:
    marker = a_marker(subject=subject)
    assert str(marker).index("-->") == len(str(marker)) - 3
    assert marker_in(f"{before.replace('<', '')}{marker}{after}") == marker


def test_a_subject_cannot_end_the_comment_that_it_is_in() -> None:
    assert str(a_marker(subject="a-->b")) == (
        '<!-- cmlkit: {"kind": "report", "subject": "a\\u002d\\u002d\\u003eb", "run": "12", "attempt": 1} -->'
    )


@pytest.mark.parametrize(
    "body", ["", "report", "<!-- cmlkit: {} -->", "<!-- cmlkit: {broken} -->", '<!-- cmlkit: {"a": 1} -->']
)
def test_a_body_without_a_marker_has_none(body: str) -> None:
    assert marker_in(body) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "older"),
    [
        (("9", 1), ("10", 1), True),
        (("10", 1), ("9", 3), False),
        (("10", 1), ("10", 2), True),
        (("10", 2), ("10", 2), False),
        (("local-a", 1), ("local-b", 1), False),
        (("local-a", 1), ("local-b", 2), False),
        (("local-a", 1), ("local-a", 2), True),
        (("local-a", 2), ("local-a", 2), False),
        (("9", 1), ("local-a", 1), False),
        (("local-a", 1), ("9", 1), False),
    ],
)
def test_runs_are_ordered_by_number_and_attempt(ours: tuple[str, int], theirs: tuple[str, int], older: bool) -> None:
    assert a_marker(run=ours[0], attempt=ours[1]).is_older_than(a_marker(run=theirs[0], attempt=theirs[1])) is older


def test_a_marker_of_another_model_is_about_something_else() -> None:
    assert a_marker().is_about(a_marker(run="13"))
    assert not a_marker().is_about(a_marker(subject="model/other.joblib"))
