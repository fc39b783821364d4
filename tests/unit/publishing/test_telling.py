"""The words to people about a result: comment, check and settings of the pull request, with all that the forge gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import Check, PullRequest
from cmlkit.gate.verdict import Verdict
from cmlkit.publishing import wording
from cmlkit.publishing.destination import Destination
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.report import MARKER_ROOM
from cmlkit.settings.schema import PublishSpec
from tests.toys.forge import FACTS
from tests.unit.publishing.in_memory import METRICS, ToldForge, Workshop

DENIED = PermissionDenied("GitHub refused it: 403 Resource not accessible by integration.")
MET, FAILED = ("accuracy >= 0.5",), ("accuracy >= 0.95",)


@dataclass
class Listening(ToldForge):
    """Keeps what each call was given: name of the method -> the calls, in their order."""

    heard: dict[str, list[Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def _hear(self, name: str, *given: Any) -> None:
        self.heard.setdefault(name, []).append(given[0] if len(given) == 1 else given)
        self._meet(name)

    def create_check(self, *, name: str, conclusion: str, **shown: Any) -> Check:
        self.heard.setdefault("create_check", []).append({"name": name, "conclusion": conclusion, **shown})
        return super().create_check(name=name, conclusion=conclusion, **shown)

    def create_status(self, *, name: str, conclusion: str, **shown: Any) -> str:
        self.heard.setdefault("create_status", []).append({"name": name, "conclusion": conclusion, **shown})
        return super().create_status(name=name, conclusion=conclusion, **shown)

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        self._hear("set_draft", pull_request.number, draft)
        return pull_request

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        self._hear("request_reviewers", number, list(people), list(teams))

    def add_assignees(self, number: int, people: Sequence[str]) -> None:
        self._hear("add_assignees", number, tuple(people))

    def set_milestone(self, number: int, title: str) -> None:
        self._hear("set_milestone", number, title)

    def required_checks(self, branch: str) -> list[str]:
        self._hear("required_checks", branch)
        return list(self.required)


@pytest.fixture
def forge() -> Listening:
    return Listening("octo/forest")


@pytest.fixture
def workshop(tmp_path: Path, forge: Listening) -> Workshop:
    return Workshop(directory=tmp_path, forge=forge)


UNJUDGED = Verdict(outcome="unjudged", headline="Nobody said which metric decides.")


@pytest.mark.parametrize(
    ("rules", "planned", "settings", "conclusion"),
    [
        (MET, {}, {}, "success"),
        ((), {"verdict": UNJUDGED}, {}, "neutral"),
        (FAILED, {}, {}, "failure"),
        (FAILED, {}, {"on_rejected": "warn"}, "neutral"),
        ((), {"verdict": UNJUDGED}, {"on_rejected": "warn"}, "neutral"),
    ],
    ids=["accepted", "not judged", "rejected", "rejected, which is only a warning", "not judged, and a warning"],
)
@pytest.mark.parametrize("is_refused", [False, True], ids=["check", "status"])
def test_the_check_has_the_verdict_and_so_has_the_status_in_its_place(
    workshop: Workshop,
    forge: Listening,
    rules: tuple[str, ...],
    planned: Mapping[str, Any],
    settings: Mapping[str, Any],
    conclusion: str,
    is_refused: bool,
) -> None:
    if is_refused:
        forge.failures["create_check"] = DENIED
    published = workshop.publish(0.9, run_id="100", rules=rules, planned=planned, **settings)
    [shown] = forge.heard["create_status" if is_refused else "create_check"]
    assert {name: shown[name] for name in ("name", "commit", "conclusion", "title", "details_url")} == {
        "name": "cmlkit",
        "commit": published.commit_sha,
        "conclusion": conclusion,
        "title": wording.brief(published.verdict),
        "details_url": "https://forge.example/octo/forest/actions/runs/100",
    }
    assert published.check_url == "toy://forge/k/1"
    assert workshop.heard.warnings == []


@pytest.mark.parametrize(("settings", "level"), [({}, "failure"), ({"on_rejected": "warn"}, "warning")])
def test_the_check_has_the_report_and_an_annotation_for_each_failed_rule(
    workshop: Workshop, forge: Listening, settings: Mapping[str, Any], level: str
) -> None:
    workshop.publish(0.9, run_id="100", rules=FAILED, **settings)
    [shown] = forge.heard["create_check"]
    assert "❌\u00a00.9 &#60; 0.95" in shown["summary"]
    assert [(item.path, item.line, item.level) for item in shown["annotations"]] == [(METRICS, 1, level)]


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_summary_that_does_not_fit_into_the_check_is_cut(
    workshop: Workshop, forge: Listening, more: int, is_whole: bool
) -> None:
    """A report is cut by its parts: the last one, with the command, is shown whole or not at all."""
    workshop.publish(0.9, run_id="100", trained={"command": "é"})
    room = FACTS.limits.summary - len(forge.heard["create_check"][0]["summary"].encode())
    workshop.publish(0.9, run_id="100", trained={"command": "é" + "x" * (room + more)})
    shown = forge.heard["create_check"][1]["summary"]
    assert ("xxx" in shown) is is_whole
    assert (len(shown.encode()) == FACTS.limits.summary) is is_whole


def test_the_check_is_at_the_events_commit(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.9, run_id="100", planned={"destination": Destination(base="main", commit="e" * 40)})
    forge.failures["create_check"] = DENIED
    workshop.publish(0.9, run_id="100", planned={"destination": Destination(base="main", commit="e" * 40)})
    assert [item["commit"] for item in forge.heard["create_check"]] == ["e" * 40] * 2
    assert [item["commit"] for item in forge.heard["create_status"]] == ["e" * 40]


def test_without_a_check_or_without_the_permission_for_one_there_is_no_url(
    workshop: Workshop, forge: Listening
) -> None:
    assert workshop.publish(0.9, run_id="100", check=False).check_url == ""
    assert "create_check" not in forge.heard
    forge.failures |= {"create_check": DENIED, "create_status": PermissionDenied("No status either.")}
    assert workshop.publish(0.9, run_id="100").check_url == ""
    assert workshop.heard.warnings == [f"No check was created: {DENIED}"]


def test_the_comment_is_under_the_pull_request_and_has_the_report(workshop: Workshop, forge: Listening) -> None:
    published = workshop.publish(0.9, run_id="100", rules=MET)
    [comment] = forge.all_comments
    assert (comment.place, comment.url) == (published.pull_request_number, published.comment_url)
    marker, text = comment.body.split("\n", 1)
    assert marker_in(marker) == Marker(kind="report", subject="model/m.joblib", run="100")
    assert published.report.startswith(text[:200])
    assert published.commit_sha[:7] in text


@pytest.mark.parametrize(("event", "number"), [(7, 7), (1, 1)])
def test_under_the_events_pull_request_the_comment_says_where_the_result_is(
    workshop: Workshop, forge: Listening, event: int, number: int
) -> None:
    workshop.publish(0.9, run_id="100", planned={"destination": Destination(base="topic", pull_request=event)})
    [comment] = forge.all_comments
    assert comment.place == number
    text = comment.body.split("\n", 1)[1]
    note = "The result is in #1, to be merged into `topic`.\n\n"
    assert text.startswith(note) is (event != 1)
    assert ("The result is in" in text) is (event != 1)


@pytest.mark.parametrize("event", [None, 7])
@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_report_that_does_not_fit_into_the_comment_is_cut(
    workshop: Workshop, forge: Listening, event: int | None, more: int, is_whole: bool
) -> None:
    planned = {"destination": Destination(base="main", pull_request=event)}
    workshop.publish(0.9, run_id="100", trained={"command": "c"}, planned=planned)
    # The forge keeps a comment without the line break at its end.
    longest = FACTS.limits.text - MARKER_ROOM - 1
    room = longest - len(forge.all_comments[0].body.split("\n", 1)[1])
    workshop.publish(0.9, run_id="100", trained={"command": "c" + "x" * (room + more)}, planned=planned)
    [comment] = forge.all_comments
    assert ("xxx" in comment.body) is is_whole
    assert (len(comment.body.split("\n", 1)[1]) == longest) is is_whole


def test_a_comment_that_is_not_wanted_has_no_url(workshop: Workshop, forge: Listening) -> None:
    published = workshop.publish(0.9, run_id="100", comment="none")
    assert (published.comment_url, forge.all_comments) == ("", [])


SETTINGS: Mapping[str, Any] = {
    "labels": ("model", "daily"),
    "reviewers": ("ann", "octo/data", "bea"),
    "assignees": ("bea",),
    "milestone": "June",
}


def test_labels_reviewers_assignees_and_milestone_are_those_of_the_settings(
    workshop: Workshop, forge: Listening
) -> None:
    workshop.publish(0.9, run_id="100", **SETTINGS)
    assert forge.labels == {1: ("model", "daily")}
    told = {name: forge.heard.get(name) for name in ("request_reviewers", "add_assignees", "set_milestone")}
    assert told == {
        "request_reviewers": [(1, ["ann", "bea"], ["data"])],
        "add_assignees": [(1, ("bea",))],
        "set_milestone": [(1, "June")],
    }


def test_settings_that_are_not_set_ask_the_forge_nothing(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.9, run_id="100")
    assert set(forge.heard) == {"create_check"}
    assert forge.labels == {}


@pytest.mark.parametrize(
    ("step", "otherwise"),
    [
        ("add_labels", "The labels are not set"),
        ("request_reviewers", "Nobody is asked for a review"),
        ("add_assignees", "Nobody is assigned"),
        ("set_milestone", "The milestone is not set"),
    ],
)
@pytest.mark.parametrize(
    "refused",
    [DENIED, NotFound("GitHub refused it: 404.", status=404)]
    + [ServiceError(f"GitHub refused it: {status}.", status=status) for status in (404, 422)],
)
def test_a_setting_that_the_forge_refuses_is_a_warning(
    workshop: Workshop, forge: Listening, step: str, otherwise: str, refused: CmlkitError
) -> None:
    forge.failures[step] = refused
    published = workshop.publish(0.9, run_id="100", **SETTINGS)
    assert workshop.heard.warnings == [f"{otherwise}: {refused}"]
    assert published.comment_url
    assert published.check_url


@pytest.mark.parametrize("step", ["request_reviewers", "add_assignees", "set_milestone"])
def test_an_outage_at_a_setting_is_an_error_after_all_else_is_done(
    workshop: Workshop, forge: Listening, step: str
) -> None:
    forge.failures[step] = ServiceError("GitHub failed: 503.", status=503)
    with pytest.raises(ServiceError, match="503"):
        workshop.publish(0.9, run_id="100", **SETTINGS)
    assert len(forge.all_comments) == len(forge.heard["create_check"]) == 1


@pytest.mark.parametrize(
    ("wanted", "there", "marker", "is_set"),
    [
        (True, False, "", [(1, True)]),
        (False, True, "", [(1, False)]),
        (True, True, "", None),
        (False, False, "", None),
        (False, True, "attempt", None),
    ],
    ids=["becomes one", "is one no longer", "stays one", "stays none", "belongs to a newer attempt"],
)
def test_a_pull_request_that_is_there_becomes_or_stops_being_a_draft(
    workshop: Workshop, forge: Listening, wanted: bool, there: bool, marker: str, is_set: list[Any] | None
) -> None:
    workshop.publish(0.9, run_id="100")
    before = forge.pulls[1]
    found = marker_in(before.body)
    assert found is not None
    ours = str(found)
    body = before.body.replace(ours, str(dataclasses.replace(found, attempt=2))) if marker else before.body
    forge.pulls[1] = dataclasses.replace(before, draft=there, body=body)
    workshop.publish(0.9, run_id="100", draft=wanted)
    assert forge.heard.get("set_draft") == is_set


def test_a_draft_state_that_the_forge_refuses_is_a_warning(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.9, run_id="100")
    forge.failures["set_draft"] = DENIED
    workshop.publish(0.9, run_id="100", draft=True)
    assert workshop.heard.warnings == [f"The draft state is unchanged: {DENIED}"]


@pytest.mark.parametrize("skip_ci", [True, False])
def test_checks_that_skip_ci_leaves_pending_are_told(workshop: Workshop, forge: Listening, skip_ci: bool) -> None:
    forge.required = ("lint",)
    workshop.publish(0.9, run_id="100", skip_ci=skip_ci)
    assert forge.heard.get("required_checks") == (["main"] if skip_ci else None)
    told = "main requires checks that [skip ci] leaves pending: lint. Use --no-skip-ci, or start them by hand."
    assert workshop.heard.warnings == ([told] if skip_ci else [])


def test_a_run_gives_way_to_a_newer_one_that_opened_its_pull_request_first(
    workshop: Workshop, forge: Listening
) -> None:
    newer = workshop.publish(0.95, run_id="101", rules=MET)
    older = workshop.publish(0.9, run_id="100", rules=MET)
    assert newer.superseded == older.superseded == ()
    assert [pull.state for pull in forge.pulls.values()] == ["open", "closed"]
    assert "The pull request #1 has the model of a newer run: #3 is closed." in " ".join(workshop.heard.warnings)


@pytest.mark.parametrize(
    ("accuracy", "settings", "state"),
    [(0.4, {}, "open"), (0.95, {"on_existing": "keep"}, "open"), (0.95, {}, "closed")],
    ids=["whose model the gate rejected", "but is to keep it", "with a better one"],
)
def test_a_model_is_not_given_up_for_a_newer_runs_that_is_rejected(
    workshop: Workshop, forge: Listening, accuracy: float, settings: Mapping[str, Any], state: str
) -> None:
    workshop.publish(accuracy, run_id="101", rules=MET)
    older = workshop.publish(0.9, run_id="100", rules=MET, **settings)
    assert forge.pulls[older.pull_request_number or 0].state == state


def test_a_run_that_somebody_runs_again_does_not_give_way(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.95, run_id="101", rules=MET)
    again = Marker(kind="pull-request", subject="model/m.joblib", run="100", attempt=2)
    older = workshop.publish(0.9, run_id="100", rules=MET, planned={"marker": again})
    assert forge.pulls[older.pull_request_number or 0].state == "open"


def test_a_pull_request_that_people_worked_on_does_not_give_way(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.95, run_id="101", rules=MET)
    forge.authors |= {number: {"ann"} for number in range(2, 9)}
    older = workshop.publish(0.9, run_id="100", rules=MET)
    assert forge.pulls[older.pull_request_number or 0].state == "open"
    assert not any("is closed" in warning for warning in workshop.heard.warnings)


@pytest.mark.parametrize(("on_existing", "superseded"), [("supersede", True), ("keep", False), ("update", True)])
def test_a_pull_request_on_a_branch_of_its_own_closes_those_of_earlier_runs_unless_they_are_kept(
    workshop: Workshop, forge: Listening, on_existing: str, superseded: bool
) -> None:
    """With `update` there are others only if they were opened at the same time: this run has not seen the first."""
    first = workshop.publish(0.9, run_id="100", rules=MET)
    run = workshop.trained(0.95)
    seen = dict(forge.pulls)
    forge.pulls.clear()
    planned = workshop.plan(run, PublishSpec(on_existing=on_existing), run_id="101", rules=MET)
    forge.pulls.update(seen)
    second = workshop.publish(0.95, run_id="101", rules=MET, on_existing=on_existing, planned={"place": planned.place})
    assert second.superseded == ((first.pull_request_number,) if superseded else ())
    assert forge.pulls[1].state == ("closed" if superseded else "open")


def test_a_branch_that_is_gone_on_with_closes_no_other_pull_request(workshop: Workshop, forge: Listening) -> None:
    workshop.publish(0.9, run_id="100", rules=MET)
    workshop.publish(0.91, run_id="101", rules=MET, on_existing="keep")
    published = workshop.publish(0.95, run_id="102", rules=MET, on_existing="update")
    assert published.superseded == ()
    assert {pull.state for pull in forge.pulls.values()} == {"open"}
