"""Events of GitHub: what a payload says, and what it must not be taken for."""

from __future__ import annotations

from typing import Any

import pytest

from cmlkit.ci.github_event import number_of, read_payload, trigger_of
from cmlkit.records.workflow_run import Trigger

REPOSITORY = "octo/forest"
SHA = "a" * 40


def environ(event: str, ref: str = "refs/heads/main", **variables: str) -> dict[str, str]:
    return {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, **variables}


def pull_request(**changes: Any) -> dict[str, Any]:
    head = {"ref": "feature", "sha": SHA, "repo": {"full_name": REPOSITORY}}
    return {"pull_request": {"number": 7, "head": head, "base": {"ref": "main"}, "body": None, **changes}}


def finished(**changes: Any) -> dict[str, Any]:
    run = {
        "event": "pull_request",
        "head_branch": "feature",
        "head_sha": SHA,
        "head_repository": {"full_name": REPOSITORY},
        "pull_requests": [],
    }
    return {"workflow_run": {**run, **changes}}


def listed(number: int, *, repository: str = REPOSITORY, sha: str = SHA) -> dict[str, Any]:
    """A pull request as the payload of workflow_run lists it."""
    url = f"https://api.github.com/repos/{repository}"
    return {"number": number, "head": {"sha": sha}, "base": {"ref": "main", "repo": {"url": url}}}


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
def test_a_pull_request_is_on_its_own_branch(event: str) -> None:
    found = trigger_of(environ(event), pull_request())
    assert found == Trigger(kind="pull-request", branch="feature", base="main", commit=SHA)


def test_the_variables_do_without_a_payload() -> None:
    variables = environ("pull_request", "refs/pull/7/merge", GITHUB_HEAD_REF="feature", GITHUB_BASE_REF="main")
    assert trigger_of(variables, {}) == Trigger(kind="pull-request", branch="feature", base="main")


def test_a_branch_to_itself_is_a_forks_even_without_a_payload() -> None:
    variables = environ("pull_request", "refs/pull/7/merge", GITHUB_HEAD_REF="main", GITHUB_BASE_REF="main")
    assert trigger_of(variables, {}).kind == "fork"


def test_a_branch_of_a_fork_is_none_of_ours_whatever_its_name() -> None:
    head = {"ref": "main", "sha": SHA, "repo": {"full_name": "ann/forest"}}
    found = trigger_of(environ("pull_request", GITHUB_HEAD_REF="main"), pull_request(head=head))
    assert (found.kind, found.branch, found.reads_only) == ("fork", "", "fork")


def test_the_token_of_a_target_event_may_write() -> None:
    head = {"ref": "main", "sha": SHA, "repo": None}
    assert trigger_of(environ("pull_request_target"), pull_request(head=head)).reads_only == ""


@pytest.mark.parametrize(("event", "reads_only"), [("push", "Dependabot"), ("schedule", ""), ("issue_comment", "")])
def test_dependabots_runs_are_known_by_their_actor(event: str, reads_only: str) -> None:
    assert trigger_of(environ(event, GITHUB_ACTOR="dependabot[bot]"), {}).reads_only == reads_only


@pytest.mark.parametrize("base", ["main", "release/1.0"])
def test_a_queues_branch_names_its_base_and_its_last_pull_request(base: str) -> None:
    variables = environ("push", f"refs/heads/gh-readonly-queue/{base}/pr-12-{SHA}")
    assert trigger_of(variables, {}) == Trigger(kind="queue", base=base)
    assert number_of(variables, {}) == 12


def test_a_run_of_a_pull_request_names_the_one_here_with_its_head() -> None:
    there = [listed(3, repository="ann/forest"), listed(4, sha="b" * 40), listed(5)]
    assert number_of(environ("workflow_run"), finished(pull_requests=there)) == 5
    assert number_of(environ("workflow_run"), finished(pull_requests=[listed(5), listed(6)])) is None


def test_a_run_of_a_push_is_on_its_branch_though_that_has_a_pull_request() -> None:
    payload = finished(event="push", pull_requests=[listed(5)])
    assert trigger_of(environ("workflow_run"), payload) == Trigger(kind="branch", branch="feature", commit=SHA)
    assert number_of(environ("workflow_run"), payload) is None


@pytest.mark.parametrize("payload", [{}, {"workflow_run": None}, {"workflow_run": {"head_branch": None}}])
def test_a_payload_without_what_is_needed_leaves_the_ref(payload: dict[str, Any]) -> None:
    assert trigger_of(environ("workflow_run"), payload) == Trigger(kind="branch", branch="main")


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_payload_that_cannot_be_read_is_empty(content: str, tmp_path: Any) -> None:
    (tmp_path / "event.json").write_text(content)
    assert read_payload({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == {}
    assert read_payload({}) == {}
