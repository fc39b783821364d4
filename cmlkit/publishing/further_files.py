"""The files of the setting `publish.files`: those that the job changed, beside what others changed on the base."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.clock import Clock
from cmlkit.errors import GitError, GitFailed, ModelError, SettingsError
from cmlkit.forges.base import PublishForge
from cmlkit.git.changes import committed_changes
from cmlkit.git.pathspecs import named
from cmlkit.progress import Say
from cmlkit.publishing.asset import store_assets
from cmlkit.publishing.files import CommitFile, picture_fault
from cmlkit.publishing.reconcile import Reconciled, changed_by_others, reconcile, settle, with_commits
from cmlkit.publishing.selection import JobFile, Selection, select_files
from cmlkit.publishing.start import locate
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.stores.base import ModelFile

NAMES_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class FurtherFiles:
    """The further files as they are to be committed.

    Attributes:
        removes: Paths of files that the job deleted.
        conflicts: Files that are left as others have changed them.
        stored: Files whose bytes go to Git LFS; `files` has their pointers.
    """

    files: tuple[CommitFile, ...] = ()
    removes: tuple[str, ...] = ()
    conflicts: tuple[JobFile, ...] = ()
    stored: tuple[ModelFile, ...] = ()


def selected(
    given: Sequence[str], *, directory: Path, forge: PublishForge, warn: Callable[[str], None]
) -> Selection | None:
    """Return the files of the setting that differ from the checkout; None if git cannot say, as without git.

    Raises:
        SettingsError: A path does not exist, or cannot be committed.
        ModelError: A file is too large.
    """
    try:
        return select_files(
            given,
            directory=directory,
            limits=forge.facts.limits.files,
            warn=warn,
            way_out="Correct publish.files or .gitignore.",
        )
    except (GitFailed, ModelError):
        raise
    except GitError:
        return None
    except SettingsError as error:
        way_out = error.next_step or "Correct it."
        raise SettingsError(f"The setting publish.files: {error.message}", next_step=way_out) from error


def beside_base(
    selection: Selection,
    given: Sequence[str],
    *,
    own: Collection[str],
    directory: Path,
    base_head: str,
    head: str | None,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    warn: Callable[[str], None],
) -> FurtherFiles:
    """Return what to commit on top of the base's head, without undoing what others have changed there.

    Args:
        own: Paths of the training's own files, which are committed in any case.
        head: Head of the experiment branch; if it exists, what people have changed there is not undone, either.
        warn: Called with a message about files that are left as others have changed them.
    """
    start = locate(selection.commit, directory=directory, base_head=base_head, forge=forge, workflow_run=workflow_run)
    files = selection.files
    if selection.commit and not start.is_foreign and start.is_unknown:
        specs = named(given, directory=directory).specs
        files = with_commits(files, committed_changes(directory, start.known, selection.commit, specs), directory)
    files = tuple(file for file in files if file.path not in own)
    # Without a commit, and in the forge's own merge of base and pull request, the job's version is the latest there is.
    is_latest = selection.commit is None or not (start.is_checkout or start.is_foreign)
    bring = settle if is_latest else reconcile
    found = bring(files, onto=base_head, forge=forge, directory=directory)
    if head:
        theirs = changed_by_others(files, onto=head, start=base_head, forge=forge)
        found = _beside_people(found, files, theirs, head=head, forge=forge, directory=directory)
    if found.conflicts:
        warn(_conflict_note([file.path for file in found.conflicts]))
    committed = {file.path for file in found.files}
    return FurtherFiles(
        files=found.files,
        removes=found.removes,
        conflicts=found.conflicts,
        stored=tuple(file for file in selection.stored if file.path in committed),
    )


def _beside_people(
    found: Reconciled,
    files: Sequence[JobFile],
    theirs: Collection[str],
    *,
    head: str,
    forge: PublishForge,
    directory: Path,
) -> Reconciled:
    """Return the files for the base as they go on the branch, where people changed `theirs`: merged, or left."""
    own = {file.path: file for file in files if file.path in theirs}
    new = {file.path: file for file in found.files}
    brought = [
        dataclasses.replace(file, after=new.get(path)) for path, file in own.items() if path in (*new, *found.removes)
    ]
    there = reconcile(brought, onto=head, forge=forge, directory=directory)
    return Reconciled(
        files=(*(file for file in found.files if file.path not in theirs), *there.files),
        removes=(*(path for path in found.removes if path not in theirs), *there.removes),
        conflicts=(*found.conflicts, *(own[file.path] for file in there.conflicts)),
    )


def _conflict_note(paths: Sequence[str]) -> str:
    """Return what a person should know about files that are left as others have changed them."""
    more = f" and {len(paths) - NAMES_SHOWN} more" if len(paths) > NAMES_SHOWN else ""
    return (
        f"Since the checkout, others have changed the same lines as this run: {', '.join(paths[:NAMES_SHOWN])}{more}."
        " The commit leaves their text as it is."
    )


def store_in_lfs(files: Sequence[ModelFile], *, forge: PublishForge, clock: Clock, say: Say) -> None:
    """Upload files' bytes to Git LFS, before a commit has their pointers."""
    if files:
        from cmlkit.stores.lfs import LfsStore

        store = LfsStore(forge.git_access, limits=forge.facts.limits.files, clock=clock)
        for file in files:
            store.upload(file, say=say)


def keep_versions(files: Sequence[JobFile], *, forge: PublishForge, clock: Clock) -> dict[str, str]:
    """Store the run's own versions of files that are left as the base has them; return path -> link, empty if deleted.

    Raises:
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    root = forge.git_access().url.removesuffix(".git")
    own = [file.after for file in files if file.after is not None]
    assets = store_assets([(_name(file), file.content) for file in own], forge=forge, root=root, clock=clock)
    links = {file.path: asset.url for file, asset in zip(own, assets, strict=True)}
    return {file.path: links.get(file.path, "") for file in files}


def _name(file: CommitFile) -> str:
    # Without its suffix if it is no picture in spite of that: such files are not taken.
    return "file" if picture_fault(file.path, file.content) else file.path
