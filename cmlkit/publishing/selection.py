"""The files that a command's paths stand for: the changed ones, with the content and mode that git gives them."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.bounds.files import read_regular, read_small
from cmlkit.errors import ModelError, SettingsError
from cmlkit.formats import size as shown_size
from cmlkit.git.changes import (
    SYMLINK,
    ChangedFile,
    Listed,
    Staging,
    Version,
    is_tracked,
    list_changes,
    small_blobs,
    staging,
)
from cmlkit.git.checkout import head_commit, root, shared_file
from cmlkit.git.limits import FileLimits
from cmlkit.git.pathspecs import Named, named
from cmlkit.publishing.files import CommitFile, repository_path
from cmlkit.stores.base import ModelFile, hashed
from cmlkit.stores.git import GitStore
from cmlkit.stores.pointer import LIMIT_BYTES, Pointer, lfs_text, read_pointer

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class JobFile:
    """A file that the job changed.

    Attributes:
        before: Its version in the checked-out commit; None if that has no such file.
        after: What to commit; None if the job deleted it.
    """

    path: str
    before: Version | None
    after: CommitFile | None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The files that paths and patterns stand for.

    Attributes:
        commit: The checked-out commit; None in a repository without commits.
        files: Those that differ from it.
        stored: Files whose bytes go to Git LFS; `files` has their pointers.
    """

    commit: str | None
    files: tuple[JobFile, ...] = ()
    stored: tuple[ModelFile, ...] = ()


def select_files(
    given: Sequence[str],
    *,
    directory: Path,
    limits: FileLimits,
    warn: Callable[[str], None],
    force: bool = False,
    way_out: str = "--force takes it.",
) -> Selection:
    """Return the files that differ from the checked-out commit, among those that paths and patterns stand for.

    Args:
        given: Files, folders, patterns and git's pathspecs, relative to `directory`.
        limits: Size limits for files in a commit.
        warn: Called with one line about files that are left out.
        force: Whether to take files that git ignores.
        way_out: What to do about named files that git ignores.

    Raises:
        SettingsError: A path does not exist, leads out of the repository or into `.git`, or cannot be committed.
        ModelError: A file is larger than `limits` allow.
        GitError: `directory` is in no repository, or git fails.
    """
    commit = head_commit(directory)
    names = named(given, directory=directory)
    places = _places(names.paths, directory)
    listed = list_changes(directory, names.specs, each_ignored=force)
    if listed.unmerged:
        raise SettingsError(
            f"Files with a merge conflict cannot be committed: {_listing(listed.unmerged)}.",
            next_step="Resolve it in the job, and add the files with git add.",
        )
    _check_known(names, places, listed, directory=directory)
    ignored = [] if force else [place for place in sorted(set(places.values())) if _is_ignored(place, listed.ignored)]
    if ignored:
        warn(f"git ignores what .gitignore names, so it is not committed: {_listing(ignored)}. {way_out}")
    if listed.inner:
        warn(f"Repositories inside this one are not committed: {_listing(listed.inner)}.")
    with staging(directory, commit) as stage:
        stored = _stage(stage, listed, force=force)
        changes = stage.changes()
        _check_sizes(stage, changes, stored, limits)
        contents = stage.read(change.after.blob for change in changes if change.after)
    files = tuple(_job_file(change, contents) for change in changes)
    changed = {file.path for file in files if file.after}
    return Selection(commit=commit, files=files, stored=tuple(file for file in stored if file.path in changed))


def committed_to_lfs(commit: str, *, since: str, directory: Path) -> tuple[ModelFile, ...]:
    """Return the files that git-lfs keeps in the checkout for the pointers in the job's own commits.

    A pushed pointer is refused as long as its bytes are missing. Files that the checkout lacks are left out: they may
    have been uploaded by git-lfs.
    """
    folder = shared_file(directory, "objects").parent / "lfs" / "objects"
    found = (read_pointer(content) for content in small_blobs(directory, commit, since=since, limit=LIMIT_BYTES))
    pointers = {pointer.sha256: pointer for pointer in found if pointer is not None and pointer.store == "lfs"}
    files = {sha256: folder / sha256[:2] / sha256[2:4] / sha256 for sha256 in pointers}
    return tuple(
        ModelFile(path=f"the LFS object {sha256[:12]}…", file=file, sha256=sha256, size=pointers[sha256].size)
        for sha256, file in files.items()
        if file.exists()
    )


def files_on_disk(given: Iterable[str], *, directory: Path, prefix: PurePosixPath, limits: FileLimits) -> Selection:
    """Return the files in `given`, and those in its folders, as they are on disk: for a folder that git cannot read.

    Raises:
        SettingsError: A file does not exist, cannot be read, or lies outside the working directory.
        ModelError: A file is larger than `limits` allow.
    """
    paths = dict.fromkeys(file for path in given for file in _below(path, directory))
    files = [
        CommitFile(path=repository_path(path, prefix), role="extra", content=_content(path, directory, limits))
        for path in paths
    ]
    return Selection(commit=None, files=tuple(JobFile(path=file.path, before=None, after=file) for file in files))


def _below(path: str, directory: Path) -> list[str]:
    """Return the path itself, or the files below it if it is a folder."""
    folder = directory / path
    if not folder.is_dir():
        return [path]
    return sorted(str(file.relative_to(directory)) for file in folder.rglob("*") if file.is_file())


