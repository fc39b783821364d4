"""Workflow files: refs that the sandbox refuses to tokens that may not change them, as users of github.com report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.accounts import Level
from tests.integration.github.conftest import Api
from tests.integration.github.test_git_http import cloned

WORKFLOW = ".github/workflows/train.yml"
JOB: Mapping[str, Level] = {"contents": "write", "pull_requests": "write"}
# Kind of token, its permissions and scopes, and the answer of the API.
LACKING = [
    ("job", JOB, (), (403, "Resource not accessible by integration")),
    ("app", JOB, (), (403, "Resource not accessible by integration")),
    ("personal", JOB, (), (403, "Resource not accessible by personal access token")),
    ("personal", None, ("repo",), (404, "Not Found")),
]
HAVING = [
    ("app", {**JOB, "workflows": "write"}, ()),
    ("personal", {**JOB, "workflows": "write"}, ()),
    ("personal", None, ("repo", "workflow")),
]

Kind = Literal["personal", "app", "job"]


@pytest.fixture
def old(api: Api) -> str:
    """A commit of main whose workflow file has changed since; an experiment's branch has another one, too."""
    first = api.commit({WORKFLOW: b"on: push\n"}, branch="main")
    api.commit({WORKFLOW: b"on: workflow_dispatch\n"}, branch="main")
    return first


def client(github: GitHubServer, kind: Kind, permissions: Mapping[str, Level] | None, scopes: Sequence[str]) -> Api:
    github.add_token("limited", "octo", kind=kind, permissions=permissions, scopes=scopes)
    return Api(github, "limited")


@pytest.mark.parametrize(("kind", "permissions", "scopes", "answer"), LACKING)
def test_a_ref_to_workflow_files_that_no_branch_has_is_refused_without_a_word_on_them(
    github: GitHubServer,
    old: str,
    kind: Kind,
    permissions: Mapping[str, Level] | None,
    scopes: Sequence[str],
    answer: tuple[int, str],
) -> None:
    limited = client(github, kind, permissions, scopes)
    tag = limited.post("./git/tags", tag="v1", message="m", object=old, type="commit")["sha"]
    for name, sha in (("heads/daily", old), ("tags/v1", tag), ("tags/light", old)):
        assert limited.refused("POST", "./git/refs", ref=f"refs/{name}", sha=sha) == answer
    assert limited.refused("PATCH", "./git/refs/heads/main", sha=old, force=True) == answer


@pytest.mark.parametrize(("kind", "permissions", "scopes"), HAVING)
def test_with_the_permission_any_commit_can_have_a_ref(
    github: GitHubServer, old: str, kind: Kind, permissions: Mapping[str, Level] | None, scopes: Sequence[str]
) -> None:
    client(github, kind, permissions, scopes).post("./git/refs", ref="refs/tags/v1", sha=old)


def test_workflow_files_of_any_branch_may_have_a_ref_and_so_may_commits_without_any(
    github: GitHubServer, api: Api, old: str
) -> None:
    limited = client(github, "job", JOB, ())
    api.post("./git/refs", ref="refs/heads/release", sha=old)
    limited.post("./git/refs", ref="refs/tags/v1", sha=old)
    seed = api.get(f"./git/commits/{old}")["parents"][0]["sha"]
    limited.post("./git/refs", ref="refs/tags/v0", sha=seed)


@pytest.mark.parametrize(
    ("kind", "permissions", "scopes", "words"),
    [
        ("job", JOB, (), (f"refusing to allow a GitHub App to create or update workflow `{WORKFLOW}` without"
                         " `workflows` permission")),
        ("personal", None, ("repo",), ("refusing to allow a Personal Access Token to create or update workflow"
                                      f" `{WORKFLOW}` without `workflow` scope")),
        ("app", {**JOB, "workflows": "write"}, (), ""),
    ],
)  # fmt: skip
def test_a_push_of_such_a_commit_is_refused_with_the_file(
    github: GitHubServer,
    old: str,
    tmp_path: Path,
    kind: Kind,
    permissions: Mapping[str, Level] | None,
    scopes: Sequence[str],
    words: str,
) -> None:
    client(github, kind, permissions, scopes)
    git = cloned(github, tmp_path / "clone", token="limited")
    for ref in ("refs/heads/daily", "refs/cmlkit/uploads/1"):
        done = git.run("push", "origin", f"{old}:{ref}")
        assert (done.returncode == 0) is not bool(words), done.stderr
        assert words in done.stderr
    assert git.run("push", "origin", "HEAD:refs/heads/same").returncode == 0


def test_a_pull_request_that_changes_a_workflow_is_merged_only_with_the_permission(
    github: GitHubServer, api: Api, old: str
) -> None:
    """https://github.com/fastify/github-action-merge-dependabot/issues/333"""
    api.commit({WORKFLOW: b"on: issues\n"}, branch="bump")
    api.post("./pulls", head="bump", base="main", title="Bump")
    limited = client(github, "job", JOB, ())
    status, message = limited.refused("PUT", "./pulls/1/merge")
    assert status == 403
    assert f"create or update workflow `{WORKFLOW}` without `workflows` permission" in message
    assert api.call("PUT", "./pulls/1/merge", {}).status_code == 200


def test_other_files_may_change_beside_a_workflow(github: GitHubServer, api: Api, old: str) -> None:
    limited = client(github, "job", JOB, ())
    limited.commit({"model/metrics.txt": b"Accuracy: 0.97\n"}, branch="daily")
    limited.post("./pulls", head="daily", base="main", title="Retrain")
    assert limited.call("PUT", "./pulls/1/merge", {}).status_code == 200
