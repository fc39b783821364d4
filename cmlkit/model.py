"""The model: a joblib or skops file with a manifest beside it, verified before it is loaded."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import platform
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmlkit import skops_file
from cmlkit.errors import CmlkitError, ModelError, SettingsError
from cmlkit.files import write_whole
from cmlkit.model_imports import unfamiliar
from cmlkit.pickle_contents import Contents, read_contents
from cmlkit.records.training_run import DataFingerprint

MANIFEST_VERSION = 1
DEFAULT_FORMAT = "joblib"
LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib", "pandas", "xgboost", "lightgbm", "catboost")
# A model written by another version of these may load and yet predict something else.
# https://scikit-learn.org/stable/model_persistence.html#security-maintainability-limitations
VERSIONS_THAT_MATTER = ("scikit-learn", "numpy", "python")
MISSING = "not installed"


class ModelVersionWarning(UserWarning):
    """A model was written by other versions of its libraries than those that load it."""


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """What is known of a model file.

    Attributes:
        sha256: Hash of the file, in hexadecimal.
        size: Bytes.
        class_path: Import path of the model's class; empty when it could not be told.
        libraries: Distribution -> version at training, `python` among them.
        metrics: Name -> value.
        parameters: Name -> value, such as `max_depth`.
        commit: git commit of the code that trained it; empty when unknown.
        data: Fingerprints of the data that it was trained on.
        created: ISO 8601, in UTC.
    """

    sha256: str
    size: int
    class_path: str = ""
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    commit: str = ""
    data: tuple[DataFingerprint, ...] = ()
    created: str = ""
    format: str = DEFAULT_FORMAT
    version: int = MANIFEST_VERSION

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str) -> ModelManifest:
        """The manifest that `to_json` wrote; fields that a later version added are left out.

        Raises:
            ModelError: `text` is no manifest; the message names `source`.
        """
        try:
            record = json.loads(text)
            known = {field.name for field in dataclasses.fields(cls)}
            fields = {name: value for name, value in record.items() if name in known}
            return cls(**{**fields, "data": tuple(DataFingerprint(**item) for item in record.get("data", ()))})
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{source} is not a model manifest: {error}.", next_step="Train again, or restore the file."
            ) from error


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What `verify` found.

    Attributes:
        matches: Whether the file has the manifest's hash; None where there is no manifest.
        class_path: Import path of the model's class; empty where the file does not tell.
        imports: What loading the file would import. Loading runs code of these modules. Empty where the file is
            neither a pickle nor a skops file, such as a model in the ONNX format.
        untrusted: Those of `imports` to look at before loading: of a pickle what `model_imports` does not
            know, of a skops file what skops does not trust by itself (all of it where skops is not installed).
        differing: What the file was written with that is another version here, such as `numpy 1.26.4 (here 2.1.0)`.
    """

    path: str
    matches: bool | None
    sha256: str
    size: int
    class_path: str
    imports: tuple[str, ...]
    sklearn_version: str
    untrusted: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


def manifest_path(model: str | os.PathLike[str]) -> str:
    """Where the manifest of a model file is: beside it, with `.json` added."""
    return f"{os.fspath(model)}.json"


