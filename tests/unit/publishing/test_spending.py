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
    note_of,
    notes_in,
    spent,
)
from cmlkit.records.cost import Spent
from cmlkit.records.training_run import InstanceFacts, Resources, TrainingRun

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


def trained(*, price: float | None, seconds: float = 3600.0) -> TrainingRun:
    instance = InstanceFacts(
        instance_id="i-0123", instance_type="t3.medium", market="spot", region="eu-west-1", price=price,
        started=NOW,
    )  # fmt: skip
    return TrainingRun(
        mode="command", command="true", metrics={}, model="m.joblib", started=NOW + 0.6, instance=instance,
        resources=Resources(wall_seconds=seconds, cpu_seconds=1, peak_memory_bytes=1),
    )  # fmt: skip


def test_a_training_on_an_instance_has_a_note_of_its_cost_to_the_millionth_of_a_dollar() -> None:
    marker = Marker(kind="pull-request", subject="m.joblib", run="7", attempt=3)
    # From the boot to the training's end, an hour and 0.6 seconds later.
    found = note_of(trained(price=0.123456789), marker)
    assert found == SpendingNote(run="7", attempt=3, usd=0.123477, at=NOW + 1)


@pytest.mark.parametrize(
    ("price", "run", "is_noted"),
    [(0.25, "local-1.a_b", True), (None, "7", False), (0.25, "a>b", False), (0.25, "", False)],
)
def test_without_a_price_or_with_an_id_that_ends_a_comment_there_is_no_note(
    price: float | None, run: str, is_noted: bool
) -> None:
    found = note_of(trained(price=price), Marker(kind="pull-request", subject="m.joblib", run=run))
    assert (found is not None) is is_noted


def test_numbers_that_are_whole_are_read_as_amounts() -> None:
    [found] = notes_in('<!-- cmlkit-cost: {"run": "7", "attempt": 2, "usd": 1, "at": 2} -->')
    assert found == SpendingNote(run="7", attempt=2, usd=1.0, at=2.0)
    assert (type(found.usd), type(found.at)) == (float, float)


def test_malformed_notes_do_not_hide_those_behind_them() -> None:
    assert notes_in(f"<!-- cmlkit-cost: {{}} -->{note()}") == [note()]


@pytest.mark.parametrize(("room", "kept"), [(0, ["7", "6"]), (-1, ["7"])])
def test_a_note_is_kept_if_the_body_has_room_to_the_last_code_point(room: int, kept: list[str]) -> None:
    body = f"New\n{note()}"
    found = carried(str(note("6")), body, limit=len(f"{body}\n{note('6')}") + room)
    assert [item.run for item in notes_in(found)] == kept
    assert found.startswith(body)


def test_a_note_that_is_too_long_does_not_keep_out_a_shorter_older_one() -> None:
    body = str(note())
    long, short = note("6" * 50, at=NOW - 1), note("5", at=NOW - 2)
    found = carried(f"{short}{long}", body, limit=len(f"{body}\n{short}"))
    assert [item.run for item in notes_in(found)] == ["7", "5"]


@pytest.mark.parametrize(
    ("at", "counts"),
    [(NOW, True), (NOW + 1, False), (NOW - WINDOW_SECONDS + 1, True), (NOW - WINDOW_SECONDS, False)],
)
def test_the_trainings_of_thirty_days_up_to_this_one_count(at: float, counts: bool) -> None:
    asked: list[dict[str, object]] = []

    class Asked(Forge):
        def pull_requests(self, **given: object) -> list[object]:
            asked.append(given)
            return super().pull_requests(**given)

    body = f"{MARKER}{note('6', at=at, usd=2.0)}{note(usd=9.0)}"
    forge = cast("PublishForge", Asked(failed=[], bodies=[PullRequest(author="bot", body=body)]))
    found = spent(note(), base="main", marker=MARKER, forge=forge)
    assert found == Spent(usd=2.25 if counts else 0.25, runs=1 + counts, days=30)
    assert asked == [{"base": "main", "state": "all", "limit": 100}]


@pytest.mark.parametrize(("workflow", "hourly"), [("", 0.1), ("train", None)])
def test_without_a_workflow_or_a_price_failed_runs_are_not_asked_for(workflow: str, hourly: float | None) -> None:
    forge = cast("PublishForge", Forge(failed=[FailedRun(run_id="5", seconds=1800.0)]))
    found = spent(note(), base="main", marker=MARKER, forge=forge, workflow=workflow, hourly=hourly)
    assert (found.failed, found.failed_usd) == (0, 0.0)


def test_a_failed_run_that_has_published_after_all_is_counted_once() -> None:
    bodies = [PullRequest(author="bot", body=f"{MARKER}{note('5')}")]
    forge = Forge(failed=[FailedRun(run_id=run, seconds=3600.0) for run in ("5", "6")], bodies=bodies)
    found = spent(note(), base="main", marker=MARKER, forge=cast("PublishForge", forge), workflow="train", hourly=0.5)
    assert found == Spent(usd=0.5, runs=2, days=30, failed=1, failed_usd=0.5)
