"""Loading: a model that matches its manifest, downloaded first if the checkout has only a pointer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cmlkit.ci import for_commands
from cmlkit.errors import ModelError
from cmlkit.model.file import load_file
from cmlkit.model.manifest import ModelManifest, read_manifest
from cmlkit.stores.base import hashed
from cmlkit.stores.choice import source_for
from cmlkit.stores.download import download
from cmlkit.stores.pointer import LIMIT_BYTES, Pointer, dvc_path, read_pointer

CACHE = Path("~/.cache/cmlkit/models")


def load_model(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    trusted: Sequence[str] = (),
    cache: str | os.PathLike[str] = CACHE,
) -> Any:
    """Load a model that matches its manifest. The hash is checked before any byte is unpickled.

    If `path` is a pointer to Git LFS or S3, or is replaced by a `.dvc` file beside it, the bytes are downloaded once,
    to a cache; `cmlkit model pull` downloads them to `path` itself.

    Unpickling runs code: load only models from repositories that you trust; a matching hash does not make a model
    harmless. A file that ends in `.skops` is not a pickle; it loads only trusted types.

    Args:
        strict: Whether other versions of scikit-learn, numpy or Python are an error instead of a warning.
        trusted: Import paths of types in a skops file to trust, besides those that skops trusts by default.
        cache: Folder for downloads.

    Raises:
        ModelError: The file is missing, does not match its manifest, has types that are not trusted, or cannot be
            loaded here.
        SettingsError: joblib, or skops, is not installed; or there is no remote to download from.
        NotFound, PermissionDenied, ServiceError: The store does not deliver the bytes.
    """
    file = Path(path)
    manifest = read_manifest(file)
    pointer = pointer_at(file, manifest)
    content = file if pointer is None else _cached(pointer, file, Path(cache).expanduser())
    return load_file(file, manifest, content=content, strict=strict, trusted=trusted)


def pointer_at(file: Path, manifest: ModelManifest) -> Pointer | None:
    """Return the pointer at a model's path; None if the model itself is there, or nothing.

    Raises:
        ModelError: It points to another model than the manifest describes.
    """
    if not file.exists():
        beside = Path(dvc_path(str(file)))
        if not beside.is_file():
            return None
        from cmlkit.stores.dvc import dvc_pointer

        return dvc_pointer(beside.read_bytes(), sha256=manifest.sha256)
    pointer = read_pointer(file.read_bytes()) if file.stat().st_size <= LIMIT_BYTES else None
    if pointer is not None and pointer.sha256 != manifest.sha256:
        raise ModelError(
            f"{file} points to another model than its manifest describes.",
            next_step="Restore both files from one commit.",
        )
    return pointer


def _cached(pointer: Pointer, file: Path, cache: Path) -> Path:
    # The suffix determines how the file is loaded.
    cached = cache / f"{pointer.sha256}{file.suffix}"
    if not (cached.is_file() and hashed(cached)[0] == pointer.sha256):
        source = source_for(pointer, directory=file.resolve().parent, environ=for_commands(os.environ))
        download(pointer, cached, source)
    return cached
