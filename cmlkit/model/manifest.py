"""The manifest: a description of a model file, in JSON beside it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.errors import ModelError
from cmlkit.records.training_run import DataFingerprint

MANIFEST_VERSION = 1
DEFAULT_FORMAT = "joblib"


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """A description of a model file.

    Attributes:
        sha256: Hash of the file, in hexadecimal.
        size: Bytes.
        class_path: Import path of the model's class; empty if unknown.
        libraries: Distribution -> version at training, `python` among them.
        metrics: Name -> value.
        parameters: Name -> value, such as `max_depth`.
        commit: git commit of the code that trained it; empty if unknown.
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
        """Read a manifest that `to_json` wrote; fields that a later version added are ignored.

        Raises:
            ModelError: `text` is not a manifest; the message names `source`.
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


def manifest_path(model: str | os.PathLike[str]) -> str:
    """Return the path of a model file's manifest: beside it, with `.json` added."""
    return f"{os.fspath(model)}.json"


def read_manifest(path: str | os.PathLike[str]) -> ModelManifest:
    """Read the manifest beside a model file.

    Raises:
        ModelError: The manifest is missing or malformed.
    """
    manifest = manifest_path(path)
    try:
        return ModelManifest.from_json(Path(manifest).read_bytes(), source=manifest)
    except OSError as error:
        raise ModelError(
            f"The manifest {manifest} cannot be read: {error.strerror}.",
            next_step="Without it the model cannot be verified: fetch it from the same commit, or train again.",
        ) from error
