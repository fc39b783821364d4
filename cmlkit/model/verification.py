"""Verification: whether a model file matches its manifest, and which imports loading it would run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import ModelError
from cmlkit.model import skops_file
from cmlkit.model.description import contents_of, describe
from cmlkit.model.environment import MISSING, differing_versions, other_versions
from cmlkit.model.file import check_parts, hashed, read_content
from cmlkit.model.folder import parts_of
from cmlkit.model.imports import unfamiliar
from cmlkit.model.manifest import manifest_path, read_manifest, tree_hash
from cmlkit.model.pickle_contents import Contents
from cmlkit.records.model_format import OTHER


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of `verify`.

    Attributes:
        matches: Whether the file has the manifest's hash; None if the manifest is missing.
        class_path: Import path of the model's class; empty if unknown.
        imports: Import paths that loading the model would import, also from pickles in an archive or a folder. Loading
            runs code of these modules. Empty if nothing in the model is a pickle or a skops file, such as in ONNX.
        untrusted: The imports to look at before loading: in a pickle, those that `cmlkit.model.imports` does not
            know; in a skops file, those that skops does not trust by default (all if skops is not installed).
        differing: Libraries that had another version when the file was written, such as `numpy 1.26.4 (here 2.1.0)`.
        format: A name in `cmlkit.records.model_format.FORMATS`, recognized by content; `library` is the distribution
            that wrote the file, if known.
        notes: Sentences about what loading needs besides the library.
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
    format: str = ""
    library: str = ""
    notes: tuple[str, ...] = ()


def verify(path: str | os.PathLike[str], *, strict: bool = False) -> Verification:
    """Compare a model file with its manifest, and list what loading it would import, without importing anything.

    Args:
        strict: Whether other versions of scikit-learn, numpy or Python than those here are an error.

    Raises:
        ModelError: The file is missing or does not match its manifest; or it has no manifest and an unknown format.
    """
    file = Path(path)
    parts = parts_of(file) if file.is_dir() else ()
    sha256, size = (tree_hash(parts), sum(part.size for part in parts)) if parts else hashed(file)
    manifest = read_manifest(file) if Path(manifest_path(file)).exists() else None
    if manifest and manifest.files:
        check_parts(file, manifest, source=str(file))
    if manifest and manifest.sha256 != sha256:
        raise ModelError(
            f"{file} has the hash {sha256[:12]}…, but its manifest says {manifest.sha256[:12]}….",
            next_step="Restore both files from one commit. If you did not change it, find out who did.",
        )
    try:
        contents = contents_of(file)
    except ModelError:
        # A file that was no pickle when it was trained can be verified only by its hash.
        if manifest is None and describe(file).format == OTHER:
            raise ModelError(
                f"{file} is in no format that cmlkit knows, and has no manifest to compare it with.",
                next_step="A model that cmlkit train has trained has a manifest beside it, in any format.",
            ) from None
        if manifest is None or manifest.class_path:
            raise
        contents = Contents()
    differing = differing_versions(manifest.libraries if manifest else {"scikit-learn": contents.sklearn_version})
    if differing and strict:
        raise other_versions(str(file), differing)
    # Verifying does not need the libraries that loading needs: a workflow's cmlkit may have its own environment.
    differing = tuple(item for item in differing if MISSING not in item)
    found = describe(file)
    return Verification(
        path=str(file),
        matches=True if manifest else None,
        sha256=sha256,
        size=size,
        class_path=contents.class_path,
        imports=contents.imports,
        sklearn_version=contents.sklearn_version,
        untrusted=_untrusted(file, contents.imports, found.format),
        differing=differing,
        format=found.format,
        library=found.library,
        notes=found.notes,
    )


def _untrusted(path: Path, imports: Sequence[str], name: str) -> tuple[str, ...]:
    if name == "skops":
        return skops_file.untrusted_types(read_content(path)) if skops_file.is_installed() else tuple(imports)
    return unfamiliar(imports)
