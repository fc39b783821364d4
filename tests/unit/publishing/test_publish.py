"""Publishing in memory: what is merged by itself, what may fail without failing the run, and what an outage ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import PullRequest
from cmlkit.gate.verdict import Verdict
from cmlkit.publishing.marker import marker_in
from cmlkit.publishing.publish import BODY_ROOM
from cmlkit.publishing.spending import notes_in
from cmlkit.records.training_run import InstanceFacts
from tests.toys.forge import FACTS
from tests.unit.publishing.in_memory import METRICS, MODEL, STARTED, ToldForge, Workshop

OUTAGE = ServiceError("GitHub failed at POST: 503 (after 6 tries).", status=503)
DENIED = PermissionDenied("GitHub refused it: 403 Resource not accessible by integration.")
INVALID = ServiceError("GitHub refused it: 422 Validation Failed.", status=422)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(directory=tmp_path)


def test_a_publish_is_a_branch_a_pull_request_a_comment_and_a_check(workshop: Workshop) -> None:
    published = workshop.publish(0.9, run_id="100")
    files = workshop.forge.commits[published.commit_sha].files
    assert set(files) == {"train.py", MODEL, f"{MODEL}.json", f"{MODEL}.md", METRICS, "model/.gitattributes"}
    assert workshop.forge.branches[published.branch] == published.commit_sha
    [pull] = workshop.forge.pull_requests()
    assert (pull.number, pull.head, pull.draft) == (published.pull_request_number, "cmlkit/main/100", False)
    assert [found.kind for item in workshop.forge.all_comments if (found := marker_in(item.body))] == ["report"]
    assert workshop.forge.checks == [("cmlkit", "success")]


@pytest.mark.parametrize(
    ("churn", "price", "pulls"),
    [
        ("cmlkit/{base}/churn/{run}", "cmlkit/{base}/price/{run}", ["cmlkit/main/churn/100", "cmlkit/main/price/100"]),
        ("cmlkit/{base}/{run}", "cmlkit/{base}/{run}", ["cmlkit/main/100"]),
    ],
    ids=["branches of their own", "one branch"],
)
def test_models_of_two_folders_in_one_run_have_a_pull_request_for_each_branch(
    tmp_path: Path, churn: str, price: str, pulls: list[str]
) -> None:
    first, second = tmp_path / "churn", tmp_path / "price"
    first.mkdir()
    second.mkdir()
    one = Workshop(directory=first, prefix=PurePosixPath("models/churn"))
    other = Workshop(directory=second, prefix=PurePosixPath("models/price"), forge=one.forge)
    one.publish(0.9, run_id="100", branch=churn)
    published = other.publish(0.8, run_id="100", branch=price)
    assert published.superseded == ()
    assert [pull.head for pull in one.forge.pull_requests()] == pulls[::-1]
    assert f"models/price/{MODEL}" in one.forge.commits[published.commit_sha].files


def test_published_twice_each_effect_is_there_once(workshop: Workshop) -> None:
    first, second = (workshop.publish(0.9, run_id="100") for _ in range(2))
    assert (second.commit_sha, second.pull_request_number) == (first.commit_sha, first.pull_request_number)
    assert len(workshop.forge.pulls) == len(workshop.forge.all_comments) == 1


@pytest.mark.parametrize(
    ("rules", "settings", "merged"),
    [
        (("accuracy >= 0.8",), {"auto_merge": "squash"}, True),
        (("accuracy >= 0.8",), {"auto_merge": ""}, False),
        (("accuracy >= 0.99",), {"auto_merge": "squash"}, False),
        (("accuracy >= 0.99",), {"auto_merge": "squash", "on_rejected": "warn"}, False),
        (("accuracy >= 0.8",), {"auto_merge": "squash", "draft": True}, False),
    ],
    ids=["accepted", "not asked for", "rejected", "rejected, which is only a warning", "a draft"],
)
def test_what_the_gate_rejects_and_what_is_a_draft_is_never_merged_by_itself(
    workshop: Workshop, rules: tuple[str, ...], settings: dict[str, Any], merged: bool
) -> None:
    published = workshop.publish(0.9, run_id="100", rules=rules, **settings)
    expected = [(published.pull_request_number, "squash")] if merged else []
    assert workshop.forge.merging == expected


def test_a_rejected_model_is_a_draft_with_a_failed_check(workshop: Workshop) -> None:
    published = workshop.publish(0.9, run_id="100", rules=("accuracy >= 0.99",))
    assert workshop.forge.pulls[published.pull_request_number or 0].draft
    assert workshop.forge.checks == [("cmlkit", "failure")]


def test_a_model_that_a_newer_run_has_overtaken_is_not_merged_by_itself(workshop: Workshop) -> None:
    workshop.publish(0.95, run_id="101", rules=("accuracy >= 0.5",))
    workshop.publish(0.9, run_id="100", rules=("accuracy >= 0.5",), auto_merge="merge")
    assert workshop.forge.merging == []
    assert "not merged by itself, as a newer run has published a model" in " ".join(workshop.heard.warnings)


@pytest.mark.parametrize("refused", [DENIED, INVALID, NotFound("GitHub refused it: 404.", status=404)])
def test_a_merge_that_is_refused_is_told_and_the_pull_request_stays_open(
    workshop: Workshop, refused: CmlkitError
) -> None:
    workshop.forge.failures["enable_auto_merge"] = refused
    published = workshop.publish(0.9, run_id="100", rules=("accuracy >= 0.5",), auto_merge="merge")
    assert published.pull_request_number == 1
    assert any("#1 is not merged by itself" in warning for warning in workshop.heard.warnings)


@pytest.mark.parametrize("step", ["enable_auto_merge", "add_labels", "create_check"])
def test_an_outage_at_a_step_ends_the_publish_as_an_error(workshop: Workshop, step: str) -> None:
    workshop.forge.failures[step] = OUTAGE
    with pytest.raises(ServiceError, match="503"):
        workshop.publish(0.9, run_id="100", rules=("accuracy >= 0.5",), auto_merge="merge", labels=("model",))
    assert workshop.forge.called == [step]


def test_an_outage_while_an_earlier_pull_request_is_closed_ends_the_publish_as_an_error(workshop: Workshop) -> None:
    workshop.publish(0.9, run_id="100")
    workshop.forge.failures["delete_branch"] = OUTAGE
    with pytest.raises(ServiceError, match="503"):
        workshop.publish(0.95, run_id="101")
    assert workshop.forge.pulls[1].state == "open"
    del workshop.forge.failures["delete_branch"]
    workshop.publish(0.95, run_id="101")
    assert [pull.state for pull in workshop.forge.pulls.values()] == ["closed", "open"]


@pytest.mark.parametrize("refused", [DENIED, INVALID])
def test_labels_that_are_refused_are_a_warning(workshop: Workshop, refused: CmlkitError) -> None:
    workshop.forge.failures["add_labels"] = refused
    assert workshop.publish(0.9, run_id="100", labels=("model",)).pull_request_number == 1
    assert any(warning.startswith("The labels are not set") for warning in workshop.heard.warnings)


def test_a_check_that_the_token_may_not_create_is_a_status_and_else_a_warning(workshop: Workshop) -> None:
    workshop.forge.failures["create_check"] = DENIED
    workshop.publish(0.9, run_id="100")
    assert workshop.forge.checks == [("cmlkit as a status", "success")]
    workshop.forge.failures["create_status"] = DENIED
    workshop.publish(0.9, run_id="100")
    assert any(warning.startswith("No check was created") for warning in workshop.heard.warnings)


def test_a_newer_run_supersedes_what_nobody_has_touched(workshop: Workshop) -> None:
    untouched = workshop.publish(0.9, run_id="100").pull_request_number
    touched = workshop.publish(0.91, run_id="101", on_existing="keep").pull_request_number or 0
    workshop.forge.authors[touched] = {"toy", "ann"}
    published = workshop.publish(0.95, run_id="102")
    assert published.superseded == (untouched,)
    assert [pull.state for pull in workshop.forge.pulls.values()] == ["closed", "open", "open"]
    assert set(workshop.forge.branches) == {"main", "cmlkit/main/101", "cmlkit/main/102"}
    assert f"The pull request #{touched} stays open: ann worked on it." in workshop.heard.warnings


def test_a_rejected_model_supersedes_no_accepted_one(workshop: Workshop) -> None:
    workshop.publish(0.9, run_id="100", rules=("accuracy >= 0.8",))
    published = workshop.publish(0.7, run_id="101", rules=("accuracy >= 0.8",))
    assert published.superseded == ()
    assert workshop.forge.pulls[1].state == "open"
    assert any("the gate accepted its model, unlike this one" in warning for warning in workshop.heard.warnings)


def test_the_branch_that_is_updated_keeps_the_model_of_a_newer_run(workshop: Workshop) -> None:
    newer = workshop.publish(0.95, run_id="101", branch="daily", on_existing="update")
    older = workshop.publish(0.9, run_id="100", branch="daily", on_existing="update")
    assert workshop.forge.branches["daily"] == newer.commit_sha
    assert older.branch == "daily-100-1"
    assert older.report.startswith("> #1 has the model of a newer run, and stays as it is")


@pytest.mark.parametrize(("comment", "count"), [("update", 1), ("create", 2), ("none", 0)])
def test_a_report_is_kept_in_one_comment_or_is_a_new_one_of_each_run_or_none(
    workshop: Workshop, comment: str, count: int
) -> None:
    for run_id in ("100", "101"):
        workshop.publish(float(f"0.{run_id}"), run_id=run_id, branch="daily", on_existing="update", comment=comment)
    assert len(workshop.forge.all_comments) == count
    [pull] = workshop.forge.pull_requests()
    assert ("## " in pull.body) is (comment == "none")


@dataclass
class Guarded(ToldForge):
    """Refuses to open a pull request or to list closed ones where a test says so, and has a note about the token."""

    def create_pull_request(self, **given: Any) -> PullRequest:
        self._meet("create_pull_request")
        return super().create_pull_request(**given)

    def pull_requests(self, **asked: Any) -> list[PullRequest]:
        if asked.get("state") == "all":
            self._meet("pull_requests")
        return super().pull_requests(**asked)

    def token_note(self) -> str:
        return "The token starts no workflows."


@pytest.fixture
def guarded(tmp_path: Path) -> Workshop:
    return Workshop(directory=tmp_path, forge=Guarded("octo/forest"))


def test_a_pull_request_that_may_not_be_opened_is_an_error_that_names_the_branch_with_the_result(
    guarded: Workshop,
) -> None:
    guarded.forge.failures["create_pull_request"] = PermissionDenied("Not permitted.", next_step="Allow it.")
    with pytest.raises(PermissionDenied) as caught:
        guarded.publish(0.9, run_id="100")
    assert caught.value.message == "Not permitted. The result is committed to the branch cmlkit/main/100."
    assert caught.value.next_step == "Allow it."
    assert "cmlkit/main/100" in guarded.forge.branches


def test_the_pull_request_has_the_settings_title_and_text(guarded: Workshop) -> None:
    published = guarded.publish(0.9, run_id="100", title="Retrain " * 30, body="Look at {run}.")
    [pull] = guarded.forge.pull_requests()
    assert len(pull.title) == guarded.forge.facts.limits.title
    parts = pull.body.split("\n\n")
    assert parts[1] == "Look at 100."
    assert "The token" not in pull.body
    assert published.report.startswith("> The token starts no workflows.\n\n## ")


def test_the_verdict_is_told_once_under_the_pull_request(workshop: Workshop) -> None:
    published = workshop.publish(0.9, run_id="100")
    [pull], [comment] = workshop.forge.pull_requests(), workshop.forge.all_comments
    assert pull.title == "m: accuracy 0.9 (first model)"
    headline = published.verdict.headline.rstrip(".")
    assert (headline in pull.body, comment.body.count(headline)) == (False, 1)


RENTED = InstanceFacts(
    instance_id="i-0123",
    instance_type="t3.medium",
    market="spot",
    region="eu-west-1",
    price=0.5,
    started=STARTED - 3599,
)


def test_the_cost_of_a_rented_instance_is_noted_and_added_to_that_of_earlier_runs(guarded: Workshop) -> None:
    for run_id, accuracy in (("100", 0.9), ("101", 0.95)):
        guarded.publish(accuracy, run_id=run_id, trained={"instance": RENTED})
    first, second = (notes_in(pull.body) for pull in guarded.forge.pulls.values())
    assert [(note.run, note.usd) for note in (*first, *second)] == [("100", 0.5), ("101", 0.5)]
    reports = [item.body for item in guarded.forge.all_comments if "## " in item.body]
    assert ["$1.00" in report for report in reports] == [False, True]


def test_costs_of_earlier_runs_that_cannot_be_listed_are_a_warning(guarded: Workshop) -> None:
    guarded.forge.failures["pull_requests"] = DENIED
    published = guarded.publish(0.9, run_id="100", trained={"instance": RENTED})
    assert published.pull_request_number == 1
    assert guarded.heard.warnings == [f"The report does not say what earlier runs cost: {DENIED.message}"]


def test_a_model_that_nobody_has_judged_is_not_merged_by_itself_and_the_settings_that_judge_are_named(
    workshop: Workshop,
) -> None:
    unjudged = {"verdict": Verdict(outcome="unjudged", headline="Nobody said which metric decides.")}
    workshop.publish(0.9, run_id="100", auto_merge="squash", planned=unjudged)
    assert workshop.forge.merging == []
    [warning] = workshop.heard.warnings
    assert "the model is not judged" in warning
    assert "gate.primary-metric" in warning


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_report_in_the_body_is_cut_so_that_the_costs_of_earlier_runs_have_room(
    tmp_path: Path, more: int, is_whole: bool
) -> None:
    def body(command: str) -> str:
        workshop = Workshop(directory=tmp_path)
        workshop.publish(0.9, run_id="100", comment="none", trained={"command": command})
        return workshop.forge.pulls[1].body

    longest = FACTS.limits.text - BODY_ROOM + len("\n\n")
    found = body("c" + "x" * (longest - len(body("c")) + more))
    assert ("xxx" in found) is is_whole
    assert (len(found) == longest) is is_whole


def test_from_the_third_model_on_the_trend_is_a_picture_in_the_commit_and_in_the_report(workshop: Workshop) -> None:
    for accuracy, run_id in ((0.91, "100"), (0.92, "101")):
        published = workshop.publish(accuracy, run_id=run_id)
        assert f"{MODEL}.trend.svg" not in published.files
        [pull] = workshop.forge.pull_requests()
        workshop.merge(pull.number)
    published = workshop.publish(0.95, run_id="102", rules=("accuracy >= 0.5",))
    assert f"{MODEL}.trend.svg" in published.files
    assert f"/{published.commit_sha}/{MODEL}.trend.svg" in published.report
    written = workshop.forge.read_file(f"{MODEL}.md", ref=published.commit_sha)
    assert written is not None
    assert b"![accuracy of the last 3 models](m.joblib.trend.svg)" in written
