"""Commits whose workflow files no branch has: refs that GitHub refuses to most tokens, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.registry.promotion import promote
from cmlkit_sandbox.github.seeding import add_fork
from tests.integration.project import MODEL, REPOSITORY, TOKEN, Project, project
from tests.integration.test_promotion import committed, tags

WORKFLOW = ".github/workflows/train.yml"
FORK, FORK_TOKEN = "bob/forest", "ghp_bob"
APP_TOKEN = "ghs_app"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        found.github.add_token(APP_TOKEN, "retrainer[bot]", kind="app", permissions={"contents": "write"})
        yield found


@pytest.fixture
def old(there: Project) -> str:
    """A commit with a model, whose workflow files have changed since."""
    there.commit_to("main", {WORKFLOW: "on: push\n"})
    commit = committed(there, "main", 0.9, run="1")
    there.commit_to("main", {WORKFLOW: "on: workflow_dispatch\n"})
    committed(there, "main", 0.8, run="2")
    there.github.requests.clear()
    return commit


def writes(there: Project) -> list[str]:
    return [item.path for item in there.github.requests if item.method != "GET" and "graphql" not in item.path]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_workflows_own_token_is_told_before_anything_is_written_that_it_cannot_tag(
    there: Project, old: str, dry_run: bool
) -> None:
    with pytest.raises(PermissionDenied, match=f"takes no ref to {old[:12]}") as caught:
        promote(forge=there.client(token=TOKEN), model=MODEL, to=old, dry_run=dry_run)
    assert ".github/workflows" in caught.value.message
    assert "GITHUB_TOKEN can never have the repository permission Workflows: Read and write" in caught.value.next_step
    assert "a classic token with the scope workflow" in caught.value.next_step
    assert (writes(there), tags(there)) == ([], {})


def test_it_tags_what_has_the_workflow_files_of_a_branch(there: Project, old: str) -> None:
    """Somebody who may has pushed a branch there, as the advice says."""
    there.git("update-ref", "refs/heads/release", old)
    assert promote(forge=there.client(token=TOKEN), model=MODEL, to=old).commit == old
    assert promote(forge=there.client(token=TOKEN), model=MODEL).commit == there.head("main")


def test_an_app_that_may_have_the_permission_tries_and_is_told_the_reason_of_a_bare_refusal(
    there: Project, old: str
) -> None:
    with pytest.raises(PermissionDenied, match="403 Resource not accessible by integration") as caught:
        promote(forge=there.client(token=APP_TOKEN), model=MODEL, to=old)
    assert f".github/workflows of {old[:12]} are not those of main" in caught.value.message
    assert "Workflows: Read and write" in caught.value.next_step
    assert tags(there) == {}
    permissions = {"contents": "write", "workflows": "write"}
    there.github.add_token(APP_TOKEN, "retrainer[bot]", kind="app", permissions=permissions)  # type: ignore[arg-type]
    assert promote(forge=there.client(token=APP_TOKEN), model=MODEL, to=old).commit == old


@pytest.mark.parametrize(
    ("token", "scopes", "is_told_first"), [("ghp_bob", ("repo",), True), ("github_pat_bob", None, False)]
)
def test_a_fork_that_is_behind_is_named_with_the_way_to_bring_it_up_to_date(
    there: Project, token: str, scopes: tuple[str, ...] | None, is_told_first: bool
) -> None:
    fork = add_fork(there.github.hub, REPOSITORY, "bob")
    rights = {"scopes": scopes} if scopes else {"permissions": {"contents": "write", "pull_requests": "write"}}
    there.github.add_token(token, "bob", **rights)
    there.commit_to("main", {WORKFLOW: "on: push\n"})
    there.github.requests.clear()
    forge = there.client(token=token).with_fork(FORK)
    with pytest.raises(PermissionDenied) as caught:
        there.publish(there.trained(0.9), forge=forge)
    assert "gh repo sync bob/forest" in caught.value.next_step
    assert bool(writes(there)) is not is_told_first
    assert not there.repository.pulls
    # What `gh repo sync` and the page do.
    fork.git.git("fetch", "--quiet", str(there.repository.git.path), "+refs/heads/main:refs/heads/main")
    assert there.publish(there.trained(0.9), forge=there.client(token=token).with_fork(FORK)).pull_request_number == 1


def test_a_pull_request_with_a_workflow_file_says_why_it_is_not_merged(there: Project) -> None:
    there.repository.settings.allow_auto_merge = True
    there.commit_to("main", {WORKFLOW: "on: push\n"})
    there.repository.git.git("branch", "bump", "main")
    there.commit_to("bump", {WORKFLOW: "on: issues\n"})
    forge = there.client(token=TOKEN)
    pull = forge.create_pull_request(head="bump", base="main", title="Bump", body="", draft=False)
    with pytest.raises(PermissionDenied, match="without `workflows` permission") as caught:
        forge.merge(pull, "squash")
    assert "Set CMLKIT_TOKEN to the token of a GitHub App" in caught.value.next_step


def test_a_checkouts_commit_with_other_workflow_files_is_refused_with_the_way_out(
    there: Project, old: str, tmp_path: Path
) -> None:
    with pytest.raises(PermissionDenied, match="refusing to allow") as caught:
        there.client(token=TOKEN).push_commit(old, directory=there.repository.git.path)
    assert "GITHUB_TOKEN can never have" in caught.value.next_step
