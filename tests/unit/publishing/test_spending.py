"""Spending notes in pull requests survive their body being replaced; old, foreign and malformed notes do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.forges.base import PublishForge
from cmlkit.forges.workflows import FailedRun
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.spending import (
    WINDOW_SECONDS,
    SpendingNote,
    carried,
    notes_in,
    spent,
)

NOW = 1_717_142_400.0


def note(run: str = "7", *, at: float = NOW, usd: float = 0.25) -> SpendingNote:
    return SpendingNote(run=run, attempt=1, usd=usd, at=at)


def test_an_entry_is_read_back_from_a_body() -> None:
    assert notes_in(f"Text\n{note()}\nmore {note('8')}") == [note(), note("8")]


@pytest.mark.parametrize(
    "text", ["{}", "{broken}", '{"run": "7"}', '{"run": "7", "attempt": 1, "usd": "much", "at": 1}', "[1]"]
)
def test_what_is_no_entry_is_left_out(text: str) -> None:
    assert notes_in(f"<!-- cmlkit-cost: {text} -->") == []


def test_a_new_body_keeps_the_entries_of_the_one_before_but_its_own_and_the_old_ones() -> None:
    before = "\n".join(map(str, [note(usd=9), note("6"), note("5", at=NOW - WINDOW_SECONDS)]))
    assert notes_in(carried(before, f"New\n{note()}", limit=1000)) == [note(), note("6")]


def test_a_body_of_a_run_without_cost_stays_as_it_is() -> None:
    assert carried(str(note("6")), "New", limit=1000) == "New"


def test_what_does_not_fit_is_dropped_from_the_oldest_on() -> None:
    body = str(note())
    before = "\n".join(str(note(str(run), at=NOW - 100 + run)) for run in range(1, 50))
    kept = notes_in(carried(before, body, limit=3 * len(body)))
    assert [item.run for item in kept] == ["7", "49"]


@dataclass(kw_only=True)
class Forge:
    """A forge with pull requests, and runs that failed; None if the token may not see them."""

    failed: list[FailedRun] | None
    bodies: Sequence[object] = ()

    def login(self) -> str:
        return "bot"

    def pull_requests(self, **_: object) -> list[object]:
        return list(self.bodies)

    def failed_runs(self, workflow: str, *, since: float) -> list[FailedRun]:
        assert (workflow, since) == ("train", NOW - WINDOW_SECONDS)
        if self.failed is None:
            raise PermissionDenied("Resource not accessible by integration.")
        return self.failed


MARKER = Marker(kind="pull-request", subject="m.joblib", run="7")


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """As far as spending looks at it."""

    author: str
    body: str


def test_notes_of_others_and_of_other_models_do_not_count() -> None:
    of_another_model = Marker(kind="pull-request", subject="other.joblib", run="5")
    bodies = [
        PullRequest(author="bot", body=f"{MARKER}{note('6')}"),
        PullRequest(author="ann", body=f"{MARKER}{note('5')}"),
        PullRequest(author="bot", body=f"{of_another_model}{note('4')}"),
        PullRequest(author="bot", body=str(note("3"))),
    ]
    forge = cast("PublishForge", Forge(failed=[], bodies=bodies))
    found = spent(note(), base="main", marker=MARKER, forge=forge)
    assert (found.usd, found.runs) == (0.5, 2)


def test_failed_runs_count_at_most_as_long_as_they_took() -> None:
    # The note's own run has failed before, in an attempt that this one repeats.
    forge = Forge(failed=[FailedRun(run_id=run, seconds=1800.0) for run in ("5", "6", "7")])
    found = spent(note(), base="main", marker=MARKER, forge=cast("PublishForge", forge), workflow="train", hourly=0.1)
    assert (found.usd, found.runs) == (0.25, 1)
    assert found.failed == 2
    assert found.failed_usd == pytest.approx(0.1)


def test_failed_runs_that_the_token_may_not_see_are_left_out() -> None:
    forge = cast("PublishForge", Forge(failed=None))
    found = spent(note(), base="main", marker=MARKER, forge=forge, workflow="train", hourly=0.1)
    assert (found.runs, found.failed) == (1, 0)
