"""Publishing in memory: what is merged by itself, what may fail without failing the run, and what an outage ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.publishing.marker import marker_in
from tests.unit.publishing.in_memory import METRICS, MODEL, Workshop

OUTAGE = ServiceError("GitHub failed at POST: 503 (after 6 tries).", status=503)
DENIED = PermissionDenied("GitHub refused it: 403 Resource not accessible by integration.")
INVALID = ServiceError("GitHub refused it: 422 Validation Failed.", status=422)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(directory=tmp_path)


def test_a_publish_is_a_branch_a_pull_request_a_comment_and_a_check(workshop: Workshop) -> None:
    published = workshop.publish(0.9, run_id="100")
    files = workshop.forge.commits[published.commit_sha].files
    assert set(files) == {"train.py", MODEL, f"{MODEL}.json", f"{MODEL}.md", METRICS}
    assert workshop.forge.branches[published.branch] == published.commit_sha
    [pull] = workshop.forge.pull_requests()
    assert (pull.number, pull.head, pull.draft) == (published.pull_request_number, "cmlkit/main/100", False)
    assert [found.kind for item in workshop.forge.all_comments if (found := marker_in(item.body))] == ["report"]
    assert workshop.forge.checks == [("cmlkit", "success")]


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