def _content(path: str, directory: Path, limits: FileLimits) -> bytes:
    file = directory / path
    if not file.resolve().is_relative_to(directory.resolve()):
        raise SettingsError(f"{path} leads out of the working directory.", next_step="Name files inside it.")
    try:
        GitStore(limits).check(path, size=file.stat().st_size)
        return read_regular(file, limits.git)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", next_step="Check the path.") from error


def _job_file(change: ChangedFile, contents: dict[str, bytes]) -> JobFile:
    after = change.after
    if after is None:
        return JobFile(path=change.path, before=change.before, after=None)
    file = CommitFile(path=change.path, role="extra", content=contents[after.blob], mode=after.mode)
    return JobFile(path=change.path, before=change.before, after=file)


def _places(paths: Iterable[str], directory: Path) -> dict[str, str]:
    """Return argument -> path in the repository. Links on the way to a file lead elsewhere, so none are followed."""
    top = root(directory)
    places: dict[str, str] = {}
    for path in paths:
        if not path:
            raise SettingsError("A path is empty.", next_step="Look for a variable that is not set.")
        place = os.path.relpath(os.path.normpath(directory.resolve() / path), top)
        parts = PurePosixPath(place).parts
        if ".." in parts:
            raise SettingsError(f"The path {path!r} leads out of the repository.", next_step="Name files inside it.")
        if any(part.lower() == ".git" for part in parts):
            raise SettingsError(f"The path {path!r} leads into .git, from which git commits nothing.")
        link = next((parent for parent in PurePosixPath(place).parents if (top / parent).is_symlink()), None)
        if link is not None and link != PurePosixPath():
            raise SettingsError(
                f"The path {path!r} leads through {link}, a symbolic link.", next_step="Name the files at their place."
            )
        places[path] = place
    return places


def _check_known(names: Named, places: dict[str, str], listed: Listed, *, directory: Path) -> None:
    """Refuse a name of nothing: neither a file, nor one that git knows or knew."""
    for path, place in places.items():
        if not os.path.lexists(directory / path) and place not in listed.gone:
            below = PurePosixPath(place)
            if any(below in PurePosixPath(gone).parents for gone in listed.gone) or is_tracked(directory, path):
                continue
            raise SettingsError(f"{path} does not exist.", next_step="Check the path.")


def _is_ignored(place: str, ignored: frozenset[str]) -> bool:
    return any(each in ignored for each in (place, f"{place}/", *(f"{up}/" for up in PurePosixPath(place).parents)))


def _stage(stage: Staging, listed: Listed, *, force: bool) -> list[ModelFile]:
    """Stage the listed files; return those whose bytes go to Git LFS."""
    # A folder among ignored files is a repository inside this one.
    forced = {path for path in listed.ignored if not path.endswith("/")} if force else set()
    present = sorted(listed.present | forced)
    for path in (*present, *listed.gone):
        _check_name(path)
    with_lfs = {path for path in stage.with_lfs(present) if stage.mode_on_disk(path) != SYMLINK}
    stage.remove(sorted(listed.gone))
    stage.add(path for path in present if path not in with_lfs)
    return [stored for path in sorted(with_lfs) if (stored := _stage_pointer(stage, path)) is not None]


def _stage_pointer(stage: Staging, path: str) -> ModelFile | None:
    """Stage the pointer to a file's bytes; return the file, or None if it is a pointer itself."""
    file = stage.file(path)
    if _is_pointer(file):
        stage.add_content(path, read_regular(file, LIMIT_BYTES), mode=stage.mode_on_disk(path))
        return None
    sha256, size = hashed(file)
    pointer = Pointer(store="lfs", sha256=sha256, size=size)
    # git-lfs leaves an empty file as it is.
    stage.add_content(path, lfs_text(pointer) if size else b"", mode=stage.mode_on_disk(path))
    return ModelFile(path=path, file=file, sha256=sha256, size=size) if size else None


def _is_pointer(file: Path) -> bool:
    found = read_pointer(read_small(file, LIMIT_BYTES) or b"")
    return found is not None and found.store == "lfs"


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SettingsError(
            f"The name {path!r} is not in UTF-8, which the API takes only.", next_step="Rename the file."
        ) from None


def _check_sizes(
    stage: Staging, changes: Sequence[ChangedFile], stored: Sequence[ModelFile], limits: FileLimits
) -> None:
    for file in stored:
        if file.size > limits.lfs:
            raise ModelError(
                f"{file.path} has {shown_size(file.size)}; {limits.host}'s LFS takes no file over"
                f" {shown_size(limits.lfs)}. Nothing was sent.",
                next_step="Keep it elsewhere, for example in a bucket or with DVC.",
            )
    blobs = {change.after.blob: change.path for change in changes if change.after}
    large = [(size, blobs[blob]) for blob, size in stage.sizes(blobs).items() if size > limits.git]
    if large:
        named_files = ", ".join(f"{path} ({shown_size(size)})" for size, path in sorted(large, reverse=True))
        raise ModelError(
            f"{limits.host} takes no file over {limits.git // 1024**2} MiB in git: {named_files}. Nothing was sent.",
            next_step="Give such files to Git LFS with git lfs track, or keep them out with .gitignore.",
        )


def _listing(paths: Iterable[str]) -> str:
    shown = sorted(path.rstrip("/") for path in paths)
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    return ", ".join(shown[:NAMES_SHOWN]) + more
