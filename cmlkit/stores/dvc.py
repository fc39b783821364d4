"""The DVC store: DVC itself pushes the bytes to the project's remote, and the commit has a `.dvc` file for them.

DVC works in a folder of its own with the project's settings, so that the checkout stays as it is: `dvc add` there would
write files, and refuse a model that git tracks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from cmlkit.bounds.yaml_text import yaml_value
from cmlkit.errors import ModelError, ServiceError
from cmlkit.progress import Say
from cmlkit.records.fields import Fields
from cmlkit.records.json_text import json_text, read_json
from cmlkit.stores.attributes import ATTRIBUTES, without_entry
from cmlkit.stores.base import ModelFile, ReadTree, Stored, changed, pieces, with_line
from cmlkit.stores.dvc_program import (
    SHORT_SECONDS,
    TRANSFER_SECONDS,
    for_dvc,
    program,
    project_of,
    run_dvc,
    workspace,
)
from cmlkit.stores.pointer import Pointer, dvc_path

if TYPE_CHECKING:
    from cmlkit.clock import Clock
    from cmlkit.git.limits import FileLimits
    from cmlkit.stores.choice import Surroundings


class DvcStore:
    """The default remote of one DVC project.

    Args:
        directory: A folder in the checkout.
        environ: The environment that DVC gets.
    """

    # One `.dvc` file for a folder, as `dvc add` writes it, and three calls of DVC instead of three for each file.
    takes_folders = True

    def __init__(self, directory: Path, *, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._environ = for_dvc(environ)

    def check(self, path: str, *, size: int) -> str:
        project_of(self._directory)
        program()
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path), ATTRIBUTES)

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        if dvc_path(model.path) not in there or model.path in there:
            return False
        return _md5_in(read(dvc_path(model.path)) or b"") == _md5(model)

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        md5 = _md5(model)
        with workspace(self._directory, self._environ) as folder:
            link = folder / model.name
            _link(model.file, link)
            say("dvc add")
            run_dvc(folder, "add", "--", model.name, environ=self._environ, timeout=TRANSFER_SECONDS)
            text = Path(dvc_path(str(link))).read_bytes()
            if _md5_in(text) != md5:
                raise changed(model)
            say("dvc push")
            run_dvc(folder, "push", "--", dvc_path(model.name), environ=self._environ, timeout=TRANSFER_SECONDS)
        attributes = without_entry(model.path, there=there, read=read)
        files = {dvc_path(model.path): text, **_ignored(model, read), **attributes}
        return Stored(files=files, removes=(model.path,))

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        name = _out(pointer.text).get("path", "")
        if not name or PurePosixPath(name).name != name:
            raise ModelError("The model's .dvc file does not name a file beside it.")
        with workspace(self._directory, self._environ, remote=remote_in(pointer.text)) as folder:
            (folder / dvc_path(name)).write_bytes(pointer.text)
            run_dvc(folder, "pull", "--", dvc_path(name), environ=self._environ, timeout=TRANSFER_SECONDS)
            yield from pieces(folder / name, offset)


def changed_elsewhere(directory: Path, *, environ: Mapping[str, str]) -> list[str]:
    """Return the addresses outside of the project that its pipeline reads, and that DVC says have changed.

    Raises:
        MissingExtra: DVC is not installed.
        ServiceError: DVC fails, such as for missing credentials, or its answer has another shape.
    """
    status = _status(run_dvc(directory, "status", "--json", environ=for_dvc(environ), timeout=SHORT_SECONDS))
    # Stage -> list of what has changed: words, such as "changed command", and objects of paths.
    changes = [change for stage in status.names() for change in status.objects_among(stage)]
    found = (path for change in changes for path in change.within("changed deps").names())
    return sorted({path for path in found if "://" in path})


def _status(answer: str) -> Fields:
    def unfit(problem: str) -> ServiceError:
        return ServiceError(
            f"The answer of dvc status cannot be read: {problem}.",
            next_step="See what `dvc status --json` prints in the checkout, and report it with the version of DVC.",
        )

    try:
        return Fields(read_json(answer), unfit=unfit)
    except ValueError as error:
        raise unfit(f"it is not JSON ({error})") from error


def open_store(address: str, around: Surroundings, *, limits: FileLimits, clock: Clock) -> DvcStore:
    return DvcStore(around.directory, environ=around.environ)


def open_source(around: Surroundings) -> DvcStore:
    return DvcStore(around.directory, environ=around.environ)


def dvc_pointer(content: bytes, *, sha256: str) -> Pointer:
    """Read a `.dvc` file as a pointer to a model with the hash from its manifest.

    Raises:
        ModelError: The file is not a `.dvc` file for one file.
    """
    size = _out(content).get("size", 0)
    return Pointer(store="dvc", sha256=sha256, size=size if isinstance(size, int) else 0, text=content)


def remote_in(content: bytes) -> str:
    """Return the remote that a `.dvc` file names; empty for the default one."""
    return str(_out(content).get("remote", ""))


def _out(content: bytes) -> Mapping[str, Any]:
    try:
        (out,) = yaml_value(content)["outs"]
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


def folder_hash(folder: Path) -> str:
    """Return the hash that DVC gives to a folder: of a list of its files, ordered by path, in JSON."""
    files = [Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names]
    listed = sorted((file.relative_to(folder).as_posix(), file) for file in files)
    entries = [{"md5": file_hash(file), "relpath": path} for path, file in listed]
    return f"{hashlib.md5(json_text(entries).encode(), usedforsecurity=False).hexdigest()}.dir"


def file_hash(file: Path) -> str:
    """Return the hash that DVC gives to a file."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces(file):
        digest.update(piece)
    return digest.hexdigest()


def _md5(model: ModelFile) -> str:
    """Return the MD5 by which DVC identifies a file or a folder.

    Raises:
        ModelError: The file has changed since it was hashed.
    """
    if model.file.is_dir():
        return folder_hash(model.file)
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
    if file.is_dir():
        shutil.copytree(file, link, copy_function=lambda source, target: _link(Path(source), Path(target)))
        return
    try:
        os.link(file.resolve(), link)
    except OSError:
        shutil.copyfile(file, link)
