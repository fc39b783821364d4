"""One atomic commit on the experiment branch, even if others write to it meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cmlkit.clock import Clock
from cmlkit.errors import Conflict
from cmlkit.forges.base import Changes, PublishForge, TreeFile
from cmlkit.publishing.files import CommitFile

TRIES_AGAINST_OTHERS = 30


class Write(Protocol):
    """Writes a commit on top of `parent`, moves the branch to it, or creates the branch; see `ContentForge.commit`."""

    def __call__(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str: ...


def commit_files(
    files: Sequence[CommitFile],
    *,
    forge: PublishForge,
    branch: str,
    base_head: str,
    message: str,
    clock: Clock,
    head: str | None = "",
    removes: Sequence[str] = (),
    refresh: bool = False,
    warn: Callable[[str], None] = lambda text: None,
    write: Write | None = None,
    is_current: Callable[[str], bool] = lambda head: True,
) -> str:
    """Commit the files on top of the branch, or of the base if the branch does not exist; return the commit's id.

    A branch that already holds this result, from an earlier try of the same publish, stays unchanged.

    Args:
        head: Head of the branch, None if there is no such branch; empty if it was not just read.
        removes: Paths that the commit must not have.
        refresh: Whether to merge the base into a branch that lacks commits of it.
        warn: Called with a message if that merge conflicts.
        write: Writes the commit; `forge.commit` if None.
        is_current: Called with the head of an existing branch before anything is written to it; returns whether that
            may be this result, if it holds the same files. Whatever it raises ends the commit.

    Raises:
        Conflict: Others wrote to the branch at every try.
    """
    for _ in range(TRIES_AGAINST_OTHERS):
        head = forge.branch_head(branch) if head == "" else head
        may_be_held = head is not None and is_current(head)
        place = _place(branch, base_head, files, head=head, forge=forge, refresh=refresh, warn=warn)
        head = ""  # the next try reads it again
        found = forge.tree_files(place.tree, [*(file.path for file in files), *removes])
        there = {path: file.blob for path, file in found.items() if file.blob}
        gone = [path for path in dict.fromkeys(removes) if path in there]
        is_held = holds_result(there, files, removes=removes) and _has_modes(found, files)
        if place.head is not None and not place.merges and is_held and may_be_held:
            return place.head
        changes = Changes(
            message=message,
            files=files,
            removes=gone,
            merging=place.tree if place.merges else "",
            known=frozenset(there.values()),
        )
        parent, is_new = place.head or place.tree, place.head is None
        try:
            return (write or forge.commit)(changes, branch=branch, parent=parent, is_new=is_new)
        except Conflict:
            clock.sleep(random.uniform(0.1, 1.0))  # noqa: S311 - spreads writers apart, keeps no secret
    raise Conflict(
        f"Others wrote to the branch {branch!r} at each of {TRIES_AGAINST_OTHERS} tries.",
        next_step="Give each run a branch of its own, with {run} in the setting publish.branch.",
    )


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The place of the new commit.

    Attributes:
        head: Head of the branch; None if the branch does not exist.
        tree: The commit whose files the new one keeps.
        merges: Whether `tree` is not the head; the new commit then merges it.
    """

    head: str | None
    tree: str
    merges: bool = False


def _place(
    branch: str,
    base_head: str,
    files: Sequence[CommitFile],
    *,
    head: str | None,
    forge: PublishForge,
    refresh: bool,
    warn: Callable[[str], None],
) -> _Place:
    if head is None or not refresh:
        return _Place(head=head, tree=head or base_head)
    parted = forge.divergence(base_head, head)
    if parted.behind == 0:
        return _Place(head=head, tree=head)
    if parted.changed is not None:
        others = sorted(parted.changed - {file.path for file in files})
        if not others or forge.tree_files(head, others) == forge.tree_files(base_head, others):
            # The branch changed only files that this commit replaces or that the base has so: nothing can conflict.
            return _Place(head=head, tree=base_head, merges=True)
    try:
        head = forge.merge_into(branch, base_head)
    except Conflict:
        warn(f"The branch {branch} conflicts with its base, and has commits of others: merge them by hand.")
    return _Place(head=head, tree=head)


def holds_result(there: Mapping[str, str], files: Sequence[CommitFile], *, removes: Sequence[str] = ()) -> bool:
    """Return whether a commit with these blobs holds the same model, metrics and plots, and none of `removes`.

    Manifest and report contain the time and the run, so they differ between runs with the same result.
    """
    has_all = all(there.get(file.path) == file.blob for file in files if file.role not in ("manifest", "report"))
    return has_all and not any(path in there for path in removes)


def _has_modes(there: Mapping[str, TreeFile], files: Sequence[CommitFile]) -> bool:
    """Return whether the files that a user named have their modes; cmlkit sets no mode of the files of a training."""
    return all(there[file.path].mode == file.mode for file in files if file.role == "extra" and file.path in there)
