"""The DVC store: DVC itself pushes the bytes to the project's remote, and the commit has a `.dvc` file for them.

DVC works in a folder of its own with the project's settings, so that the checkout stays as it is: `dvc add` there would
write files, and refuse a model that git tracks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from cmlkit.errors import MissingExtra, ModelError, ServiceError, SettingsError
from cmlkit.process import run_program
from cmlkit.progress import Say
from cmlkit.stores.base import ModelFile, ReadTree, Stored, changed, pieces, with_line
from cmlkit.stores.pointer import Pointer, dvc_path

if TYPE_CHECKING:
    from cmlkit.clock import Clock
    from cmlkit.git.limits import FileLimits
    from cmlkit.stores.choice import Surroundings

SHORT_SECONDS = 120.0
TRANSFER_SECONDS = 6 * 3600.0
_DOCUMENTATION = "https://doc.dvc.org/user-guide/data-management/remote-storage"


class DvcStore:
    """The default remote of one DVC project.

    Args:
        directory: A folder in the checkout.
        environ: The environment that DVC gets.
    """

    def __init__(self, directory: Path, *, environ: Mapping[str, str]) -> None:
        self._directory = directory
        # No person started DVC, so it sends no usage statistics.
        self._environ = {**environ, "DVC_NO_ANALYTICS": "1"}

    def check(self, path: str, *, size: int) -> str:
        _project(self._directory)
        _program()
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path))

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        if dvc_path(model.path) not in there or model.path in there:
            return False
        return _md5_in(read(dvc_path(model.path)) or b"") == _md5(model)

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        md5 = _md5(model)
        with _workspace(self._directory, self._environ) as workspace:
            link = workspace / model.name
            _link(model.file, link)
            say("dvc add")
            _dvc(workspace, "add", "--", model.name, environ=self._environ, timeout=TRANSFER_SECONDS)
            text = Path(dvc_path(str(link))).read_bytes()
            if _md5_in(text) != md5:
                raise changed(model)
            say("dvc push")
            _dvc(workspace, "push", "--", dvc_path(model.name), environ=self._environ, timeout=TRANSFER_SECONDS)
        return Stored(files={dvc_path(model.path): text, **_ignored(model, read)}, removes=(model.path,))

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        name = _out(pointer.text).get("path", "")
        if not name or PurePosixPath(name).name != name:
            raise ModelError("The model's .dvc file does not name a file beside it.")
        with _workspace(self._directory, self._environ) as workspace:
            (workspace / dvc_path(name)).write_bytes(pointer.text)
            _dvc(workspace, "pull", "--", dvc_path(name), environ=self._environ, timeout=TRANSFER_SECONDS)
            yield from pieces(workspace / name, offset)


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> DvcStore:
    return DvcStore(around.directory, environ=around.environ)


def open_source(around: Surroundings) -> DvcStore:
    return DvcStore(around.directory, environ=around.environ)


def dvc_pointer(content: bytes, *, sha256: str) -> Pointer:
    """Read a `.dvc` file as a pointer to a model with the hash from its manifest.

    Raises:
        ModelError: The file is not a `.dvc` file for one file.
    """
    return Pointer(store="dvc", sha256=sha256, size=int(_out(content).get("size", 0)), text=content)


def _out(content: bytes) -> Mapping[str, Any]:
    try:
        (out,) = yaml.safe_load(content)["outs"]
        return dict(out)
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise ModelError(
            "The model's .dvc file is not one that DVC writes for a single file.", next_step="Restore it from git."
        ) from error


def _md5_in(content: bytes) -> str:
    try:
        return str(_out(content).get("md5", ""))
    except ModelError:
        return ""


def _md5(model: ModelFile) -> str:
    """Return the MD5 by which DVC identifies a file.

    Raises:
        ModelError: The file has changed since it was hashed.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for piece in pieces(model.file):
        sha256.update(piece)
        md5.update(piece)
    if sha256.hexdigest() != model.sha256:
        raise changed(model)
    return md5.hexdigest()


