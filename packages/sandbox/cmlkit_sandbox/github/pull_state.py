"""Pull requests follow their branches: new commits, deleted branches, merges made elsewhere."""

from __future__ import annotations

from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.git_repository import GitRepository
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.repository import Repository


def after_push(hub: Hub, repository: Repository) -> None:
    """Update every open pull request to the branches of `repository`, as GitHub does after a push."""
    for other in list(hub.repositories.values()):
        pulls = [pull for pull in other.pulls if repository in (other, pull.head_repository)]
        if any(pull.state == "open" for pull in pulls):
            with other.lock:
                _follow_all(hub, other, pulls)


def _follow_all(hub: Hub, repository: Repository, pulls: list[PullRequest]) -> None:
    heads = {repository.id: _heads(repository.git)}
    for pull in pulls:
        source = pull.head_repository
        heads.setdefault(source.id, _heads(source.git))
        if pull.state == "open":
            head, base = heads[source.id].get(pull.head), heads[repository.id].get(pull.base)
            _follow(hub, repository, pull, head, base)


def _heads(git: GitRepository) -> dict[str, str]:
    return {ref.name.removeprefix("refs/heads/"): ref.sha for ref in git.refs("refs/heads/")}


def _follow(hub: Hub, repository: Repository, pull: PullRequest, head: str | None, base: str | None) -> None:
    if head is None or base is None:
        close(hub, pull)
        return
    if (head, base) == (pull.head_sha, pull.base_sha):
        return
    if head != pull.head_sha:
        take_head(repository, pull, head)
        pull.updated = hub.timestamp()
    if repository.git.is_ancestor(head, base):
        close(hub, pull, merge_commit=base)
    else:
        pull.base_sha = base


def take_head(repository: Repository, pull: PullRequest, head: str) -> None:
    """Set the pull request's head to its branch's commit, and keep that by a ref, as GitHub does."""
    if pull.head_repository is not repository:
        source = str(pull.head_repository.git.path)
        repository.git.git("fetch", "--quiet", "--no-tags", source, head)
    pull.head_sha = head
    repository.git.update_ref(f"refs/pull/{pull.number}/head", head)


def close(hub: Hub, pull: PullRequest, *, merge_commit: str | None = None) -> None:
    """Close the pull request; as merged if there is a merge commit."""
    pull.state = "closed"
    pull.closed = pull.updated = hub.timestamp()
    pull.auto_merge = None
    if merge_commit is not None:
        pull.merged, pull.merge_commit = pull.closed, merge_commit
