"""Merging: GitHub's answers to the wish to merge by itself, and what becomes of the pull request."""

from __future__ import annotations

from typing import Any

import pytest

from cmlkit.errors import CmlkitError, Conflict, PermissionDenied, ServiceError
from cmlkit.forges.github.merging import CHECKS_PAUSES_SECONDS
from tests.unit.forges.github.scripted_github import (
    API,
    REPO,
    ScriptedGitHub,
    github,
)
from tests.unit.forges.github.test_github import A, a_pull_request

__all__ = ["github"]

CLEAN = "Pull request Pull request is in clean status"
# https://github.com/peter-evans/enable-pull-request-automerge/issues/355
UNSTABLE = "Pull request Pull request is in unstable status"
RUNS, STATUS = f"{REPO}/commits/{A}/check-runs", f"{REPO}/commits/{A}/status"
MERGE = f"PUT {REPO}/pulls/7/merge"


def refuses(github: ScriptedGitHub, *messages: str, kind: str = "UNPROCESSABLE") -> None:
    for message in messages:
        github.mock.add("POST", f"{API}/graphql", json={"data": None, "errors": [{"type": kind, "message": message}]})


def checks(github: ScriptedGitHub, *runs: tuple[str, str, str | None], statuses: dict[str, str] | None = None) -> None:
    """The checks as GitHub tells them from now on: name, status and conclusion; context and state."""
    found = [{"name": name, "status": status, "conclusion": conclusion} for name, status, conclusion in runs]
    github.answer("GET", RUNS, {"total_count": len(found), "check_runs": found})
    states = [{"context": context, "state": state} for context, state in (statuses or {}).items()]
    github.answer("GET", STATUS, {"statuses": states})


def merged(github: ScriptedGitHub) -> bool:
    """Return whether the pull request was merged."""
    sent = github.sent
    github.mock.calls.reset()  # GraphQL is no part of the contract that the exchange is held to
    return MERGE in sent


def test_auto_merge_is_enabled_by_graphql(github: ScriptedGitHub) -> None:
    github.mock.add("POST", f"{API}/graphql", json={"data": {"enablePullRequestAutoMerge": {"clientMutationId": None}}})
    github.client().enable_auto_merge(a_pull_request(), "squash")
    assert github.body()["variables"] == {"pullRequest": "PR_7", "method": "SQUASH"}
    assert not merged(github)


# GitHub Enterprise Server with hooks for pushes: https://docs.github.com/en/graphql/reference/enums#mergestatestatus
@pytest.mark.parametrize("said", [CLEAN, "Pull request Pull request is in has_hooks status"])
def test_a_pull_request_that_waits_for_nothing_is_merged_at_once(github: ScriptedGitHub, said: str) -> None:
    refuses(github, said)
    github.answer("PUT", f"{REPO}/pulls/7/merge")
    github.client().enable_auto_merge(a_pull_request(), "rebase")
    assert github.body() == {"merge_method": "rebase", "sha": A}
    assert merged(github)


def test_a_merge_right_after_the_pull_request_was_opened_is_tried_again(github: ScriptedGitHub) -> None:
    """GitHub says so until it knows that there are no conflicts: https://github.com/cli/cli/issues/8092"""
    refuses(github, CLEAN)
    github.refuse("PUT", f"{REPO}/pulls/7/merge", 405, "Base branch was modified. Review and try the merge again.")
    github.answer("PUT", f"{REPO}/pulls/7/merge")
    github.client().enable_auto_merge(a_pull_request(), "squash")
    assert github.slept == [1.0]
    assert merged(github)


def test_a_pull_request_in_conflict_is_left_open_at_once(github: ScriptedGitHub) -> None:
    refuses(github, CLEAN)
    github.refuse("PUT", f"{REPO}/pulls/7/merge", 405, "Pull Request is not mergeable")
    with pytest.raises(Conflict, match="cannot be merged now.*not mergeable"):
        github.client().enable_auto_merge(a_pull_request(), "squash")
    assert github.slept == []
    github.mock.calls.reset()  # GraphQL is no part of the contract that the exchange is held to


def test_checks_that_are_not_required_are_waited_for_and_then_it_is_merged(github: ScriptedGitHub) -> None:
    refuses(github, UNSTABLE, UNSTABLE, CLEAN)
    checks(github, ("lint", "in_progress", None))
    github.answer("PUT", f"{REPO}/pulls/7/merge")
    github.client().enable_auto_merge(a_pull_request(), "squash")
    assert github.slept == list(CHECKS_PAUSES_SECONDS[:2])
    assert merged(github)


