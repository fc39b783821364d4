"""The manifest: a description of a model file, in JSON beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.bounds.files import RECORD_BYTES, read_project_file, read_regular
from cmlkit.errors import ModelError
from cmlkit.model.profiles import profiles_path, with_profiles
from cmlkit.records.json_text import finite, json_text, read_json
from cmlkit.records.redaction import redacted
from cmlkit.records.training_run import DataFingerprint
from cmlkit.records.typed import typed

MANIFEST_VERSION = 1
DEFAULT_FORMAT = "joblib"
_OPTIONAL = frozenset(
    {"library", "library_version", "files", "notes", "columns", "target", "percentages", "profiles", "verdict"}
)


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    """One file of a model that is a folder; `path` is relative to the folder."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class RecordedVerdict:
    """The gate's verdict on a model, as the publishing run adds it to the committed manifest.

    Attributes:
        outcome: As of `cmlkit.Verdict`: `first`, `better`, `same`, `worse`, `unjudged` or `rejected`.
        failed: The rules that the model failed, as written.
        run: GitHub's id of the run that published it, or another id outside Actions; `attempt` is its attempt.
    """

    outcome: str
    failed: tuple[str, ...] = ()
    run: str = ""
    attempt: int = 1

    @property
    def accepted(self) -> bool:
        return self.outcome != "rejected"


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """A description of a model: a file, or a folder of files.

    Attributes:
        sha256: Hash of the file, in hexadecimal; for a folder, that of its files, as in `tree_hash`.
        size: Bytes.
        class_path: Import path of the model's class; empty if unknown.
        libraries: Distribution -> version at training, `python` among them.
        metrics: Name -> value.
        parameters: Name -> value, such as `max_depth`.
        commit: git commit of the code that trained it; empty if unknown.
        data: Fingerprints of the data that it was trained on.
        created: ISO 8601, in UTC.
        format: A name in `cmlkit.records.model_format.FORMATS`, recognized by content.
        library: Distribution that wrote the file; `library_version` is its version; empty if unknown.
        files: The files of a folder, ordered by path; empty if the model is one file.
        notes: Sentences about what loading the model needs besides its library.
        columns: Feature -> type, in the order of training: number, boolean, category or date; empty if unknown.
        target: The column that it predicts; empty if unknown.
        profiles: SHA-256 of the file beside the manifest that has the profiles of the data; empty if there is none.
        percentages: Names of metrics whose number was written as a percentage: 93 % is 93.
        verdict: The gate's verdict; None if the model was not published.
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
    library: str = ""
    library_version: str = ""
    files: tuple[ModelPart, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    target: str = ""
    percentages: tuple[str, ...] = ()
    profiles: str = ""
    verdict: RecordedVerdict | None = None
    version: int = MANIFEST_VERSION

    def to_json(self) -> str:
        record = dataclasses.asdict(self)
        # Facts that not every model has are left out, as in manifests of 0.1.0.
        shown = {key: value for key, value in record.items() if value or key not in _OPTIONAL}
        if self.profiles:
            # They are in the file of that hash; in manifests of 0.1.0 they are here.
            shown["data"] = [{key: value for key, value in item.items() if key != "profiles"} for item in shown["data"]]
        return json_text(shown, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str) -> ModelManifest:
        """Read a manifest that `to_json` wrote; fields that a later version added are ignored.

        Raises:
            ModelError: `text` is not a manifest; the message names `source`.
        """
        try:
            record = read_json(text)
            known = {field.name for field in dataclasses.fields(cls)}
            fields = {name: value for name, value in record.items() if name in known}
            # Version 0.1.0 wrote a metric that was no finite number as NaN.
            fields["metrics"] = finite(record.get("metrics", {}))
            # Those of before have the secrets that were among the parameters.
            fields["parameters"] = redacted(record.get("parameters", {}))
            fields["data"] = tuple(DataFingerprint(**item) for item in record.get("data", ()))
            fields["files"] = tuple(_part(item) for item in record.get("files", ()))
            fields["notes"] = tuple(record.get("notes", ()))
            fields["percentages"] = tuple(record.get("percentages", ()))
            fields["verdict"] = _verdict(record.get("verdict"))
            return typed(cls(**fields))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
            raise ModelError(
                f"{source} is not a model manifest: {error}.", next_step="Train again, or restore the file."
            ) from error


def _part(item: Mapping[str, Any]) -> ModelPart:
    """Return the part of a record. Raise ValueError if its path leads out of the folder."""
    part = ModelPart(path=str(item["path"]), sha256=str(item["sha256"]), size=int(item["size"]))
    place = PurePosixPath(part.path)
    if place.is_absolute() or ".." in place.parts or not place.parts or "\\" in part.path:
        raise ValueError(f"{part.path!r} leads out of the model's folder")
    return part


def _verdict(record: Mapping[str, Any] | None) -> RecordedVerdict | None:
    if record is None:
        return None
    return RecordedVerdict(
        outcome=str(record["outcome"]),
        failed=tuple(map(str, record.get("failed", ()))),
        run=str(record.get("run", "")),
        attempt=int(record.get("attempt", 1)),
    )


def tree_hash(parts: Iterable[ModelPart]) -> str:
    """Return the hash of a folder: SHA-256 of the lines that `sha256sum` prints for its files, ordered by path."""
    lines = (f"{part.sha256}  {part.path}\n" for part in sorted(parts, key=lambda part: part.path))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def manifest_path(model: str | os.PathLike[str]) -> str:
    """Return the path of a model's manifest: beside the file or the folder, with `.json` added."""
    return f"{os.fspath(model).rstrip('/')}.json"


def trend_path(model: str | os.PathLike[str]) -> str:
    """Return the path of the picture of a model's metric over time: beside the file, with `.trend.svg` added."""
    return f"{os.fspath(model).rstrip('/')}.trend.svg"


def published_beside(model: str) -> tuple[str, ...]:
    """Return the paths of the files that a publication writes beside a model: manifest, profiles, report and trend."""
    return manifest_path(model), profiles_path(model), f"{model}.md", trend_path(model)


def read_manifest(path: str | os.PathLike[str]) -> ModelManifest:
    """Read the manifest beside a model file, with the profiles of its data, if they are there.

    Raises:
        ModelError: The manifest is missing or malformed.
    """
    manifest = manifest_path(path)
    try:
        found = ModelManifest.from_json(read_regular(manifest, RECORD_BYTES), source=manifest)
    except OSError as error:
        raise ModelError(
            f"The manifest {manifest} cannot be read: {error.strerror}.",
            next_step="Without it the model cannot be verified: fetch it from the same commit, or train again.",
        ) from error
    beside = Path(profiles_path(path))
    return with_profiles(found, read_project_file(beside, RECORD_BYTES) if found.profiles else None)
