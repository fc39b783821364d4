"""The model file: written whole or not at all, described, and loaded only if it matches its manifest."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import open_regular, read_regular
from cmlkit.errors import CmlkitError, MissingExtra, ModelError, SettingsError, step_after
from cmlkit.files import write_whole
from cmlkit.model import skops_file
from cmlkit.model.description import describe
from cmlkit.model.environment import differing_versions, installed_versions, other_versions, version_of
from cmlkit.model.file_format import recognize
from cmlkit.model.folder import parts_of, recognize_folder
from cmlkit.model.loaders import load_bytes, load_folder
from cmlkit.model.manifest import ModelManifest, manifest_path, tree_hash
from cmlkit.model.profiles import profiles_path, profiles_text
from cmlkit.records.json_text import plain
from cmlkit.records.metric_values import checked_metrics
from cmlkit.records.redaction import NOTHING_KNOWN, redacted
from cmlkit.records.training_run import DataFingerprint
from cmlkit.sinks.secrets import Secrets


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

    >>> manifest = cmlkit.save_model({"trees": 100}, "model/forest.joblib", metrics={"accuracy": 0.97})
    >>> manifest.format, manifest.metrics
    ('joblib', {'accuracy': 0.97})

    Raises:
        MetricsError: A metric is NaN, infinite or no number; NumPy's numbers are taken. Nothing was written.
        SettingsError: joblib, or skops, is not installed, or parameters or data are of another type.
        ModelError: The file cannot be written.
    """
    file, values = Path(path), checked_metrics(metrics or {}, of="The model's metrics")
    if Path(manifest_path(file)).is_dir():
        raise ModelError(f"The manifest {manifest_path(file)} cannot be written: it is a folder.")
    if not (isinstance(parameters, Mapping | None) and all(isinstance(item, DataFingerprint) for item in data)):
        raise SettingsError(
            "The model's parameters are a mapping of names to values, and its data fingerprints.",
            next_step="Pass fingerprints from TrainingRun.data, or leave data out.",
        )
    write_model(estimator, file)
    try:
        return write_manifest(file, metrics=values, parameters=parameters, commit=commit, data=data)
    except OSError as error:
        raise ModelError(
            f"The manifest of {file} cannot be written: {error.strerror}.", next_step=step_after(error)
        ) from error


def write_model(estimator: Any, file: Path) -> None:
    """Write only the model, whole or not at all; raise the same errors as `save_model`."""
    content = _dumped(estimator, file)
    try:
        write_whole(file, content)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written to {file}: {error.strerror}.", next_step=step_after(error)
        ) from error


def write_manifest(
    path: Path,
    *,
    metrics: Mapping[str, float],
    parameters: Mapping[str, Any] | None = None,
    commit: str = "",
    data: Sequence[DataFingerprint] = (),
    libraries: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    target: str = "",
    percentages: Sequence[str] = (),
    secrets: Secrets = NOTHING_KNOWN,
) -> ModelManifest:
    """Describe the model, a file or a folder, as it is now, and write its manifest beside it.

    Args:
        parameters: Those in the file itself if None.
        libraries: Versions at training; those installed here if None.
        columns: Feature -> type, and `target` the column that the model predicts, if known.
        percentages: Names of metrics whose number was written as a percentage.
        secrets: Texts to hide in parameters and notes; those with the name or the form of a secret are hidden anyway.

    Raises:
        ModelError: The file is missing or empty.
    """
    parts = parts_of(path) if path.is_dir() else ()
    sha256, size = (tree_hash(parts), sum(part.size for part in parts)) if parts else hashed(path)
    versions = installed_versions() if libraries is None else libraries
    found = describe(path)
    profiles = profiles_text(data)
    manifest = ModelManifest(
        sha256=sha256,
        size=size,
        class_path=found.contents.class_path,
        libraries=versions,
        metrics=dict(metrics),
        parameters=plain(redacted(found.contents.parameters if parameters is None else parameters, secrets)),
        commit=commit,
        data=tuple(data),
        created=datetime.fromtimestamp(time.time(), tz=UTC).isoformat(timespec="seconds"),
        format=found.format,
        library=found.library,
        library_version=found.version or version_of(found.library, versions),
        files=parts,
        notes=tuple(map(secrets.hidden, found.notes)),
        columns=dict(columns or {}),
        target=target,
        profiles=hashlib.sha256(profiles).hexdigest() if profiles else "",
        percentages=tuple(percentages),
    )
    if profiles:
        write_whole(Path(profiles_path(path)), profiles)
    write_whole(Path(manifest_path(path)), manifest.to_json().encode())
    return manifest


