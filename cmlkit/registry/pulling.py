"""Pulling a version of a model from the store that its commit names into a file, and verifying it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cmlkit.bounds.files import read_small
from cmlkit.ci import for_commands
from cmlkit.errors import GitError, ModelError, NotARepository, SettingsError, step_after
from cmlkit.files import write_whole
from cmlkit.git import history
from cmlkit.git.access import GitAccess
from cmlkit.git.checkout import prefix
from cmlkit.model.file import check_parts
from cmlkit.model.folder import parts_of
from cmlkit.model.manifest import manifest_path
from cmlkit.model.profiles import profiles_path
from cmlkit.progress import Say
from cmlkit.registry.comparison import WORKING_TREE, Side, find_side
from cmlkit.stores.base import hashed
from cmlkit.stores.choice import source_for
from cmlkit.stores.download import download
from cmlkit.stores.pointer import LIMIT_BYTES, Pointer, dvc_path, read_pointer

ReadFile = Callable[[str], bytes | None]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A pulled model.

    Attributes:
        version: Its name for people: `working tree`, `production 3`, a branch, a tag, a commit.
        store: The source of the bytes: `git`, `lfs`, `s3` or `dvc`; empty if the file was there already.
    """

    path: str
    sha256: str
    size: int
    version: str
    store: str


def pull_model(
    directory: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str],
    at: str = "",
    base: str = "",
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    access: GitAccess | None = None,
    say: Say = lambda text: None,
) -> Pulled:
    """Write a version of a model to a file, and its manifest beside it; do nothing if the file has it already.

    Args:
        directory: A folder in a clone.
        model: Model file, relative to `directory`.
        at: `production`, the number of a promotion, `champion`, or a branch, a tag or a commit; the checkout's version
            of `model` if empty.
        base: The champion's branch; the remote's default branch if empty.
        output: Another file to write than `model`.
        force: Whether to replace a file that no commit has.
        access: URL and credentials of the repository, for LFS; the checkout's own if None.

    Raises:
        ModelError: The model is missing, its bytes do not match its manifest, a file is in the way, or the file
            cannot be written.
        SettingsError: The commit, branch or promotion is missing, or `directory` is in no git repository.
        GitError: git is not installed, refuses or fails.
        NotFound, PermissionDenied, ServiceError: The store does not give the bytes.
    """
    directory, model = Path(directory), os.fspath(model)
    side = find_side(directory, at or WORKING_TREE, model=model, base=base)
    manifest, target = side.manifest, Path(output or directory / model)
    pulled = Pulled(path=str(target), sha256=manifest.sha256, size=manifest.size, version=side.label, store="")
    if target.is_file() and hashed(target)[0] == manifest.sha256:
        return pulled
    if manifest.files:
        return _pull_folder(directory, model, side, pulled, force=force, access=access, say=say)
    content = _content(directory, model, manifest.sha256, side)
    if not force:
        _check_replaceable(directory, model, target)
    try:
        # A folder in its place stays until the file is there.
        new = target.with_name(f".{target.name}.{manifest.sha256[:12]}.new") if target.is_dir() else target
        store = _write(content, new, directory, access, say)
        if new != target:
            shutil.rmtree(target)
            new.replace(target)
        _write_manifest(directory, model, side, target)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written to {target}: {error.strerror}.", next_step=step_after(error)
        ) from error
    return replace(pulled, store=store)


def _pull_folder(
    directory: Path, model: str, side: Side, pulled: Pulled, *, force: bool, access: GitAccess | None, say: Say
) -> Pulled:
    """Pull a model that is a folder: all of its files, and no others, or none."""
    target, parts = Path(pulled.path), side.manifest.files
    there = _hashes(target)
    if there == {part.path: part.sha256 for part in parts}:
        return pulled
    if not force:
        _check_folder_replaceable(directory, model, target, there)
    # An interrupted pull resumes in this folder.
    new = target.with_name(f".{target.name}.{side.manifest.sha256[:12]}.part")
    stores = set()
    try:
        if kept := _whole(directory, model, side):
            _fetch_folder(kept, new, directory, say)
            stores.add(kept.store)
        for part in parts:
            place = new / part.path
            if place.is_file() and hashed(place)[0] == part.sha256:
                continue
            if there.get(part.path) == part.sha256:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(target / part.path, place)
                continue
            content = _content(directory, f"{model}/{part.path}", part.sha256, side)
            stores.add(_write(content, place, directory, access, say))
        check_parts(new, side.manifest, source=f"{model} in {side.label}")
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        new.replace(target)
        _write_manifest(directory, model, side, target)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written to {target}: {error.strerror}.", next_step=step_after(error)
        ) from error
    return replace(pulled, store=", ".join(sorted(stores)))


def _hashes(folder: Path) -> dict[str, str]:
    """Return path -> hash of the files in a folder; empty if it is none, or has none."""
    return {part.path: part.sha256 for part in parts_of(folder)} if folder.is_dir() and any(folder.iterdir()) else {}


def _whole(directory: Path, model: str, side: Side) -> Pointer | None:
    """Return the pointer to a folder that DVC has as a whole, in a `.dvc` file or a pipeline; None if it has none."""
    readers = [_of_commit(directory, side.commit or "HEAD")]
    if not side.commit:
        readers.insert(0, _of_folder(directory))
    beside = next((content for read in readers if (content := read(dvc_path(model)))), None)
    if beside is None:
        return _kept(directory, model, side.manifest.sha256, side)
    from cmlkit.stores.dvc import dvc_pointer

    return dvc_pointer(beside, sha256=side.manifest.sha256)


