"""Loading: a model that is what its manifest says, fetched first where the checkout has only what stands for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cmlkit.errors import ModelError
from cmlkit.model.file import load_file
from cmlkit.model.manifest import ModelManifest, read_manifest
from cmlkit.stores.base import hashed
from cmlkit.stores.download import download, source_for
from cmlkit.stores.pointer import LIMIT_BYTES, Pointer, dvc_path, read_pointer

CACHE = Path("~/.cache/cmlkit/models")


def load_model(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    trusted: Sequence[str] = (),
    cache: str | os.PathLike[str] = CACHE,
) -> Any:
    """Load a model that is what its manifest says. The hash is checked before a byte of it is unpickled.

    Where `path` is a pointer to Git LFS or S3, or has a `.dvc` file beside it instead, the bytes are downloaded once,
    to a cache; `cmlkit model pull` brings them to `path` itself.

    Unpickling runs code: load only models whose repository you trust, a matching hash does not make one harmless.
    A file that ends in `.skops` is no pickle; it loads only types that are trusted.

    Args:
        strict: Whether other versions of scikit-learn, numpy or Python are an error instead of a warning.
        trusted: Import paths of types in a skops file to trust, beside those that skops trusts by itself.
        cache: Folder for what is downloaded.

    Raises:
        ModelError: The file is missing, is not what the manifest says, has types that are not trusted, or cannot be
            loaded here.
        SettingsError: joblib, or skops, is not installed; or there is no remote to download from.
        NotFound, PermissionDenied, ServiceError: The store does not give the bytes.
    """
    file = Path(path)
    manifest = read_manifest(file)
    pointer = pointer_at(file, manifest)
    content = file if pointer is None else _cached(pointer, file, Path(cache).expanduser())
    return load_file(file, manifest, content=content, strict=strict, trusted=trusted)


def pointer_at(file: Path, manifest: ModelManifest) -> Pointer | None:
    """What stands for the model at a path; None where the model itself is there, or nothing.

    Raises:
        ModelError: It stands for another model than the manifest describes.
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
    # The ending says how it is loaded.
    cached = cache / f"{pointer.sha256}{file.suffix}"
    if not (cached.is_file() and hashed(cached)[0] == pointer.sha256):
        download(pointer, cached, source_for(pointer, directory=file.resolve().parent))
    return cached
