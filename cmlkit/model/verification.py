"""Verification: whether a model file matches its manifest, and which imports loading it would run."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import ModelError
from cmlkit.model import skops_file
from cmlkit.model.description import PICKLED, Description, describe
from cmlkit.model.environment import MISSING, differing_versions, other_versions
from cmlkit.model.file import check_parts, hashed, read_content
from cmlkit.model.folder import parts_of
from cmlkit.model.manifest import manifest_path, read_manifest, tree_hash
from cmlkit.model.pickle_contents import read_as_far_as_possible
from cmlkit.records.model_format import OTHER

_NAMED = 10
"""Names in an error; a crafted file may have thousands."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of `verify`.

    Attributes:
        matches: Whether the file has the manifest's hash; None if the manifest is missing.
        class_path: Import path of the model's class; empty if unknown.
        imports: Import paths that loading the model would import, also from pickles in an archive or a folder. Loading
            runs code of these modules. Empty if nothing in the model is a pickle or a skops file, such as in ONNX.
        untrusted: The imports to look at before loading: in a pickle, those that `cmlkit.model.known_names` and
            `cmlkit.model.pickle_calls` do not know, and names and operations that are used as no model uses them; in a
            skops file, the types that skops does not trust by default (all if skops is not installed).
        differing: Libraries that had another version when the file was written, such as `numpy 1.26.4 (here 2.1.0)`.
        format: A name in `cmlkit.records.model_format.FORMATS`, recognized by content; `library` is the distribution
            that wrote the file, if known.
        notes: Sentences about what loading needs besides the library.
        reasons: For those of `untrusted` that are not just unknown: what speaks against them, as `name: reason`.
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
    reasons: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether nothing in it has to be looked at before it is loaded. That is no proof that it is harmless."""
        return not self.untrusted


def verify(path: str | os.PathLike[str], *, strict: bool = False) -> Verification:
    """Compare a model file with its manifest, and list what loading it would import, without importing anything.

    Pickles are judged as `load_model` and `joblib.load` read them.

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
    found = describe(file)
    contents = found.contents
    if found.error is not None:
        if manifest is None and found.format == OTHER:
            raise ModelError(
                f"{file} is in no format that cmlkit knows, and has no manifest to compare it with.",
                next_step="A model that cmlkit train has trained has a manifest beside it, in any format.",
            )
        # A file that was no pickle when it was trained can be verified only by its hash.
        if manifest is None or manifest.class_path:
            raise found.error
    unknown, doubts = _judged(file, found)
    differing = differing_versions(manifest.libraries if manifest else {"scikit-learn": contents.sklearn_version})
    if differing and strict:
        raise other_versions(str(file), differing)
    # Verifying does not need the libraries that loading needs: a workflow's cmlkit may have its own environment.
    differing = tuple(item for item in differing if MISSING not in item)
    return Verification(
        path=str(file),
        matches=True if manifest else None,
        sha256=sha256,
        size=size,
        class_path=contents.class_path,
        imports=tuple(sorted({*contents.imports, *unknown})),
        sklearn_version=contents.sklearn_version,
        untrusted=tuple(dict.fromkeys([*unknown, *(subject for subject, _ in doubts)])),
        differing=differing,
        format=found.format,
        library=found.library,
        notes=found.notes,
        reasons=tuple(f"{subject}: {reason}" for subject, reason in doubts),
    )


def check_trusted(path: Path, *, source: str, trusted: Sequence[str]) -> None:
    """Refuse a model with anything that `verify` lists as untrusted; load nothing.

    Args:
        source: The model's path, for messages.
        trusted: Names that are trusted nevertheless.

    Raises:
        ModelError: It has such names, which the message lists with the reasons.
    """
    unknown, doubts = _judged(path, describe(path))
    reasons = dict.fromkeys(unknown, "models do not have it") | dict(doubts)
    refused = [
        f"{name} ({reason.replace(str(path), source)})" for name, reason in reasons.items() if name not in trusted
    ]
    if refused:
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        raise ModelError(
            f"{source} has names that are not trusted: {', '.join(refused[:_NAMED])}{more}. It was not loaded.",
            next_step="Look at each: loading the model may run any code. Name those that you wrote, or know to be"
            f" harmless: load_model({source!r}, verify=True, trusted=[…]). cmlkit model verify lists them all.",
        )


def _judged(path: Path, found: Description) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the unknown imports of a model, and what else speaks against loading it: subject and reason."""
    if found.format == "skops":
        known = skops_file.is_installed()
        return skops_file.untrusted_types(read_content(path)) if known else found.contents.imports, ()
    contents, doubts = found.contents, found.contents.doubts
    if path.is_dir():
        return contents.unknown, doubts if found.error is None else (*doubts, ("damaged pickle", _words(found.error)))
    if found.error is not None and found.format != OTHER:
        doubts = (*doubts, ("damaged pickle", _words(found.error)))
    if found.error is not None or (found.format not in PICKLED and not zipfile.is_zipfile(path)):
        # A file in another format may be a pickle as well, to a program that takes it for one.
        # A damaged one runs what comes before the damage.
        contents = read_as_far_as_possible(path).contents
        doubts = (*doubts, *contents.doubts)
        if contents.imports and found.format not in (*PICKLED, OTHER, "torch", "torchscript"):
            doubts = (*doubts, ("disguised pickle", f"it is in the format {found.format}, and a pickle as well"))
    if found.format == OTHER and found.error is not None:
        doubts = (*doubts, ("unknown format", "cmlkit does not know what loading it runs"))
    if found.format == "numpy" and any(_OBJECTS.search(header) for header in _headers(path)):
        doubts = (*doubts, ("numpy.load", "its objects are pickles, which are read only with allow_pickle=True"))
    return contents.unknown, doubts


def _words(error: ModelError) -> str:
    return error.message.removesuffix(".")


# The type of objects in the header of NumPy's files, alone or in a field.
# https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
_OBJECTS = re.compile(rb"""['"][|<>=]?O\d*['"]""")
_HEADER_BYTES = 64 * 1024


def _headers(path: Path) -> Iterator[bytes]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file.read(_HEADER_BYTES).partition(b"\n")[0]
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                yield file.read(_HEADER_BYTES).partition(b"\n")[0]