def _fetch_folder(kept: Pointer, target: Path, directory: Path, say: Say) -> None:
    from cmlkit.stores.dvc_outputs import fetch_folder

    say("dvc pull")
    fetch_folder(kept, target, directory=directory, environ=for_commands(os.environ))


def _check_folder_replaceable(directory: Path, model: str, target: Path, there: Mapping[str, str]) -> None:
    """Refuse to replace a folder with a file that cannot be restored.

    Raises:
        ModelError: A file is neither a pointer nor one of the model in the checked-out commit.
    """
    if target.is_file():
        _check_replaceable(directory, model, target)
    try:
        known = {part.path: part.sha256 for part in find_side(directory, "HEAD", model=model).manifest.files}
    except (NotARepository, SettingsError):
        known = {}
    for path, sha256 in there.items():
        file = target / path
        is_pointer = read_pointer(read_small(file, LIMIT_BYTES) or b"") is not None
        if known.get(path) != sha256 and not is_pointer and not path.endswith((".dvc", ".gitignore")):
            raise ModelError(
                f"{file} is a file that no commit has, such as one of a model trained here. It is not replaced.",
                next_step="Write elsewhere with --output, or replace it with --force.",
            )


def _write_manifest(directory: Path, model: str, side: Side, target: Path) -> None:
    """Write the version's manifest beside the file, byte for byte as it was committed."""
    beside = Path(manifest_path(target))
    if not side.commit and beside == directory / manifest_path(model):
        return
    read = _of_commit(directory, side.commit) if side.commit else None
    written = read(manifest_path(model)) if read else None
    profiles = read(profiles_path(model)) if read and side.manifest.profiles else None
    if profiles:
        write_whole(Path(profiles_path(target)), profiles)
    write_whole(beside, written or side.manifest.to_json().encode())


def _write(content: bytes | Pointer, target: Path, directory: Path, access: GitAccess | None, say: Say) -> str:
    """Write the model to `target`; return the store that it came from."""
    if isinstance(content, Pointer):
        download(
            content,
            target,
            source_for(content, directory=directory, environ=for_commands(os.environ), access=access),
            say=say,
        )
        return content.store
    write_whole(target, content)
    return "git"


def _content(directory: Path, model: str, sha256: str, side: Side) -> bytes | Pointer:
    """Return a file's bytes or a pointer to them: from the version's commit, else the working tree, then HEAD."""
    if side.commit:
        found = _found(_of_commit(directory, side.commit), model, sha256)
    else:
        found = _found(_of_folder(directory), model, sha256) or _found(_of_commit(directory, "HEAD"), model, sha256)
    found = _kept(directory, model, sha256, side) if found is None else found
    if found is None:
        raise ModelError(
            f"{side.label} has the manifest of {model}, but neither the model itself nor a pointer to it.",
            next_step="See which versions there are: cmlkit model list; and take one: cmlkit model pull --at COMMIT",
        )
    return found


def _found(read: ReadFile, model: str, sha256: str) -> bytes | Pointer | None:
    content, beside = read(model), read(dvc_path(model))
    if content is not None:
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        pointer = read_pointer(content)
        if pointer is not None and pointer.sha256 == sha256:
            return pointer
    if beside is None:
        return None
    from cmlkit.stores.dvc import dvc_pointer

    return dvc_pointer(beside, sha256=sha256)


def _kept(directory: Path, model: str, sha256: str, side: Side) -> Pointer | None:
    """Return the pointer to a file or folder that DVC keeps as an output of its pipeline; None if it is none."""
    from cmlkit.stores.dvc_outputs import in_checkout, kept_pointer

    place = str(prefix(directory) / model)

    def read(path: str) -> bytes | None:
        found = history.files_at(directory, path, [side.commit or "HEAD"])
        return found[side.commit or "HEAD"].content if found else None

    here = None if side.commit else kept_pointer(*in_checkout(directory / model), sha256=sha256)
    return here or kept_pointer(place, read, sha256=sha256)


def _of_commit(directory: Path, commit: str) -> ReadFile:
    folder = prefix(directory)

    def read(path: str) -> bytes | None:
        found = history.files_at(directory, str(folder / path), [commit])
        return found[commit].content if found else None

    return read


def _of_folder(directory: Path) -> ReadFile:
    """Return a reader of small files in the working tree: a model there is only of use as a pointer."""

    def read(path: str) -> bytes | None:
        return read_small(directory / path, LIMIT_BYTES)

    return read


def _check_replaceable(directory: Path, model: str, target: Path) -> None:
    """Refuse to replace a file that cannot be restored.

    Raises:
        ModelError: `target` is neither a pointer nor the model that the checked-out commit has a manifest of.
    """
    if target.is_dir():
        _check_folder_replaceable(directory, model, target, _hashes(target))
        return
    if not target.exists() or read_pointer(read_small(target, LIMIT_BYTES) or b""):
        return
    if hashed(target)[0] != _committed(directory, model):
        raise ModelError(
            f"{target} is a file that no commit has, such as a model trained here. It is not replaced.",
            next_step="Write elsewhere with --output, or replace it with --force.",
        )


def _committed(directory: Path, model: str) -> str:
    """Return the hash of the model in the checked-out commit; empty without a model or a commit."""
    try:
        return find_side(directory, "HEAD", model=model).manifest.sha256
    except NotARepository:
        return ""
    except GitError:
        raise
    except SettingsError:
        return ""