def _ignored(model: ModelFile, read: ReadTree) -> dict[str, bytes]:
    """Return the .gitignore beside the model with the line that `dvc add` writes; empty if it has that line."""
    path = str(PurePosixPath(model.path).with_name(".gitignore"))
    content, line = read(path) or b"", f"/{model.name}"
    return {} if line in content.decode("utf-8", "replace").splitlines() else {path: with_line(content, line)}


def _link(file: Path, link: Path) -> None:
    # DVC replaces added files with a link or copy of its own; the user's file must stay as it is.
    try:
        os.link(file.resolve(), link)
    except OSError:
        shutil.copyfile(file, link)


def _project(directory: Path) -> Path:
    """Return the folder of the DVC project.

    Raises:
        SettingsError: `directory` is not in a DVC project.
    """
    for folder in (directory.resolve(), *directory.resolve().parents):
        if (folder / ".dvc" / "config").is_file():
            return folder
    raise SettingsError(
        "publish.store is dvc, but the checkout is not a DVC project.",
        next_step=f"dvc init, dvc remote add --default NAME URL, and commit .dvc/config: {_DOCUMENTATION}",
    )


def _program() -> list[str]:
    """Return the command that starts DVC: the one of this Python, else the one on PATH."""
    if importlib.util.find_spec("dvc") is not None:
        return [sys.executable, "-m", "dvc"]
    if found := shutil.which("dvc"):
        return [found]
    raise MissingExtra(
        "publish.store is dvc, but DVC is not installed.",
        extra="dvc",
        otherwise=", or DVC with the extra for its remote, such as dvc[gs].",
    )


@contextmanager
def _workspace(directory: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield a folder that is a DVC project without git, with settings and cache of the project around `directory`."""
    project = _project(directory)
    settings = _settings(project, environ)
    temporary = project / ".dvc" / "tmp"
    temporary.mkdir(exist_ok=True)  # DVC's own, and in its .gitignore
    with tempfile.TemporaryDirectory(dir=temporary, prefix="cmlkit-") as folder:
        own = {
            "core.no_scm": "true",
            "core.check_update": "false",
            "core.site_cache_dir": f"{folder}/site",
        }
        config = Path(folder, ".dvc", "config")
        config.parent.mkdir()
        config.write_text(_ini({"cache.dir": str(project / ".dvc" / "cache"), **settings, **own}), encoding="utf-8")
        yield Path(folder)


def _settings(project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the project's DVC settings, merged from all of its files, with absolute paths.

    Raises:
        SettingsError: The default remote is missing.
    """
    lines = _dvc(project, "config", "--list", environ=environ, timeout=SHORT_SECONDS).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    if not found.get("core.remote"):
        raise SettingsError(
            "The DVC project has no default remote to push the model to.",
            next_step=f"dvc remote add --default NAME URL, and commit .dvc/config: {_DOCUMENTATION}",
        )
    return found


def _ini(settings: Mapping[str, str]) -> str:
    """Return DVC's settings file: `remote.NAME.option` belongs to the section `['remote "NAME"']`."""
    sections: dict[str, list[str]] = {}
    for key, value in settings.items():
        section, _, rest = key.partition(".")
        name, _, option = rest.rpartition(".")
        quote = "'" if '"' in value else '"'
        title = f"""['{section} "{name}"']""" if name else f"[{section}]"
        sections.setdefault(title, []).append(f"    {option} = {quote}{value}{quote}")
    return "\n".join("\n".join([title, *lines]) for title, lines in sections.items()) + "\n"


def _dvc(directory: Path, *arguments: str, environ: Mapping[str, str], timeout: float) -> str:
    ended = run_program([*_program(), *arguments], directory=directory, environ=environ, timeout=timeout)
    if ended.code == 0:
        return ended.output
    lines = [line.strip() for line in ended.errors.splitlines() if line.strip()]
    words = " ".join(line for line in lines if line.startswith("ERROR")) or " ".join(lines)
    raise ServiceError(
        f"dvc {arguments[0]} failed: {words[-600:] or f'exit code {ended.code}'}",
        next_step="Try `dvc push` or `dvc pull` in a clone: the remote's settings and credentials are DVC's.",
    )