def installed_versions(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Version of Python and of those of the distributions that are installed here."""
    from importlib import metadata  # takes a tenth of what a short command takes

    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def save_model(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, float] | None = None,
    parameters: Mapping[str, Any] | None = None,
    commit: str = "",
    data: Sequence[DataFingerprint] = (),
) -> ModelManifest:
    """Write a model and its manifest, each whole or not at all: a skops file where `path` ends so, else one of joblib.

    Raises:
        SettingsError: joblib, or skops, is not installed.
        ModelError: The file cannot be written.
    """
    file = Path(path)
    write_model(estimator, file)
    return write_manifest(file, metrics=metrics or {}, parameters=parameters, commit=commit, data=data)


def write_model(estimator: Any, file: Path) -> None:
    """Write the model alone, whole or not at all; raises as `save_model` does."""
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
    """Describe the model file as it is now, and write the manifest beside it.

    Args:
        parameters: Those in the file itself when None.
        libraries: Versions at training; those installed here when None.

    Raises:
        ModelError: The file is missing or empty.
    """
    sha256, size = _hash(path)
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


def read_manifest(path: str | os.PathLike[str]) -> ModelManifest:
    """The manifest beside a model file.

    Raises:
        ModelError: There is none, or it is no manifest.
    """
    manifest = manifest_path(path)
    try:
        return ModelManifest.from_json(Path(manifest).read_bytes(), source=manifest)
    except OSError as error:
        raise ModelError(
            f"The manifest {manifest} cannot be read: {error.strerror}.",
            next_step="Without it the model cannot be verified: fetch it from the same commit, or train again.",
        ) from error


def load_file(
    path: Path, manifest: ModelManifest, *, content: Path, strict: bool = False, trusted: Sequence[str] = ()
) -> Any:
    """Load a model that is what its manifest says; the arguments and errors are those of `cmlkit.load_model`.

    Args:
        path: Of the model, as people know it; its ending says how it is loaded.
        content: The file that has its bytes.
    """
    loaded = _read(content)
    if hashlib.sha256(loaded).hexdigest() != manifest.sha256:
        raise ModelError(
            f"{path} is not the file that its manifest describes: it has {len(loaded):,} bytes"
            f" and another hash, instead of {manifest.size:,} bytes. It was not loaded.",
            next_step="Restore both files from one commit. If you did not change it, find out who did.",
        )
    _check_versions(manifest, str(path), strict=strict)
    try:
        # What was hashed is what is loaded: the file itself may have changed since.
        return _loaded(loaded, str(path), trusted)
    except CmlkitError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path} cannot be loaded here: {type(error).__name__}: {error}.",
            next_step="Install the versions that its manifest names: cmlkit model show.",
        ) from error


def verify(path: str | os.PathLike[str], *, strict: bool = False) -> Verification:
    """Compare a model file with its manifest, and say what loading it would import, without importing anything.

    Args:
        strict: Whether other versions of scikit-learn, numpy or Python than here are an error.

    Raises:
        ModelError: The file is missing, not what its manifest says, or, without a manifest, of no known format.
    """
    file = Path(path)
    sha256, size = _hash(file)
    manifest = read_manifest(file) if Path(manifest_path(file)).exists() else None
    if manifest and manifest.sha256 != sha256:
        raise ModelError(
            f"{file} has the hash {sha256[:12]}…, where its manifest says {manifest.sha256[:12]}….",
            next_step="Restore both files from one commit. If you did not change it, find out who did.",
        )
    try:
        contents = _contents(file)
    except ModelError:
        # Of a file that was no pickle when it was trained, its hash is all there is to verify.
        if manifest is None or manifest.class_path:
            raise
        contents = Contents()
    differing = _differing(manifest.libraries if manifest else {"scikit-learn": contents.sklearn_version})
    if differing and strict:
        raise _other_versions(str(file), differing)
    # Who only verifies need not have what loading takes, such as a workflow's cmlkit in an environment of its own.
    differing = tuple(item for item in differing if MISSING not in item)
    return Verification(
        path=str(file),
        matches=True if manifest else None,
        sha256=sha256,
        size=size,
        class_path=contents.class_path,
        imports=contents.imports,
        sklearn_version=contents.sklearn_version,
        untrusted=_untrusted(file, contents.imports),
        differing=differing,
    )


def _described(path: Path) -> tuple[str, dict[str, Any]]:
    """Class and parameters, as far as the file tells: it need not be a pickle at all."""
    try:
        contents = _contents(path)
    except ModelError:
        return "", {}
    return contents.class_path, dict(contents.parameters)


def _contents(path: Path) -> Contents:
    return skops_file.read_contents(path) if skops_file.is_skops(path) else read_contents(path)


def _untrusted(path: Path, imports: Sequence[str]) -> tuple[str, ...]:
    if skops_file.is_skops(path):
        return skops_file.untrusted_types(_read(path)) if skops_file.is_installed() else tuple(imports)
    return unfamiliar(imports)


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
    differing = _differing(manifest.libraries)
    if not differing:
        return
    error = _other_versions(path, differing)
    if strict:
        raise error
    warnings.warn(error.message, ModelVersionWarning, stacklevel=4)


def _differing(libraries: Mapping[str, str]) -> tuple[str, ...]:
    here = installed_versions()
    return tuple(
        f"{name} {libraries[name]} (here {here.get(name, MISSING)})"
        for name in VERSIONS_THAT_MATTER
        if libraries.get(name) and _series(libraries[name]) != _series(here.get(name, ""))
    )


def _other_versions(path: str, differing: Sequence[str]) -> ModelError:
    return ModelError(
        f"{path} was trained with {', '.join(differing)}; it may load and yet predict something else.",
        next_step="Install those versions, or do without strict.",
    )


def _series(version: str) -> str:
    """Major and minor version: patch releases keep their pickles."""
    return ".".join(version.split(".")[:2])


def _joblib() -> Any:
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise SettingsError(
            "Saving and loading models needs joblib.", next_step="pip install 'cmlkit-ci[train]'"
        ) from error
    return joblib


def _hash(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if not size:
        raise ModelError(f"The model file {path} is empty.", next_step="See why training wrote nothing to it.")
    return sha256, size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"The model file {path} cannot be read: {error.strerror}.",
        next_step="Let training write it there, or correct the setting train.model.",
    )
