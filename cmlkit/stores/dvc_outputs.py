"""Outputs of a DVC pipeline: `dvc.yaml` declares them, `dvc.lock` has their hashes, and DVC keeps their bytes.

https://doc.dvc.org/user-guide/project-structure/dvcyaml-files#outputs
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cmlkit.bounds.files import read_project_file
from cmlkit.errors import NotFound, SettingsError
from cmlkit.pipeline import Output, ReadText, as_dvc_file, owner
from cmlkit.progress import Say
from cmlkit.stores.base import ModelFile, ReadTree, Stored
from cmlkit.stores.dvc import DvcStore, file_hash, folder_hash, remote_in
from cmlkit.stores.dvc_program import (
    TRANSFER_SECONDS,
    check_remote,
    for_dvc,
    program,
    project_of,
    project_settings,
    run_dvc,
    workspace,
)
from cmlkit.stores.pointer import Pointer, dvc_path


class KeptOutputs:
    """The store of files that DVC keeps: no commit has them, or a pointer besides `dvc.lock`."""

    def check(self, path: str, *, size: int) -> str:
        return ""

    def paths(self, path: str) -> tuple[str, ...]:
        return (path, dvc_path(path))

    def holds(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree) -> bool:
        return model.path not in there and dvc_path(model.path) not in there

    def put(self, model: ModelFile, *, there: Mapping[str, str], read: ReadTree, say: Say) -> Stored:
        return Stored(files={}, removes=(model.path, dvc_path(model.path)))


def kept_pointer(path: str, read: ReadText, *, sha256: str) -> Pointer | None:
    """Return a pointer to a file that is an output of a pipeline, as its `dvc.lock` describes it; None if it is none.

    Args:
        path: Path of the file, in the same terms as those that `read` takes.
        sha256: Hash from the model's manifest.
    """
    output = owner(path, read)
    if output is None or not (output.is_kept and output.md5) or output.path != os.path.normpath(path):
        return None
    return Pointer(store="dvc", sha256=sha256, size=output.size, text=as_dvc_file(output))


def kept_content(path: str, read: ReadText, *, directory: Path, environ: Mapping[str, str]) -> bytes | None:
    """Return the bytes of a small file that is an output of a pipeline, from its remote; None if it is none.

    Args:
        path: Path of the file, in the same terms as those that `read` takes.
        directory: A folder in the DVC project.

    Raises:
        SettingsError, ServiceError: The project has no remote, or DVC fails.
    """
    pointer = kept_pointer(path, read, sha256="")
    if pointer is None:
        return None
    return b"".join(DvcStore(directory, environ=environ).read(pointer, 0))


def in_checkout(file: Path) -> tuple[str, ReadText]:
    """Return a file's path in the DVC project around it, and a reader of the project's files."""
    place = Path(os.path.abspath(file))  # noqa: PTH100 - links stay, as DVC may link outputs to its cache
    try:
        project = project_of(place.parent)
        return place.relative_to(project).as_posix(), lambda path: _read(project / path)
    except (SettingsError, ValueError):
        return place.name, lambda path: _read(place.parent / path)


def fetch_folder(pointer: Pointer, target: Path, *, directory: Path, environ: Mapping[str, str]) -> None:
    """Copy the files of a folder that DVC keeps to `target`.

    Raises:
        NotFound: DVC brings no folder.
        SettingsError, ServiceError: The project has no remote, or DVC fails.
    """
    own = for_dvc(environ)
    with workspace(directory, own, remote=remote_in(pointer.text)) as folder:
        (folder / "folder.dvc").write_bytes(pointer.text)
        run_dvc(folder, "pull", "--", "folder.dvc", environ=own, timeout=TRANSFER_SECONDS)
        found = [place for place in folder.iterdir() if place.is_dir() and place.name not in (".dvc", "site")]
        if not found:
            raise NotFound("dvc pull brought no folder.", next_step="Run dvc pull in a clone, and see what it says.")
        shutil.copytree(found[0], target, dirs_exist_ok=True)


def check_pushable(outputs: list[Output], *, directory: Path, environ: Mapping[str, str]) -> None:
    """Refuse outputs that DVC cannot push from here.

    Raises:
        SettingsError: `directory` is in no DVC project, or it has no default remote.
        MissingExtra: DVC is not installed.
        ServiceError: DVC fails.
    """
    project = project_of(directory)
    program()
    if any(output.is_pushed and not output.remote for output in outputs):
        check_remote(project_settings(project, for_dvc(environ)))


def push(folder: Path, *, environ: Mapping[str, str]) -> None:
    """Push the outputs of the pipeline in a folder.

    Raises:
        SettingsError, ServiceError: DVC is not installed, or fails.
    """
    run_dvc(folder, "push", "dvc.yaml", environ=for_dvc(environ), timeout=TRANSFER_SECONDS)


def is_as_locked(output: Output, place: Path) -> bool:
    """Return whether a file or folder is still the one that `dvc.lock` describes; True if that cannot be told."""
    if output.entry.get("hash") != "md5" or not output.md5 or not place.exists():
        return True  # DVC 2 took another hash of text files
    return output.md5 == (folder_hash(place) if place.is_dir() else file_hash(place))


def _read(file: Path) -> bytes | None:
    return read_project_file(file)
