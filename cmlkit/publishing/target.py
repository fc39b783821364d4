"""The target of a comment or a check as people write it, and the commit that a revision names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from cmlkit.errors import NotFound, ServiceError
from cmlkit.forges.base import Commit
from cmlkit.records.workflow_run import WorkflowRun

# Takes a revision, and returns the id of the commit that it names in the checkout, if there is one.
InCheckout = Callable[[str], str | None]

_KINDS = ("auto", "pr", "commit", "issue")


class CommitForge(Protocol):
    """The forge as resolving revisions needs it."""

    def find_commit(self, name: str) -> Commit:
        """Return the commit of a branch, a tag or a (short) id. NotFound if missing."""


def plain_target(target: str) -> str:
    """Return the target with its kind in lower case, as CML reads it; `auto` if it is empty."""
    kind, slash, rest = target.strip().partition("/")
    return f"{kind.lower()}{slash}{rest}" if kind.lower() in _KINDS else target.strip() or "auto"


def resolved_target(target: str, *, in_checkout: InCheckout, forge: CommitForge, workflow_run: WorkflowRun) -> str:
    """Return the target with the full id of a commit in place of a revision, such as `HEAD~1` or a branch.

    The commit that the run was started for becomes `commit`: for a pull request, people look at its head, not at the
    merge commit that is checked out.

    Raises:
        NotFound: Neither the checkout nor the forge knows the revision.
    """
    kind, slash, revision = plain_target(target).partition("/")
    if kind != "commit" or not slash:
        return kind + slash + revision
    commit = commit_named(revision, in_checkout=in_checkout, forge=forge)
    return "commit" if commit == workflow_run.sha else f"commit/{commit}"


def commit_named(revision: str, *, in_checkout: InCheckout, forge: CommitForge) -> str:
    """Return the full id of the commit that a revision names: in the checkout, else on the forge.

    Raises:
        NotFound: Neither knows it.
    """
    if re.fullmatch(r"[0-9a-fA-F]{40}", revision):
        return revision.lower()
    if commit := in_checkout(revision):
        return commit
    try:
        return forge.find_commit(revision).id
    except ServiceError as error:
        # GitHub refuses the form of some names as unprocessable.
        if not isinstance(error, NotFound) and error.status not in (404, 422):
            raise
        raise NotFound(
            f"No commit of this checkout or of the repository is called {revision!r}.",
            next_step="A shallow checkout lacks earlier commits: set its fetch-depth, or give a full id.",
        ) from error
