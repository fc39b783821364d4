"""Merging a pull request, now or when its requirements are met."""

from __future__ import annotations

import contextlib
from typing import Literal

from cmlkit_sandbox.github.accounts import Account, Token
from cmlkit_sandbox.github.discussion import MergeMethod, PullRequest
from cmlkit_sandbox.github.git_changes import merged_tree, three_way_tree
from cmlkit_sandbox.github.git_objects import Signature, commit_content
from cmlkit_sandbox.github.git_repository import GitFailed
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.pull_state import after_push, close
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Repository
from cmlkit_sandbox.github.workflow_files import check_merge

PASSED = frozenset({"success", "neutral", "skipped"})


def pull_commits(repository: Repository, pull: PullRequest) -> list[str]:
    """Return the commits that a pull request adds, or has added, to its base, oldest first."""
    return repository.git.log(pull.head_sha, f"^{pull.base_sha}")[::-1]


def merge(
    hub: Hub,
    repository: Repository,
    pull: PullRequest,
    *,
    actor: Account,
    method: MergeMethod,
    title: str = "",
    message: str = "",
    token: Token | None = None,
) -> str:
    """Merge; return the base branch's new commit.

    Args:
        token: The token that asks for it, which may lack the permission for workflow files; None for GitHub itself.

    Raises:
        Refusal: The pull request is closed, a draft, in conflict, or lacks a check that the branch requires; or the
            token may not do it.
    """
    _check_mergeable(repository, pull)
    base = repository.git.branch_head(pull.base) or pull.base_sha
    signer = Signature(name=actor.login, email=actor.email, seconds=int(hub.now()))
    texts = (title or _default_title(pull, method), message or _default_message(pull, method))
    text = "\n\n".join(part for part in texts if part)
    if method == "rebase":
        sha = _rebased(repository, pull, base, signer)
    else:
        parents = (base, pull.head_sha) if method == "merge" else (base,)
        sha = _commit(repository, ours=base, theirs=pull.head_sha, parents=parents, signer=signer, message=text)
    check_merge(repository, token, base, sha)
    pull.base_sha = base
    try:
        repository.git.update_ref(f"refs/heads/{pull.base}", sha, old=base)
    except GitFailed:
        raise Refusal(409, "Base branch was modified. Review and try the merge again.", with_status=False) from None
    close(hub, pull, merge_commit=sha)
    pull.merged_by = pull.closed_by = actor
    if repository.settings.delete_branch_on_merge:
        pull.head_repository.git.delete_ref(f"refs/heads/{pull.head}")
    after_push(hub, repository)
    return sha


def missing_checks(repository: Repository, pull: PullRequest) -> list[str]:
    """Return names of the base branch's required checks that the head has not passed."""
    protection = repository.protections.get(pull.base)
    runs = [run for run in list(repository.check_runs.values()) if run.sha == pull.head_sha]
    statuses = [status for status in repository.statuses if status.sha == pull.head_sha]
    passed = {run.name for run in runs if run.conclusion in PASSED}
    passed |= {status.context for status in statuses if status.state == "success"}
    return [] if protection is None else [name for name in protection.checks if name not in passed]


def merge_state(repository: Repository, pull: PullRequest) -> Literal["blocked", "unstable", "clean"]:
    """Return what the checks make of a pull request without conflicts.

    Blocked: a required check is missing. Unstable: another check runs, or has failed; merging is allowed.
    https://docs.github.com/en/graphql/reference/enums#mergestatestatus
    """
    if missing_checks(repository, pull):
        return "blocked"
    runs = [run for run in list(repository.check_runs.values()) if run.sha == pull.head_sha]
    latest = {each.context: each for each in repository.statuses if each.sha == pull.head_sha}
    is_passed = all(run.conclusion in PASSED for run in runs)
    return "clean" if is_passed and all(each.state == "success" for each in latest.values()) else "unstable"


def merge_if_ready(hub: Hub, repository: Repository, pull: PullRequest) -> None:
    """Carry out auto-merge if all requirements are met."""
    wish = pull.auto_merge
    if wish is None or pull.state != "open" or pull.draft or missing_checks(repository, pull):
        return
    # In conflict it goes on waiting, for the next push.
    with contextlib.suppress(Refusal):
        merge(hub, repository, pull, actor=wish.enabled_by, method=wish.method, title=wish.title, message=wish.message)


def _check_mergeable(repository: Repository, pull: PullRequest) -> None:
    if pull.state != "open":
        raise Refusal(405, "Pull Request is not mergeable", with_status=False)
    if pull.draft:
        raise Refusal(405, "Pull Request is still a draft", with_status=False)
    missing = missing_checks(repository, pull)
    if missing:
        raise Refusal(405, f'Required status check "{missing[0]}" is expected.', with_status=False)


def _commit(
    repository: Repository, *, ours: str, theirs: str, parents: tuple[str, ...], signer: Signature, message: str
) -> str:
    tree = merged_tree(repository.git, ours=ours, theirs=theirs)
    if tree is None:
        raise Refusal(405, "Merge conflict", with_status=False)
    content = commit_content(tree=tree, parents=parents, author=signer, committer=signer, message=message)
    return repository.git.write("commit", content)


def _rebased(repository: Repository, pull: PullRequest, base: str, signer: Signature) -> str:
    onto = base
    for sha in pull_commits(repository, pull):
        commit = repository.git.commit(sha)
        tree = three_way_tree(repository.git, base=commit.parents[0], ours=onto, theirs=sha)
        if tree is None:
            raise Refusal(405, "This branch can't be rebased", with_status=False)
        content = commit_content(
            tree=tree, parents=(onto,), author=commit.author, committer=signer, message=commit.message
        )
        onto = repository.git.write("commit", content)
    return onto


def _default_title(pull: PullRequest, method: MergeMethod) -> str:
    if method == "squash":
        return f"{pull.title} (#{pull.number})"
    return f"Merge pull request #{pull.number} from {pull.head_repository.owner.login}/{pull.head}"


def _default_message(pull: PullRequest, method: MergeMethod) -> str:
    return (pull.body or "") if method == "squash" else pull.title
