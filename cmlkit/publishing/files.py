"""The files of the commit: read once, from inside the working directory, within size limits, pictures checked."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from cmlkit.bounds.files import read_regular
from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.base import NewFile
from cmlkit.git.limits import FileLimits
from cmlkit.model.folder import parts_of
from cmlkit.model.manifest import tree_hash
from cmlkit.model.profiles import profiles_path
from cmlkit.records.training_run import TrainingRun
from cmlkit.stores.base import ModelFile, Store, hashed, takes_folders
from cmlkit.stores.git import GitStore

Role = Literal["model", "manifest", "metrics", "plot", "report", "pointer", "extra", "profiles", "attributes"]


@dataclass(frozen=True, kw_only=True)
class CommitFile(NewFile):
    """A file of the commit with its role."""

    role: Role


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """The model to publish.

    Attributes:
        path: Repository path of the file or folder.
        sha256: Its hash, as in the manifest.
        files: The file, or the files of the folder.
    """

    path: str
    sha256: str
    files: tuple[ModelFile, ...]


def find_model(
    run: TrainingRun,
    *,
    directory: Path,
    prefix: PurePosixPath,
    store: Store,
    warn: Callable[[str], None],
    keeps: Callable[[str], bool] = lambda path: False,
) -> FoundModel:
    """Return the model in the form for a store; read in pieces, as it may not fit into memory.

    Args:
        store: Checks the model's size.
        keeps: Returns whether DVC keeps the file at a repository path, which may then be a link to its cache.

    Raises:
        SettingsError: The model's path lies outside the working directory.
        ModelError: The model is missing, not readable, too large for the store, or has a device or a link out of the
            working directory.
    """
    place, model = repository_path(run.model, prefix), directory / run.model
    if not model.is_dir():
        if not keeps(place) and (warning := store.check(place, size=_size("model", run.model, directory))):
            warn(warning)
        sha256, size = hashed(model)
        return FoundModel(
            path=place, sha256=sha256, files=(ModelFile(path=place, file=model, sha256=sha256, size=size),)
        )
    parts = parts_of(model)
    if takes_folders(store) and not keeps(place):
        size = sum(_size("model", f"{run.model}/{part.path}", directory) for part in parts)
        if warning := store.check(place, size=size):
            warn(warning)
        whole = ModelFile(path=place, file=model, sha256=tree_hash(parts), size=size)
        return FoundModel(path=place, sha256=whole.sha256, files=(whole,))
    files = []
    for part in parts:
        path = f"{run.model}/{part.path}"
        inside = repository_path(path, prefix)
        if not keeps(inside) and (warning := store.check(inside, size=_size("model", path, directory))):
            warn(warning)
        files.append(ModelFile(path=inside, file=directory / path, sha256=part.sha256, size=part.size))
    return FoundModel(path=place, sha256=tree_hash(parts), files=tuple(files))


def read_files(
    run: TrainingRun,
    *,
    manifest: str,
    extra: Iterable[str],
    directory: Path,
    prefix: PurePosixPath,
    limits: FileLimits,
    warn: Callable[[str], None],
    keeps: Callable[[str], bool] = lambda path: False,
) -> tuple[CommitFile, ...]:
    """Return manifest, profiles, metrics, plots and further files, each once; without those that DVC keeps.

    Args:
        manifest: Path of the model's manifest.
        directory: The working directory, to which all paths are relative.
        prefix: Repository path of the working directory.
        limits: Size limits for files in a commit.
        warn: Called with a message for each file that is large for git.
        keeps: Returns whether DVC keeps the file at a repository path.

    Raises:
        SettingsError: A file is missing, not regular, not readable, or lies outside the working directory.
        ModelError: A file is too large for git.
    """
    named: list[tuple[Role, str]] = [("manifest", manifest)]
    if any(item.profiles for item in run.data) and (directory / profiles_path(run.model)).is_file():
        named.append(("profiles", profiles_path(run.model)))
    named += [("metrics", path) for path in run.metrics_files]
    named += [("plot", path) for path in run.plots]
    named += [("extra", path) for path in extra]
    places: dict[str, tuple[Role, str]] = {}
    for role, path in named:
        places.setdefault(repository_path(path, prefix), (role, path))
    places.pop(repository_path(run.model, prefix), None)
    places = {place: named for place, named in places.items() if not keeps(place)}
    store = GitStore(limits)
    for place, (role, path) in places.items():
        if warning := store.check(place, size=_size(role, path, directory)):
            warn(warning)
    files = tuple(
        CommitFile(path=place, role=role, content=read_regular(directory / path, limits.git))
        for place, (role, path) in places.items()
    )
    for file in files:
        if file.role == "plot" and (why := plot_note(file.path, file.content)):
            warn(f"The report links the plot {file.path} and does not show it: {why}.")
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
    "pointer": "",
    "extra": "Correct the setting publish.files.",
    "profiles": "Run cmlkit train again; it writes the profiles beside the model.",
    "attributes": "",
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


def plot_note(name: str, content: bytes) -> str:
    """Return why a report links a plot and does not show it; empty if browsers show it, or if it is a PDF.

    Forges serve a file with the type of its suffix. Browsers show pixels as any type of pixels, and SVG only as SVG.
    """
    suffix, kind = PurePosixPath(name).suffix.lower(), picture_suffix(content)
    if kind and (kind == suffix or ".svg" not in (kind, suffix)) and suffix in IMAGES:
        return ""
    if not content:
        return "it is empty"
    if suffix not in _BEGINNINGS:
        return "it has the name of no PNG, JPEG, GIF, WebP or SVG picture"
    return f"it is not in {suffix[1:].upper()} format" if picture_fault(name, content) else ""


def picture_fault(name: str, content: bytes) -> str:
    """Return why a file is not in the format of its suffix; empty if it is, or if no format is known for the suffix."""
    suffix = PurePosixPath(name).suffix.lower()
    beginning = _BEGINNINGS.get(suffix)
    if beginning is None or re.match(beginning, content[:_LOOKED_AT_BYTES], re.DOTALL):
        return ""
    if not content:
        return f"{name} is empty"
    return f"{name} is not in {suffix[1:].upper()} format: it begins with {content[:8]!r}"
