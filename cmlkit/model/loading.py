"""Loading: a model that matches its manifest, downloaded first if the checkout has only a pointer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import read_project_file, read_small
from cmlkit.ci import for_commands
from cmlkit.errors import ModelError
from cmlkit.model.file import check_parts, load_file, load_parts
from cmlkit.model.manifest import ModelManifest, read_manifest
from cmlkit.model.verification import check_trusted
from cmlkit.stores.base import hashed
from cmlkit.stores.choice import source_for
from cmlkit.stores.download import download
from cmlkit.stores.pointer import LIMIT_BYTES, Pointer, dvc_path, read_pointer

CACHE = Path("~/.cache/cmlkit/models")


def load_model(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    verify: bool = False,
    trusted: Sequence[str] = (),
    cache: str | os.PathLike[str] = CACHE,
) -> Any:
    """Load a model that matches its manifest. The hash is checked before any byte is unpickled.

    >>> manifest = cmlkit.save_model({"trees": 100}, "model/forest.joblib")
    >>> cmlkit.load_model("model/forest.joblib")
    {'trees': 100}

    The format is recognized by content, and loaded by its library: docs/reference/manifest.md lists what is returned.

    If `path` is a pointer to Git LFS or S3, or is missing because DVC keeps it (with a `.dvc` file beside it, or as an
    output of `dvc.yaml`), the bytes are downloaded once, to a cache; `cmlkit model pull` downloads them to `path`
    itself.

    Unpickling runs code: load only models from repositories that you trust; a matching hash does not make a model
    harmless. For a model from elsewhere, `verify=True` refuses what `cmlkit model verify` lists as untrusted, before a
    byte is unpickled; it is a filter, not a proof. A file that ends in `.skops` is not a pickle; it loads only trusted
    types. PyTorch loads weights only, and Keras in its safe mode.

    Args:
        strict: Whether other versions of scikit-learn, numpy or Python are an error instead of a warning.
        verify: Whether to refuse a model with anything that `cmlkit model verify` lists as untrusted. A class of your
            own is untrusted, too, until `trusted` names it.
        trusted: Names to trust, in whatever way the model uses them: with `verify`, those that the refusal lists; in a
            skops file, types besides those that skops trusts by default.
        cache: Folder for downloads.

    Raises:
        ModelError: The file is missing, does not match its manifest, has names that are not trusted, or cannot be
            loaded here.
        SettingsError: The library that loads the format is not installed; or there is no remote to download from.
        NotFound, PermissionDenied, ServiceError: The store does not deliver the bytes.
    """
    file = Path(path)
    # In a text, any part of a name would be found.
    trusted = (trusted,) if isinstance(trusted, str) else trusted
    manifest = read_manifest(file)
    judge = partial(check_trusted, source=str(file), trusted=trusted) if verify else None
    if manifest.files:
        folder = file
        if pointer_at(file, manifest):
            folder = gathered(file, manifest, Path(cache).expanduser() / manifest.sha256)
        return load_parts(file, manifest, content=folder, strict=strict, judge=judge)
    pointer = pointer_at(file, manifest)
    content = file if pointer is None else _cached(pointer, file, Path(cache).expanduser())
    return load_file(file, manifest, content=content, strict=strict, trusted=trusted, judge=judge)


def pointer_at(file: Path, manifest: ModelManifest) -> Pointer | None:
    """Return the pointer at a model's path; None if the model itself is there, or nothing.

    For a folder, it is the pointer of the first file that has one.

    Raises:
        ModelError: It points to another model than the manifest describes.
    """
    if manifest.files:
        return _kept_folder(file, manifest) or next(iter(_pointers(file, manifest).values()), None)
    return _pointer_of(file, manifest.sha256)


def gathered(folder: Path, manifest: ModelManifest, target: Path) -> Path:
    """Copy a model that is a folder to `target`, with the bytes that its pointers stand for; return `target`.

    Raises:
        ModelError: A file is missing, or is another than in the manifest.
        NotFound, PermissionDenied, ServiceError: The store does not deliver the bytes.
    """
    if kept := _kept_folder(folder, manifest):
        from cmlkit.stores.dvc_outputs import fetch_folder

        if not all((target / part.path).is_file() for part in manifest.files):
            fetch_folder(kept, target, directory=folder.resolve().parent, environ=for_commands(os.environ))
        check_parts(target, manifest, source=str(folder))
        return target
    pointers, beside = _pointers(folder, manifest), folder.resolve().parent
    for part in manifest.files:
        place, file = target / part.path, folder / part.path
        if place.is_file() and hashed(place)[0] == part.sha256:
            continue
        if part.path in pointers:
            source = source_for(pointers[part.path], directory=beside, environ=for_commands(os.environ))
            download(pointers[part.path], place, source)
        elif file.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    check_parts(target, manifest, source=str(folder))
    return target


def _kept_folder(folder: Path, manifest: ModelManifest) -> Pointer | None:
    """Return the pointer to a folder that DVC has as a whole, if the checkout has none of its files."""
    return None if folder.exists() else _pointer_of(folder, manifest.sha256)


def _pointers(folder: Path, manifest: ModelManifest) -> dict[str, Pointer]:
    """Return path in the folder -> pointer, for the files that have one."""
    found = {part.path: _pointer_of(folder / part.path, part.sha256) for part in manifest.files}
    return {path: pointer for path, pointer in found.items() if pointer is not None}


def _pointer_of(file: Path, sha256: str) -> Pointer | None:
    if not file.exists():
        beside = Path(dvc_path(str(file)))
        if not beside.is_file():
            return _kept_at(file, sha256)
        from cmlkit.stores.dvc import dvc_pointer

        return dvc_pointer(read_project_file(beside) or b"", sha256=sha256)
    pointer = read_pointer(read_small(file, LIMIT_BYTES) or b"")
    if pointer is not None and pointer.sha256 != sha256:
        raise ModelError(
            f"{file} points to another model than its manifest describes.",
            next_step="Restore both files from one commit.",
        )
    return pointer


def _kept_at(path: Path, sha256: str) -> Pointer | None:
    """Return the pointer to a missing file or folder that DVC keeps as an output of its pipeline; None otherwise."""
    from cmlkit.stores.dvc_outputs import in_checkout, kept_pointer

    place, read = in_checkout(path)
    return kept_pointer(place, read, sha256=sha256)


def _cached(pointer: Pointer, file: Path, cache: Path) -> Path:
    # The suffix determines how the file is loaded.
    cached = cache / f"{pointer.sha256}{file.suffix}"
    if not (cached.is_file() and hashed(cached)[0] == pointer.sha256):
        source = source_for(pointer, directory=file.resolve().parent, environ=for_commands(os.environ))
        download(pointer, cached, source)
    return cached
