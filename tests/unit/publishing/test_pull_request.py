"""Pull requests of earlier and newer runs: which are found, updated, closed, and left to people who worked on them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import DELETED_ACCOUNT, Comment, NewPullRequest, PullRequest
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.pull_request import (
    Reception,
    close_for,
    earlier_pull_requests,
    marked_pull_requests,
    newest_of_newer,
    open_pull_request,
    reception,
    supersede,
)
from cmlkit.publishing.spending import SpendingNote, notes_in
from tests.toys.forge import FACTS
from tests.unit.publishing.in_memory import ToldForge

MODEL = "model/m.joblib"


def mark(run: str, *, attempt: int = 1, subject: str = MODEL, kind: Any = "pull-request") -> Marker:
    return Marker(kind=kind, subject=subject, run=run, attempt=attempt)


@dataclass
class Listed(ToldForge):
    """A forge with pull requests made by hand, that keeps what was asked and updated."""

    looked: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def add(self, number: int, marker: Marker | str, **changes: Any) -> PullRequest:
        made = PullRequest(
            number=number,
            url=f"toy://{number}",
            node_id="",
            title=f"Pull request {number}",
            body=f"{marker}",
            head=f"branch-{number}",
            head_sha="",
            base="main",
            state="open",
            draft=False,
            author="toy",
        )
        self.pulls[number] = dataclasses.replace(made, **changes)
        return self.pulls[number]

    def pull_requests(self, **asked: Any) -> list[PullRequest]:
        self.looked.append(asked)
        return super().pull_requests(**asked)

    def update_pull_request(self, number: int, **given: Any) -> PullRequest:
        self._meet("update_pull_request")
        self.updates.append((number, given))
        return super().update_pull_request(number, **given)

    def delete_branch(self, branch: str) -> None:
        super().delete_branch(branch)
        self.deleted.append(branch)

    def states(self) -> dict[int, str]:
        return {number: pull.state for number, pull in self.pulls.items()}


@pytest.fixture
def forge() -> Listed:
    forge = Listed("octo/forest")
    forge.start({})
    return forge


def test_the_runs_before_are_those_of_our_account_with_a_marker_of_the_same_model(forge: Listed) -> None:
    forge.add(1, mark("5"))
    forge.add(2, mark("6"), author="ann")
    forge.add(3, mark("6", subject="other"))
    forge.add(4, "no marker")
    forge.add(5, mark("7"), base="dev")
    forge.add(6, mark("8"))
    forge.add(7, mark("9"), state="closed")
    forge.add(8, mark("6", kind="report"))
    marked = marked_pull_requests("main", mark("10"), forge=forge)
    assert [item.number for item in marked] == [6, 2, 1]
    earlier = earlier_pull_requests("main", mark("10"), forge=forge)
    assert [item.number for item in earlier] == [6, 1]


NEW = NewPullRequest(base="main", title="Title", body=f"{mark('10')}\n\nNew", draft=True)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_branch_without_a_pull_request_gets_one(forge: Listed, is_new: bool) -> None:
    forge.branches["work"] = "c"
    forge.add(1, mark("10"), head="other")
    opened = open_pull_request(NEW, branch="work", is_new=is_new, forge=forge)
    assert (opened.head, opened.base, opened.title, opened.body, opened.draft) == (
        "work",
        "main",
        NEW.title,
        NEW.body,
        True,
    )
    assert forge.looked == ([] if is_new else [{"base": "main", "head": "work"}])


@pytest.mark.parametrize(
    ("there", "is_updated"),
    [
        ({"body": NEW.body, "title": "Title"}, False),
        ({"body": NEW.body, "title": "Other"}, True),
        ({"body": f"{mark('10')}", "title": "Title"}, True),
        ({"body": f"{mark('9')}"}, True),
        ({"body": f"{mark('11')}"}, False),
        ({"body": f"{mark('10', attempt=2)}"}, False),
        ({"body": f"{mark('11', subject='other')}"}, True),
        ({"body": "no marker"}, True),
    ],
    ids=[
        "the same",
        "another title",
        "another body",
        "an older run's",
        "a newer run's",
        "a newer attempt's",
        "another model's",
        "a person's",
    ],
)
def test_a_pull_request_gets_title_and_body_unless_a_newer_run_has_written_them(
    forge: Listed, there: dict[str, str], is_updated: bool
) -> None:
    before = forge.add(1, "", head="work", **there)
    found = open_pull_request(NEW, branch="work", is_new=False, forge=forge)
    assert forge.updates == ([(1, {"title": "Title", "body": NEW.body})] if is_updated else [])
    assert found == (dataclasses.replace(before, title="Title", body=NEW.body) if is_updated else before)


def test_a_pull_request_whose_new_body_ends_with_a_line_break_is_the_same(forge: Listed) -> None:
    """GitHub keeps a body without it."""
    forge.add(1, "", head="work", title="Title", body=NEW.body)
    open_pull_request(dataclasses.replace(NEW, body=f"{NEW.body}\n"), branch="work", is_new=False, forge=forge)
    assert forge.updates == []


@pytest.mark.parametrize("room", [-1, 0])
def test_the_costs_of_earlier_runs_stay_in_the_body_as_far_as_there_is_room(forge: Listed, room: int) -> None:
    ours, theirs = (SpendingNote(run=run, attempt=1, usd=0.5, at=1e9) for run in ("10", "9"))
    body = f"{mark('10')}{ours}"
    limit = FACTS.limits.text - 1
    body += "x" * (limit + room - len(f"{body}\n{theirs}"))
    forge.add(1, f"{mark('9')}{theirs}", head="work")
    open_pull_request(dataclasses.replace(NEW, body=body), branch="work", is_new=False, forge=forge)
    kept = notes_in(forge.pulls[1].body)
    assert [note.run for note in kept] == ["10", "9"]
    forge.add(2, f"{mark('9')}{theirs}", head="full")
    open_pull_request(dataclasses.replace(NEW, body=f"{body}xx"), branch="full", is_new=False, forge=forge)
    assert [note.run for note in notes_in(forge.pulls[2].body)] == ["10"]


def comment(author: str, body: str) -> Comment:
    return Comment(id=1, place=1, url="", body=body, author=author)


@pytest.mark.parametrize(
    ("authors", "comments", "expected"),
    [
        ({"toy"}, [], Reception(people=(), is_noted=False)),
        ({"toy", "bea", "ann"}, [], Reception(people=("ann", "bea"), is_noted=False)),
        ({"dependabot[bot]"}, [comment("ci[bot]", "Hi")], Reception(people=(), is_noted=False)),
        (set(), [comment("ann", "Hi")], Reception(people=("ann",), is_noted=False)),
        # A person's own token writes comments with a marker, and others of the same account by hand.
        (set(), [comment("toy", f"{mark('1', kind='report')}")], Reception(people=(), is_noted=False)),
        (set(), [comment("toy", "Hi")], Reception(people=("toy",), is_noted=False)),
        (set(), [comment("toy", f"{mark('1', kind='superseded')}")], Reception(people=(), is_noted=True)),
        (
            {"toy", "ann"},
            [comment("toy", f"{mark('1', kind='superseded')}"), comment("bea", "Hi")],
            Reception(people=("ann", "bea"), is_noted=True),
        ),
    ],
)
def test_those_who_committed_reviewed_or_commented_count_except_cmlkit_and_bots(
    forge: Listed, authors: set[str], comments: list[Comment], expected: Reception
) -> None:
    forge.authors[1] = authors
    forge.all_comments = comments
    assert reception(1, forge=forge) == expected


def superseded(
    forge: Listed, current: PullRequest, run: str, *, known: dict[int, Reception] | None = None, **options: Any
) -> tuple[list[int], list[str]]:
    """Return the numbers of those that were closed, and the warnings."""
    warnings: list[str] = []
    closed = supersede(
        list(forge.pulls.values()),
        current=current,
        marker=mark(run),
        forge=forge,
        known=known or {},
        warn=warnings.append,
        **options,
    )
    return [item.number for item in closed], warnings


def test_untouched_pull_requests_of_earlier_runs_are_closed_with_a_link_and_without_their_branch(forge: Listed) -> None:
    earlier = forge.add(1, mark("8"))
    current = forge.add(2, mark("10"))
    later = forge.add(3, mark("11"))
    forge.branches |= {item.head: "c" for item in (earlier, current, later)}
    assert superseded(forge, current, "10") == ([1], [])
    assert forge.updates == [(1, {"state": "closed"})]
    assert set(forge.branches) == {"main", "branch-2", "branch-3"}
    [noted] = forge.all_comments
    note = mark("10", kind="superseded")
    assert (noted.place, noted.body) == (1, f"{note}\nSuperseded by #2.")


@pytest.mark.parametrize(
    ("marker", "changes", "is_closed"),
    [
        (mark("9"), {}, True),
        (mark("10"), {}, True),  # of the same run, and opened before
        (mark("11"), {}, False),
        (mark("10", attempt=2), {}, False),
        (mark("local-run"), {}, True),
        (mark("9"), {"head": "branch-2"}, False),
        ("no marker", {}, False),
    ],
)
def test_only_a_run_that_is_not_newer_is_superseded(
    forge: Listed, marker: Marker | str, changes: dict[str, Any], is_closed: bool
) -> None:
    current = forge.add(2, mark("10"))
    forge.add(1, marker, **changes)
    assert superseded(forge, current, "10") == ([1] if is_closed else [], [])


@pytest.mark.parametrize(("marker", "is_closed"), [(mark("9"), True), (mark("local-run"), False), (mark("10"), False)])
def test_one_that_was_opened_later_is_superseded_only_if_its_run_is_known_to_be_earlier(
    forge: Listed, marker: Marker, is_closed: bool
) -> None:
    """Otherwise it closes this one, and both would be closed."""
    forge.add(3, marker)
    current = forge.add(2, mark("10"))
    forge.add(1, mark("8"))  # behind one that is not closed
    assert superseded(forge, current, "10") == ([3, 1] if is_closed else [1], [])


@pytest.mark.parametrize(
    ("changes", "authors", "why"),
    [
        ({"author": "ann"}, set(), "ann opened it, not toy."),
        ({"author": DELETED_ACCOUNT}, set(), "an account that was deleted opened it, not toy."),
        ({"title": "better"}, set(), "the gate accepted its model, unlike this one."),
        ({}, {"ann", "bea"}, "ann and bea worked on it."),
        ({}, {DELETED_ACCOUNT}, f"{DELETED_ACCOUNT}, the name of deleted accounts, worked on it."),
    ],
)
def test_one_that_stays_open_is_told_with_the_reason_and_the_next_is_closed(
    forge: Listed, changes: dict[str, Any], authors: set[str], why: str
) -> None:
    forge.add(1, mark("8"), **changes)
    forge.authors[1] = authors
    forge.add(2, mark("9"))
    current = forge.add(3, mark("10"))
    closed, warnings = superseded(forge, current, "10", stays=lambda item: item.title == "better")
    assert closed == [2]
    assert warnings == [f"The pull request #1 stays open: {why}"]
    assert forge.states() == {1: "open", 2: "closed", 3: "open"}


def test_what_was_read_a_moment_ago_about_people_is_not_asked_again(forge: Listed) -> None:
    forge.add(1, mark("8"))
    forge.add(2, mark("9"))
    forge.authors = {1: {"ann"}, 2: set()}
    current = forge.add(3, mark("10"))
    known = {1: Reception(people=(), is_noted=True), 2: Reception(people=("bea",), is_noted=False)}
    assert superseded(forge, current, "10", known=known) == ([1], ["The pull request #2 stays open: bea worked on it."])
    assert forge.all_comments == []  # a note is there already


def refusal(status: int) -> CmlkitError:
    return ServiceError(f"GitHub refused it: {status}.", status=status)


@pytest.mark.parametrize(
    "refused",
    [PermissionDenied("GitHub refused it: 403."), NotFound("GitHub refused it: 404.", status=404)]
    + [refusal(status) for status in (403, 404, 409, 422)],
)
def test_a_pull_request_that_the_forge_does_not_close_is_told_and_the_next_is_closed(
    forge: Listed, refused: CmlkitError
) -> None:
    forge.add(1, mark("8"))
    current = forge.add(2, mark("10"))
    forge.failures["update_pull_request"] = refused
    assert superseded(forge, current, "10") == ([], [f"The pull request #1 stays open: {refused}"])
    del forge.failures["update_pull_request"]
    # The second try finds the note of the first, and writes no other.
    assert superseded(forge, current, "10") == ([1], [])
    assert len(forge.all_comments) == 1


@pytest.mark.parametrize("status", [500, 502, 429])
def test_an_outage_while_closing_is_an_error(forge: Listed, status: int) -> None:
    forge.add(1, mark("8"))
    forge.failures["update_pull_request"] = refusal(status)
    with pytest.raises(ServiceError):
        superseded(forge, forge.add(2, mark("10")), "10")


def test_the_branch_goes_before_the_pull_request_closes(forge: Listed) -> None:
    """A publish that is interrupted between the two finds an open pull request again, but no closed one."""
    forge.add(1, mark("8"))
    forge.failures["update_pull_request"] = refusal(500)
    with pytest.raises(ServiceError):
        superseded(forge, forge.add(2, mark("10")), "10")
    assert forge.deleted == ["branch-1"]


def test_the_newest_of_the_newer_runs_is_found_whatever_the_order(forge: Listed) -> None:
    numbers = ("8", "11", "13", "12", "14", "15", "16")
    made = [forge.add(index, mark(run)) for index, run in enumerate(numbers, start=1)]
    made[4] = forge.add(5, mark("14"), author="ann")
    made[5] = forge.add(6, "no marker")
    made[6] = forge.add(7, mark("local"))
    newest = made[2]
    for order in (made, made[::-1]):
        assert newest_of_newer(order, marker=mark("10"), login="toy") == newest
        assert newest_of_newer(order, marker=mark("13"), login="toy") is None


@pytest.mark.parametrize(
    ("state", "authors", "failure", "is_closed"),
    [
        ("open", set(), None, True),
        ("closed", {"ann"}, None, True),
        ("open", {"ann"}, None, False),
        ("open", set(), refusal(422), False),
    ],
    ids=["open", "closed by the newer run", "worked on", "refused"],
)
def test_a_pull_request_gives_way_to_a_newer_runs_unless_people_worked_on_it(
    forge: Listed, state: str, authors: set[str], failure: CmlkitError | None, is_closed: bool
) -> None:
    ours = forge.add(1, mark("10"), state=state)
    newer = forge.add(2, mark("11"))
    forge.authors[1] = authors
    if failure:
        forge.failures["update_pull_request"] = failure
    warnings: list[str] = []
    seen = dataclasses.replace(ours, state="open")
    assert close_for(seen, newer, marker=mark("10"), forge=forge, warn=warnings.append) is is_closed
    assert warnings == ([f"The pull request #1 stays open: {failure}"] if failure else [])
    tried = state == "open" and not authors
    assert forge.deleted == (["branch-1"] if tried else [])
    bodies = [item.body for item in forge.all_comments]
    assert bodies == ([f"{mark('10', kind='superseded')}\nSuperseded by #2."] if tried else [])
    assert [marker_in(body) for body in bodies] == ([mark("10", kind="superseded")] if tried else [])
