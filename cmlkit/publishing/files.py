"""The files of the commit: read once, from inside the working directory, within size limits, pictures checked."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.base import NewFile
from cmlkit.git.limits import FileLimits
from cmlkit.records.training_run import TrainingRun
from cmlkit.stores.base import ModelFile, Store, hashed
from cmlkit.stores.git import GitStore

Role = Literal["model", "manifest", "metrics", "plot", "report", "extra"]


@dataclass(frozen=True, kw_only=True)
class CommitFile(NewFile):
    """A file of the commit with its role."""

    role: Role


def find_model(
    run: TrainingRun, *, directory: Path, prefix: PurePosixPath, store: Store, warn: Callable[[str], None]
) -> ModelFile:
    """Return the model in the form for a store; read in pieces, as it may not fit into memory.

    Args:
        store: Checks the model's size.

    Raises:
        SettingsError: The model's path lies outside the working directory.
        ModelError: The model is missing, not a regular file, not readable, or too large for the store.
    """
    place, file = repository_path(run.model, prefix), directory / run.model
    if warning := store.check(place, size=_size("model", run.model, directory)):
        warn(warning)
    sha256, size = hashed(file)
    return ModelFile(path=place, file=file, sha256=sha256, size=size)


def read_files(
    run: TrainingRun,
    *,
    manifest: str,
    extra: Iterable[str],
    directory: Path,
    prefix: PurePosixPath,
    limits: FileLimits,
    warn: Callable[[str], None],
) -> tuple[CommitFile, ...]:
    """Return manifest, metrics, plots and further files, each once.

    Args:
        manifest: Path of the model's manifest.
        directory: The working directory, to which all paths are relative.
        prefix: Repository path of the working directory.
        limits: Size limits for files in a commit.
        warn: Called with a message for each file that is large for git.

    Raises:
        SettingsError: A file is missing, not regular, not readable, or lies outside the working directory.
        ModelError: A file is too large for git.
    """
    named: list[tuple[Role, str]] = [("manifest", manifest)]
    named += [("metrics", path) for path in run.metrics_files]
    named += [("plot", path) for path in run.plots]
    named += [("extra", path) for path in extra]
    places: dict[str, tuple[Role, str]] = {}
    for role, path in named:
        places.setdefault(repository_path(path, prefix), (role, path))
    places.pop(repository_path(run.model, prefix), None)
    store = GitStore(limits)
    for place, (role, path) in places.items():
        if warning := store.check(place, size=_size(role, path, directory)):
            warn(warning)
    files = tuple(
        CommitFile(path=place, role=role, content=(directory / path).read_bytes())
        for place, (role, path) in places.items()
    )
    for file in files:
        if file.role == "plot" and (why := picture_fault(file.path, file.content)):
            warn(f"{why}. The report will not show it.")
    return files


def repository_path(path: str, prefix: PurePosixPath) -> str:
    """Return the repository path of a path in the working directory.

    Raises:
        SettingsError: The path is absolute, leaves the working directory, or leads into `.git`.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise SettingsError(
            f"The path {path!r} does not lie inside the working directory.",
            next_step="Give paths relative to the working directory, without '..'.",
        )
    if any(part.lower() == ".git" for part in relative.parts):
        raise SettingsError(f"The path {path!r} leads into .git, from which git commits nothing.")
    return str(prefix / relative)


def _size(role: Role, path: str, directory: Path) -> int:
    """Return the size in bytes of a readable regular file that lies, with links resolved, inside the directory."""
    kind = ModelError if role == "model" else SettingsError
    file = directory / path
    if not file.resolve().is_relative_to(directory.resolve()):
        raise kind(f"The {role} file {path} is a symbolic link out of the working directory.")
    try:
        status = file.stat()
        if stat.S_ISREG(status.st_mode):
            with file.open("rb"):
                return status.st_size
    except FileNotFoundError:
        raise kind(f"The {role} file {path} does not exist.", next_step=_WAYS_OUT[role]) from None
    except OSError as error:
        raise kind(f"The {role} file {path} cannot be read: {error.strerror}.") from error
    raise kind(f"The {role} file {path} is a folder or a device.", next_step="Name regular files, one by one.")


_WAYS_OUT: dict[Role, str] = {
    "model": "Run cmlkit train first, or correct the setting train.model.",
    "manifest": "Run cmlkit train again; it writes the manifest beside the model.",
    "metrics": "Correct the setting train.metrics.",
    "plot": "Correct the setting train.plots.",
    "report": "",
    "extra": "Correct the setting publish.files.",
}


# First bytes according to https://www.iana.org/assignments/media-types
_BEGINNINGS = {
    ".png": rb"\x89PNG\r\n\x1a\n",
    ".jpg": rb"\xff\xd8\xff",
    ".jpeg": rb"\xff\xd8\xff",
    ".gif": rb"GIF8[79]a",
    ".webp": rb"RIFF....WEBP",
    # After a byte order mark, a declaration, comments and a document type.
    ".svg": rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE.*?>\s*)*<svg[\s>]",
    ".pdf": rb"%PDF-",
}
IMAGES = frozenset(_BEGINNINGS) - {".pdf"}
_LOOKED_AT_BYTES = 64 * 1024


def picture_suffix(content: bytes) -> str:
    """Return the suffix of the picture format that the content is in; empty if browsers show it in none."""
    formats = (suffix for suffix in IMAGES if re.match(_BEGINNINGS[suffix], content[:_LOOKED_AT_BYTES], re.DOTALL))
    return min(formats, default="")


def picture_fault(name: str, content: bytes) -> str:
    """Return why a file is not in the format of its suffix; empty if it is, or if no format is known for the suffix."""
    suffix = PurePosixPath(name).suffix.lower()
    beginning = _BEGINNINGS.get(suffix)
    if beginning is None or re.match(beginning, content[:_LOOKED_AT_BYTES], re.DOTALL):
        return ""
    if not content:
        return f"{name} is empty"
    return f"{name} is not in {suffix[1:].upper()} format: it begins with {content[:8]!r}"
