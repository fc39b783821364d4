"""The model file: written whole or not at all, described, and loaded only if it matches its manifest."""

from __future__ import annotations

import hashlib
import io
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmlkit.errors import CmlkitError, MissingExtra, ModelError
from cmlkit.files import write_whole
from cmlkit.model import skops_file
from cmlkit.model.environment import differing_versions, installed_versions, other_versions
from cmlkit.model.manifest import DEFAULT_FORMAT, ModelManifest, manifest_path
from cmlkit.model.pickle_contents import Contents, read_contents
from cmlkit.records.training_run import DataFingerprint


class ModelVersionWarning(UserWarning):
    """The libraries that load a model have other versions than those that wrote it."""


def save_model(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, float] | None = None,
    parameters: Mapping[str, Any] | None = None,
    commit: str = "",
    data: Sequence[DataFingerprint] = (),
) -> ModelManifest:
    """Write a model and its manifest, each whole or not at all: as skops if `path` ends in `.skops`, else as joblib.

    Raises:
        SettingsError: joblib, or skops, is not installed.
        ModelError: The file cannot be written.
    """
    file = Path(path)
    write_model(estimator, file)
    return write_manifest(file, metrics=metrics or {}, parameters=parameters, commit=commit, data=data)


def write_model(estimator: Any, file: Path) -> None:
    """Write only the model, whole or not at all; raise the same errors as `save_model`."""
    content = _dumped(estimator, file)
    try:
        write_whole(file, content)
    except OSError as error:
        raise ModelError(f"The model cannot be written to {file}: {error.strerror}.") from error


def write_manifest(
    path: Path,
    *,
    metrics: Mapping[str, float],
    parameters: Mapping[str, Any] | None = None,
    commit: str = "",
    data: Sequence[DataFingerprint] = (),
    libraries: Mapping[str, str] | None = None,
) -> ModelManifest:
    """Describe the model file as it is now, and write its manifest beside it.

    Args:
        parameters: Those in the file itself if None.
        libraries: Versions at training; those installed here if None.

    Raises:
        ModelError: The file is missing or empty.
    """
    sha256, size = hashed(path)
    class_path, found = _described(path)
    manifest = ModelManifest(
        sha256=sha256,
        size=size,
        class_path=class_path,
        libraries=installed_versions() if libraries is None else libraries,
        metrics=dict(metrics),
        parameters=found if parameters is None else dict(parameters),
        commit=commit,
        data=tuple(data),
        created=datetime.fromtimestamp(time.time(), tz=UTC).isoformat(timespec="seconds"),
        format="skops" if skops_file.is_skops(path) else DEFAULT_FORMAT,
    )
    write_whole(Path(manifest_path(path)), manifest.to_json().encode())
    return manifest


def load_file(
    path: Path, manifest: ModelManifest, *, content: Path, strict: bool = False, trusted: Sequence[str] = ()
) -> Any:
    """Load a model that matches its manifest; the other arguments and the errors are those of `cmlkit.load_model`.

    Args:
        path: The model's path, for messages; its suffix determines how it is loaded.
        content: The file with its bytes.
    """
    loaded = read_content(content)
    if hashlib.sha256(loaded).hexdigest() != manifest.sha256:
        raise ModelError(
            f"{path} is not the file that its manifest describes: it has {len(loaded):,} bytes"
            f" and another hash, instead of {manifest.size:,} bytes. It was not loaded.",
            next_step="Restore both files from one commit. If you did not change it, find out who did.",
        )
    _check_versions(manifest, str(path), strict=strict)
    try:
        # Load the bytes that were hashed: the file itself may have changed since.
        return _loaded(loaded, str(path), trusted)
    except CmlkitError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path} cannot be loaded here: {type(error).__name__}: {error}.",
            next_step="Install the versions that its manifest names: cmlkit model show.",
        ) from error


def _described(path: Path) -> tuple[str, dict[str, Any]]:
    """Return class and parameters; empty if the file is not a pickle or a skops file."""
    try:
        contents = contents_of(path)
    except ModelError:
        return "", {}
    return contents.class_path, dict(contents.parameters)


def contents_of(path: Path) -> Contents:
    return skops_file.read_contents(path) if skops_file.is_skops(path) else read_contents(path)


def _dumped(estimator: Any, path: Path) -> bytes:
    if skops_file.is_skops(path):
        return skops_file.dumps(estimator)
    content = io.BytesIO()
    _joblib().dump(estimator, content)
    return content.getvalue()


def _loaded(content: bytes, path: str, trusted: Sequence[str]) -> Any:
    if skops_file.is_skops(path):
        return skops_file.loads(content, trusted=trusted, source=path)
    return _joblib().load(io.BytesIO(content))


def _check_versions(manifest: ModelManifest, path: str, *, strict: bool) -> None:
    differing = differing_versions(manifest.libraries)
    if not differing:
        return
    error = other_versions(path, differing)
    if strict:
        raise error
    warnings.warn(error.message, ModelVersionWarning, stacklevel=4)


def _joblib() -> Any:
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise MissingExtra("Saving and loading models needs joblib.", extra="train") from error
    return joblib


def hashed(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if not size:
        raise ModelError(f"The model file {path} is empty.", next_step="See why training wrote nothing to it.")
    return sha256, size


def read_content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"The model file {path} cannot be read: {error.strerror}.",
        next_step="Let training write it there, or correct the setting train.model.",
    )