def load_file(
    path: Path,
    manifest: ModelManifest,
    *,
    content: Path,
    strict: bool = False,
    trusted: Sequence[str] = (),
    judge: Callable[[Path], None] | None = None,
) -> Any:
    """Load a model that matches its manifest; the other arguments and the errors are those of `cmlkit.load_model`.

    Args:
        path: The model's path, for messages.
        content: The file with its bytes.
        judge: Called with a copy of the bytes that are loaded; raises if they are not to be.
    """
    loaded = read_content(content)
    if hashlib.sha256(loaded).hexdigest() != manifest.sha256:
        raise ModelError(
            f"{path} is not the file that its manifest describes: it has {len(loaded):,} bytes"
            f" and another hash, instead of {manifest.size:,} bytes. It was not loaded.",
            next_step="Restore both files from one commit. If you did not change it, find out who did.",
        )
    if judge is not None:
        with tempfile.TemporaryDirectory(prefix="cmlkit-model-") as folder:
            copy = Path(folder, path.name)
            copy.write_bytes(loaded)
            judge(copy)
    _check_versions(manifest, str(path), strict=strict)
    name = recognize(content).name
    # Load the bytes that were hashed: the file itself may have changed since.
    return _explained(
        path, manifest, lambda: load_bytes(loaded, _format_of(path, name), source=str(path), trusted=trusted)
    )


def load_parts(
    path: Path,
    manifest: ModelManifest,
    *,
    content: Path,
    strict: bool = False,
    judge: Callable[[Path], None] | None = None,
) -> Any:
    """Load a model that is a folder and matches its manifest; the arguments and errors are those of `load_file`."""
    check_parts(content, manifest, source=str(path))
    if judge is not None:
        judge(content)
    _check_versions(manifest, str(path), strict=strict)
    return _explained(path, manifest, lambda: load_folder(content, recognize_folder(content).name))


def check_parts(folder: Path, manifest: ModelManifest, *, source: str) -> None:
    """Check that the folder has the files that its manifest lists, and no others.

    Raises:
        ModelError: It has not; the message names a file.
    """
    there = {part.path: part for part in parts_of(folder)} if folder.is_dir() else {}
    listed = {part.path: part for part in manifest.files}
    differing = sorted(path for path in {*there, *listed} if there.get(path) != listed.get(path))
    if not differing and tree_hash(manifest.files) == manifest.sha256:
        return
    named = differing[0] if differing else "the list itself"
    how = "is missing" if named not in there else "has another hash" if named in listed else "is not among them"
    raise ModelError(
        f"{source} is not the folder that its manifest describes: {named} {how}. It was not loaded.",
        next_step="Restore folder and manifest from one commit. If you did not change it, find out who did.",
    )


def _format_of(path: Path, name: str) -> str:
    # Those who name a file so ask for a load that trusts only known types.
    return "skops" if skops_file.is_skops(path) else name


def _explained(path: Path, manifest: ModelManifest, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except CmlkitError:
        raise
    except Exception as error:
        versions = " ".join(f"{name}=={version}" for name, version in _needed(manifest).items())
        raise ModelError(
            f"{path} cannot be loaded here: {type(error).__name__}: {error}.",
            next_step=" ".join(
                ["Install the versions that its manifest names: cmlkit model show.", *manifest.notes, versions]
            ).strip(),
        ) from error


def _needed(manifest: ModelManifest) -> dict[str, str]:
    """Return the distribution that wrote the model, with its version, if both are known."""
    known = manifest.library and manifest.library_version
    return {manifest.library: manifest.library_version} if known else {}


def _dumped(estimator: Any, path: Path) -> bytes:
    if skops_file.is_skops(path):
        return skops_file.dumps(estimator)
    content = io.BytesIO()
    _joblib().dump(estimator, content)
    return content.getvalue()


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
        with open_regular(path) as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if not size:
        raise ModelError(f"The model file {path} is empty.", next_step="See why training wrote nothing to it.")
    return sha256, size


def read_content(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"The model file {path} cannot be read: {error.strerror}.",
        next_step="Let training write it there, or correct the setting train.model.",
    )
