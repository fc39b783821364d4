"""A token that may write to a fork only: the branch goes there, the pull request is the repository's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.forges.github import GitHub
from cmlkit_sandbox.github.seeding import add_fork
from tests.integration.project import MODEL, REPOSITORY, Project, project

FORK, FORK_TOKEN = "bob/forest", "ghp_bob"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        found.github.add_token(FORK_TOKEN, "bob")
        add_fork(found.github.hub, REPOSITORY, "bob")
        yield found


def forked(there: Project, *, fork: str = FORK) -> GitHub:
    return there.client(token=FORK_TOKEN).with_fork(fork)


def test_the_branch_is_the_forks_and_the_pull_request_the_repositorys(there: Project) -> None:
    published = there.publish(there.trained(0.9), forge=forked(there))
    fork = there.github.hub.repository(FORK)
    assert there.branches() == {"main"}
    assert fork.git.branch_head(published.branch) == published.commit_sha
    (pull,) = there.repository.pulls
    assert (pull.head_repository.full_name, pull.head, pull.base) == (FORK, published.branch, "main")
    assert there.git("show", f"refs/pull/{pull.number}/head:{MODEL}") == "model of 0.9"
    assert f"{published.branch}" in there.comments(pull.number)[0]


def test_a_base_that_moved_since_the_fork_was_made_is_what_the_commit_stands_on(there: Project) -> None:
    there.commit_to("main", {"train.py": "better"})
    published = there.publish(there.trained(0.9), forge=forked(there))
    fork = there.github.hub.repository(FORK).git
    assert fork.git("rev-parse", f"{published.commit_sha}^").decode().strip() == there.head("main")


def test_published_twice_nothing_is_doubled_and_a_newer_one_supersedes_it(there: Project) -> None:
    for _ in range(2):
        first = there.publish(there.trained(0.9), forge=forked(there))
    second = there.publish(there.trained(0.95), run_id="101", forge=forked(there))
    assert second.superseded == (first.pull_request_number,)
    assert there.open_pulls() == [second.pull_request_number]
    assert there.github.hub.repository(FORK).git.branch_head(first.branch) is None


def test_the_repository_is_no_fork_of_itself(there: Project) -> None:
    with pytest.raises(SettingsError, match="the repository itself"):
        forked(there, fork="Octo/Forest")


@pytest.mark.slow
def test_a_branch_of_the_forks_owner_is_refused_and_one_that_cmlkit_made_is_used_again(there: Project) -> None:
    fork = there.github.hub.repository(FORK).git
    fork.git("branch", "mine", "main")
    with pytest.raises(SettingsError, match="'mine' exists, and cmlkit did not make it"):
        there.publish(there.trained(0.9), branch="mine", forge=forked(there))
    assert there.repository.pulls == []
    for run_id, accuracy in (("100", 0.9), ("101", 0.95)):
        published = there.publish(there.trained(accuracy), run_id=run_id, branch="models", forge=forked(there))
        assert published.branch == "models"
