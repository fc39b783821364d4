"""Targets of a comment: what each form means, and what happens where there is no pull request."""

from __future__ import annotations

import pytest

from cmlkit.errors import NotFound, SettingsError
from cmlkit.publishing.comment_target import comment_place
from cmlkit.records.workflow_run import WorkflowRun
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

SHA = "a" * 40
PULLS = f"{REPO}/commits/{SHA}/pulls"


def place(github: ScriptedGitHub, target: str, *, sha: str = SHA, pull_request: int | None = None) -> int | str:
    run = WorkflowRun(repository="octo/forest", run_id="1", sha=sha, pull_request=pull_request)
    return comment_place(target, forge=github.client(), workflow_run=run)


@pytest.mark.parametrize(
    ("target", "expected"),
    [("pr/7", 7), ("pr/#7", 7), ("issue/12", 12), ("commit/0123abc", "0123abc"), ("commit", SHA)],
)
def test_a_target_that_says_it_all_asks_nobody(github: ScriptedGitHub, target: str, expected: int | str) -> None:
    assert place(github, target) == expected
    assert github.sent == []


@pytest.mark.parametrize("target", ["auto", "pr"])
def test_the_runs_own_pull_request_comes_first(github: ScriptedGitHub, target: str) -> None:
    assert place(github, target, pull_request=9) == 9


@pytest.mark.parametrize("target", ["auto", "pr"])
def test_else_the_open_pull_request_that_holds_the_commit(github: ScriptedGitHub, target: str) -> None:
    github.answer("GET", PULLS, [{"number": 3, "state": "closed"}, {"number": 4, "state": "open"}])
    assert place(github, target) == 4


def test_without_a_pull_request_auto_is_the_commit(github: ScriptedGitHub) -> None:
    github.answer("GET", PULLS, [])
    assert place(github, "auto") == SHA


def test_without_a_pull_request_pr_is_an_error_with_a_way_out(github: ScriptedGitHub) -> None:
    github.answer("GET", PULLS, [])
    with pytest.raises(NotFound, match="No open pull request of octo/forest holds the commit aaaaaaaaaaaa") as caught:
        place(github, "pr")
    assert "pr/NUMBER" in caught.value.next_step


@pytest.mark.parametrize("target", ["auto", "commit"])
def test_a_run_without_commit_has_no_place(github: ScriptedGitHub, target: str) -> None:
    with pytest.raises(SettingsError, match="no commit to comment on"):
        place(github, target, sha="")


@pytest.mark.parametrize("target", ["", "pull/7", "pr/x", "issue", "issue/", "commit/xyz", "pr/7/8"])
def test_another_target_is_refused_with_the_known_ones(github: ScriptedGitHub, target: str) -> None:
    with pytest.raises(SettingsError, match="not known") as caught:
        place(github, target)
    assert "commit/SHA" in caught.value.next_step
