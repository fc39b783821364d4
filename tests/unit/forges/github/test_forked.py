"""A fork for branches and commits: which of both repositories each request goes to."""

from __future__ import annotations

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges.base import Changes
from cmlkit.forges.github import GitHub
from tests.unit.forges.github.scripted_github import API, REPO, ScriptedGitHub, github

__all__ = ["github"]

FORK = "/repos/bob/forest"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def forked(github: ScriptedGitHub) -> GitHub:
    return github.client().with_fork("bob/forest", base="main")


def have_branches(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/git/ref/heads/main", {"object": {"sha": A}})
    github.answer("GET", f"{FORK}/git/ref/heads/exp", {"object": {"sha": B}})
    for place, commit in ((REPO, A), (FORK, B), (FORK, C)):
        github.mock.add(
            "GET",
            f"{API}{place}/contents/m.txt?ref={commit}",
            body=f"{place} {commit}",
            content_type="application/vnd.github.raw",
        )


def test_only_the_base_is_looked_for_in_the_repository_itself(github: ScriptedGitHub) -> None:
    have_branches(github)
    forge = forked(github)
    assert (forge.branch_head("main"), forge.branch_head("exp")) == (A, B)


def test_without_a_base_it_is_the_default_branch(github: ScriptedGitHub) -> None:
    have_branches(github)
    github.answer("GET", REPO, {"default_branch": "main"})
    forge = github.client().with_fork("bob/forest")
    assert [forge.branch_head("main"), forge.branch_head("main"), forge.branch_head("exp")] == [A, A, B]
    assert github.sent.count(f"GET {REPO}") == 1


def test_a_file_is_read_where_its_commit_is(github: ScriptedGitHub) -> None:
    have_branches(github)
    forge = forked(github)
    forge.branch_head("exp")
    assert forge.read_file("m.txt", ref=A) == f"{REPO} {A}".encode()
    assert forge.read_file("m.txt", ref=B) == f"{FORK} {B}".encode()


def test_a_commit_is_the_forks_and_read_there(github: ScriptedGitHub) -> None:
    have_branches(github)
    github.answer("GET", f"{FORK}/git/commits/{A}", {"tree": {"sha": B}})
    github.answer("POST", f"{FORK}/git/trees", {"sha": A}, status=201)
    github.answer("POST", f"{FORK}/git/commits", {"sha": C}, status=201)
    github.answer("POST", f"{FORK}/git/refs", status=201)
    forge = forked(github)
    changes = Changes(message="Retrain", files=[], removes=["old"])
    assert forge.commit(changes, branch="exp", parent=A, is_new=True) == C
    assert forge.read_file("m.txt", ref=C) == f"{FORK} {C}".encode()


def test_a_pull_request_says_whose_branch_it_is(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/pulls", status=201)
    github.answer("GET", f"{REPO}/pulls", [])
    forge = forked(github)
    forge.pull_requests(base="main", head="exp")
    forge.create_pull_request(head="exp", base="main", title="t", body="b", draft=False)
    assert "head=bob%3Aexp" in github.sent[0]
    assert github.body()["head"] == "bob:exp"


def test_the_forge_without_the_fork_stays_as_it_is(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/git/ref/heads/exp", {"object": {"sha": C}})
    client = github.client()
    client.with_fork("bob/forest", base="main")
    assert client.branch_head("exp") == C


def test_the_repository_is_no_fork_of_itself(github: ScriptedGitHub) -> None:
    with pytest.raises(SettingsError, match="the repository itself"):
        github.client().with_fork("Octo/Forest")
