"""The commit on which the branch of a pull request with named files starts: the one that the job checked out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import NotFound
from cmlkit.forges.base import Divergence, PublishForge
from cmlkit.git.checkout import first_parents, parents, remote_heads
from cmlkit.records.workflow_run import WorkflowRun

ANCESTORS_ASKED_FOR = 50


@dataclass(frozen=True, kw_only=True)
class Start:
    """The start of a branch.

    Attributes:
        commit: The commit in the forge's repository.
        known: Nearest commit that the forge had before the job; the same as `commit` if the job made no commits.
        is_own: Whether commits come with it that the base lacks, such as those that the job made.
        is_checkout: Whether it has the checked-out files.
        is_foreign: Whether the checkout is of another history than the forge's repository.
        is_unknown: Whether the job made the commit, and the forge does not have it yet.
        base_moved: Whether the base has commits that it lacks.
    """

    commit: str
    known: str
    is_own: bool = False
    is_checkout: bool = True
    is_foreign: bool = False
    is_unknown: bool = False
    base_moved: bool = False


def uploaded(start: Start, *, directory: Path, base_head: str, forge: PublishForge) -> Start:
    """Upload a start that only the checkout has, with the job's commits; return what is known of it then.

    No branch moves.

    Raises:
        PermissionDenied, ServiceError: The forge refused something.
    """
    forge.push_commit(start.commit, directory=directory)
    apart = forge.divergence(base_head, start.commit)
    return dataclasses.replace(start, is_own=apart.ahead > 0, base_moved=apart.behind > 0)


def locate(
    commit: str | None, *, directory: Path, base_head: str, forge: PublishForge, workflow_run: WorkflowRun
) -> Start:
    """Return the start of a branch for what the job changed since it checked out `commit`.

    The base's head is the start if the checkout has nothing to do with the forge's repository.

    Raises:
        PermissionDenied, ServiceError: The forge refused something.
    """
    elsewhere = Start(commit=base_head, known=base_head, is_checkout=False, is_foreign=True)
    if commit is None:
        return elsewhere
    apart = _divergence(base_head, commit, forge)
    if apart is None:
        known = _nearest_known(commit, directory=directory, base_head=base_head, forge=forge, workflow_run=workflow_run)
        return Start(commit=commit, known=known, is_unknown=True) if known else elsewhere
    if apart.ahead and (parent := _merged_by_forge(commit, directory, base_head, forge, workflow_run)):
        behind = forge.divergence(base_head, parent).behind
        return Start(commit=parent, known=parent, is_checkout=False, base_moved=behind > 0)
    return Start(commit=commit, known=commit, is_own=apart.ahead > 0, base_moved=apart.behind > 0)


def _divergence(base: str, commit: str, forge: PublishForge) -> Divergence | None:
    try:
        return forge.divergence(base, commit)
    except NotFound:
        return None


def _nearest_known(
    commit: str, *, directory: Path, base_head: str, forge: PublishForge, workflow_run: WorkflowRun
) -> str | None:
    """Return the nearest ancestor that the forge has."""
    fetched = {workflow_run.sha, *remote_heads(directory).values()}
    for ancestor in _ancestors(commit, directory):
        if ancestor in fetched or _divergence(base_head, ancestor, forge) is not None:
            return ancestor
    return None


def _ancestors(commit: str, directory: Path) -> Sequence[str]:
    *_, oldest = listed = first_parents(directory, commit, limit=ANCESTORS_ASKED_FOR)
    # In a shallow clone, git's list ends before the history does.
    return [*listed[1:], *parents(directory, oldest)[:1]]


def _merged_by_forge(
    commit: str, directory: Path, base_head: str, forge: PublishForge, workflow_run: WorkflowRun
) -> str | None:
    """Return the parent that is in the base's history if the commit is a pull request's merge, made by the forge.

    https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
    """
    is_of_run = commit == workflow_run.sha and workflow_run.ref.startswith("refs/pull/")
    fetched = (name for name, fetched in remote_heads(directory).items() if fetched == commit)
    if not is_of_run and not any(name.startswith("refs/remotes/pull/") and name.endswith("/merge") for name in fetched):
        return None
    for parent in reversed(parents(directory, commit)):
        apart = _divergence(base_head, parent, forge)
        if apart is not None and apart.ahead == 0:
            return parent
    return None