def test_checks_that_run_for_longer_leave_it_open_after_a_minute(github: ScriptedGitHub) -> None:
    """`publish` runs on the instance that is paid for."""
    refuses(github, UNSTABLE)
    checks(github, ("lint", "queued", None), ("test", "completed", "success"), statuses={"ci/circle": "pending"})
    with pytest.raises(Conflict, match="after 60 s these checks still run: lint, ci/circle") as caught:
        github.client().enable_auto_merge(a_pull_request(), "squash")
    assert "only for checks that the branch requires" in caught.value.next_step
    assert sum(github.slept) == 60
    assert not merged(github)


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "cancelled", "action_required"])
def test_a_check_that_failed_leaves_it_open_without_waiting(github: ScriptedGitHub, conclusion: str) -> None:
    refuses(github, UNSTABLE)
    checks(github, ("lint", "completed", conclusion), ("test", "in_progress", None), statuses={"old/ci": "error"})
    with pytest.raises(Conflict, match="checks of it failed: lint, old/ci"):
        github.client().enable_auto_merge(a_pull_request(), "squash")
    assert github.slept == []
    assert not merged(github)


def test_a_token_that_may_not_read_checks_waits_all_the_same(github: ScriptedGitHub) -> None:
    refuses(github, UNSTABLE)
    github.refuse("GET", RUNS, 403, "Resource not accessible by personal access token")
    github.refuse("GET", STATUS, 403, "Resource not accessible by personal access token")
    with pytest.raises(Conflict, match="some of its checks still run, or have failed"):
        github.client().enable_auto_merge(a_pull_request(), "squash")
    assert sum(github.slept) == 60
    assert not merged(github)


@pytest.mark.parametrize(
    "said",
    [
        # Old GitHub Enterprise Servers say the first of branches without rules, whatever checks are doing.
        "Pull request Protected branch rules not configured for this branch",
        "Pull request Auto merge is not allowed for this repository",
        "Can't enable auto-merge for this pull request",
    ],
)
def test_github_that_does_not_wait_merges_no_pull_request_with_running_checks(
    github: ScriptedGitHub, said: str
) -> None:
    refuses(github, said)
    checks(github, ("lint", "in_progress", None))
    with pytest.raises(Conflict, match="these checks still run: lint"):
        github.client().merge_when_ready(a_pull_request(), "merge")
    assert not merged(github)


@pytest.mark.parametrize(("state", "is_merged"), [("clean", True), ("blocked", True), ("unstable", False)])
def test_without_the_right_to_read_checks_github_says_how_the_pull_request_is(
    github: ScriptedGitHub, state: str, is_merged: bool
) -> None:
    """Blocked is no reason not to try: GitHub then refuses the merge, with the reason."""
    refuses(github, "Pull request Auto merge is not allowed for this repository")
    github.refuse("GET", RUNS, 403, "Resource not accessible by personal access token")
    github.answer("GET", STATUS, {"statuses": []})
    github.answer("GET", f"{REPO}/pulls/7", {"mergeable_state": state})
    github.answer("PUT", f"{REPO}/pulls/7/merge")
    try:
        github.client().merge_when_ready(a_pull_request(), "merge")
    except Conflict:
        assert not is_merged
    assert merged(github) is is_merged


@pytest.mark.parametrize(
    ("error", "kind", "next_step"),
    [
        ({"kind": "UNPROCESSABLE", "message": "Auto merge is not allowed for this repository"},
         ServiceError, "'Allow auto-merge'"),
        ({"kind": "FORBIDDEN", "message": "Resource not accessible by integration"},
         PermissionDenied, "write contents: write and pull-requests: write under permissions: of the job"),
    ],
)  # fmt: skip
def test_auto_merge_that_is_refused_names_what_would_allow_it(
    github: ScriptedGitHub, error: dict[str, Any], kind: type[CmlkitError], next_step: str
) -> None:
    refuses(github, error["message"], kind=error["kind"])
    with pytest.raises(kind) as caught:
        github.client().enable_auto_merge(a_pull_request(), "merge")
    assert next_step in caught.value.next_step
    assert not merged(github)
