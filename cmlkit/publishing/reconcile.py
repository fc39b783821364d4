"""Changes of the job, brought together with changes that others made to the same files meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.forges.base import PublishForge, TreeFile
from cmlkit.git.changes import SYMLINK, ChangedFile, read_blob
from cmlkit.git.merge import merged
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.selection import JobFile


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """Files for a commit on top of another's.

    Attributes:
        files: New content, merged if others changed the same file elsewhere.
        removes: Paths of deleted files.
        conflicts: Files whose changes do not go together; `files` and `removes` lack them.
    """

    files: tuple[CommitFile, ...] = ()
    removes: tuple[str, ...] = ()
    conflicts: tuple[JobFile, ...] = ()


def reconcile(files: Iterable[JobFile], *, onto: str, forge: PublishForge, directory: Path) -> Reconciled:
    """Return what to commit on top of the commit `onto` so that it keeps what others changed there.

    Raises:
        PermissionDenied, ServiceError: The forge refused something.
    """
    changed = list(files)
    there = forge.tree_files(onto, [file.path for file in changed])

    def read(path: str) -> bytes:
        return forge.read_file(path, ref=onto) or b""

    new: list[CommitFile] = []
    removes: list[str] = []
    conflicts: list[JobFile] = []
    for file in changed:
        theirs = there.get(file.path)
        if _is_theirs(file, theirs) or (theirs is None and file.after is None):
            removes += [file.path] if file.after is None else []
            new += [file.after] if file.after is not None else []
        elif (both := _merged(file, theirs, read, directory)) is not None:
            new.append(both)
        else:
            conflicts.append(file)
    return Reconciled(files=tuple(new), removes=tuple(removes), conflicts=tuple(conflicts))


def conflicting(files: Iterable[JobFile], *, onto: str, forge: PublishForge, directory: Path) -> tuple[str, ...]:
    """Return the paths of the files that others changed in a way that does not go together with the job's change."""
    return tuple(file.path for file in reconcile(files, onto=onto, forge=forge, directory=directory).conflicts)


def _is_theirs(file: JobFile, theirs: TreeFile | None) -> bool:
    """Return whether others have left the file as the job found it, or have made the same of it."""
    if theirs is None:
        return file.before is None
    is_untouched = file.before is not None and (file.before.blob, file.before.mode) == (theirs.blob, theirs.mode)
    return is_untouched or _is_made(file.after, theirs)


def _merged(file: JobFile, theirs: TreeFile | None, read: Callable[[str], bytes], directory: Path) -> CommitFile | None:
    before, after = file.before, file.after
    if before is None or after is None or theirs is None:
        return None
    if SYMLINK in (before.mode, after.mode, theirs.mode):
        return None
    mode = after.mode if after.mode != before.mode else theirs.mode
    if theirs.blob in (before.blob, after.blob):
        return dataclasses.replace(after, mode=mode)
    content = merged(after.content, read_blob(directory, before.blob), read(file.path))
    return None if content is None else CommitFile(path=file.path, role=after.role, content=content, mode=mode)


def settle(files: Sequence[JobFile], *, onto: str, forge: PublishForge, directory: Path) -> Reconciled:
    """Return what to commit on top of `onto`, merged where possible; in a conflict, the job's version."""
    found = reconcile(files, onto=onto, forge=forge, directory=directory)
    own = latest(found.conflicts)
    return Reconciled(files=(*found.files, *own.files), removes=(*found.removes, *own.removes))


def latest(files: Iterable[JobFile]) -> Reconciled:
    """Return what the job made of its files, whatever a commit has in their place."""
    made = list(files)
    return Reconciled(
        files=tuple(file.after for file in made if file.after is not None),
        removes=tuple(file.path for file in made if file.after is None),
    )


def beside_others(
    files: Sequence[JobFile], *, onto: str, start: str, forge: PublishForge, directory: Path
) -> Reconciled:
    """Return what to commit on top of a branch of the job's own to which others have committed, too.

    A file whose latest change is cmlkit's own gets the job's latest version; one that others changed is merged.

    Args:
        start: The commit that the job's changes start from; changes up to that are in them.
    """
    theirs = changed_by_others(files, onto=onto, start=start, forge=forge)
    own = latest(file for file in files if file.path not in theirs)
    both = reconcile([file for file in files if file.path in theirs], onto=onto, forge=forge, directory=directory)
    return Reconciled(files=(*own.files, *both.files), removes=(*own.removes, *both.removes), conflicts=both.conflicts)


def changed_by_others(files: Iterable[JobFile], *, onto: str, start: str, forge: PublishForge) -> frozenset[str]:
    """Return the paths of the files whose latest change up to `onto`, and after `start`, is not cmlkit's own."""
    last = {file.path: found[0] for file in files if (found := forge.commits_of(file.path, ref=onto, limit=1))}
    return frozenset(
        path
        for path, commit in last.items()
        if forge.divergence(start, commit).ahead and forge.author_of(commit) != forge.login()
    )


def with_commits(files: Sequence[JobFile], commits: Iterable[ChangedFile], directory: Path) -> tuple[JobFile, ...]:
    """Return the files, and those that the job's own commits changed, compared with what it checked out."""
    committed = {change.path: change for change in commits}
    changed = {file.path for file in files}
    own = [
        dataclasses.replace(file, before=committed[file.path].before) if file.path in committed else file
        for file in files
    ]
    own += [_committed_file(change, directory) for path, change in committed.items() if path not in changed]
    return tuple(own)


def holds(there: Mapping[str, TreeFile], files: Iterable[JobFile]) -> bool:
    """Return whether a commit with these files has all that the job made, and nothing that it deleted."""
    return all(_is_made(file.after, there.get(file.path)) for file in files)


def _is_made(after: CommitFile | None, there: TreeFile | None) -> bool:
    if after is None or there is None:
        return after is None and there is None
    return (after.blob, after.mode) == (there.blob, there.mode)


def _committed_file(change: ChangedFile, directory: Path) -> JobFile:
    after = change.after
    if after is None:
        return JobFile(path=change.path, before=change.before, after=None)
    content = read_blob(directory, after.blob)
    file = CommitFile(path=change.path, role="extra", content=content, mode=after.mode)
    return JobFile(path=change.path, before=change.before, after=file)
