"""The files that a DVC pipeline owns: DVC keeps and pushes their bytes, and the commit has `dvc.lock` for them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cmlkit import pipeline
from cmlkit.bounds.files import read_project_file
from cmlkit.errors import CmlkitError, GitError, ModelError
from cmlkit.git import checkout, history
from cmlkit.model.manifest import manifest_path
from cmlkit.pipeline import LOCK_FILE, PIPELINE_FILE, Output
from cmlkit.progress import Say
from cmlkit.publishing.files import CommitFile, repository_path
from cmlkit.records.training_run import TrainingRun
from cmlkit.stores.base import ReadTree, with_line
from cmlkit.stores.pointer import dvc_path

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class PipelineFiles:
    """The pipelines that wrote a training's files; empty if no pipeline did. Paths are repository paths.

    Attributes:
        root: The repository's top folder.
        outputs: All outputs of these pipelines.
        owned: Those of the training's own files that a stage writes; `kept` are those whose bytes DVC keeps.
        before: Path of a `dvc.lock` -> its content in the checked-out commit.
        is_pushable: Whether DVC can push from here.
        environ: The environment for DVC.
    """

    root: Path
    environ: Mapping[str, str] = field(repr=False)
    outputs: tuple[Output, ...] = ()
    owned: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    before: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)
    is_pushable: bool = False

    def keeps(self, path: str) -> bool:
        """Return whether DVC keeps the bytes of one of the training's files."""
        return path in self.kept

    @property
    def removes(self) -> tuple[str, ...]:
        """The files that git must not have, too: DVC refuses an output that git tracks."""
        files = (path for path in self.kept if not (self.root / path).is_dir())
        return tuple(sorted(name for path in files for name in (path, dvc_path(path))))

    def pointers(self, read: ReadTree) -> tuple[CommitFile, ...]:
        """Return lock files and ignore files as they are to be committed on top of a commit that `read` reads."""
        files = {
            path: pipeline.merged_lock(read(path), before=before, after=read_project_file(self.root / path) or b"")
            for path, before in self.before.items()
        }

        def read_new(path: str) -> bytes | None:
            return files[path] if path in files else read(path)

        for output in self.outputs:
            files |= _ignored(output, self.root, read_new)
        return tuple(CommitFile(path=path, role="pointer", content=content) for path, content in files.items())

    def read_kept(self, path: str, *, read: ReadTree, warn: Callable[[str], None]) -> bytes | None:
        """Return a file that DVC keeps for the commit that `read` reads, from its remote; None if it keeps none.

        Args:
            warn: Called with the reason if DVC does not give it.
        """
        if not self.keeps(path):
            return None
        from cmlkit.stores.dvc_outputs import kept_content

        try:
            return kept_content(path, read, directory=self.root, environ=self.environ)
        except CmlkitError as error:
            warn(f"The base branch's {path} cannot be read from DVC: {error.message}")
            return None

    def push(self, say: Say) -> None:
        """Push the bytes that DVC keeps, before a commit has their hashes.

        Raises:
            SettingsError, ServiceError: DVC is not installed, or fails.
        """
        from cmlkit.stores.dvc_outputs import push

        folders = {output.folder for output in self.outputs if output.is_kept and output.is_pushed}
        for folder in sorted(folders) if self.is_pushable else ():
            say(f"dvc push {folder}/{PIPELINE_FILE}" if folder else f"dvc push {PIPELINE_FILE}")
            push(self.root / folder, environ=self.environ)


def pipeline_files(
    run: TrainingRun,
    *,
    directory: Path,
    prefix: PurePosixPath,
    environ: Mapping[str, str],
    warn: Callable[[str], None],
) -> PipelineFiles:
    """Return the pipelines that wrote the training's files, after asking DVC whether it can push what it keeps.

    Args:
        directory: The working directory; `prefix` is its path in the repository.
        environ: The environment for DVC.
        warn: Called with a message about outputs that will not be pushed.

    Raises:
        SettingsError, ServiceError: DVC keeps the model, and cannot push it from here.
        ModelError: The model is not the one in `dvc.lock`, or its manifest would lie in a folder that DVC keeps.
    """
    root = directory.parents[len(prefix.parts) - 1] if prefix.parts else directory

    def read(path: str) -> bytes | None:
        return read_project_file(root / path)

    owned = {path: owner for path in own_paths(run, directory, prefix) if (owner := pipeline.owner(path, read))}
    if not owned:
        return PipelineFiles(root=root, environ=environ)
    _check_manifest(run, prefix, read)
    folders = dict.fromkeys((*(output.folder for output in owned.values()), *_others(root, read)))
    locks = [path for folder in folders if read(path := str(PurePosixPath(folder, LOCK_FILE)))]
    found = PipelineFiles(
        root=root,
        environ=environ,
        outputs=tuple(output for folder in folders for output in pipeline.outputs(read, folder)),
        owned=frozenset(owned),
        kept=frozenset(path for path, output in owned.items() if output.is_kept),
        before={path: _committed(root, path) for path in locks},
    )
    _check_locked(found, owned, repository_path(run.model, prefix))
    return _asked(found, warn)


def own_paths(run: TrainingRun, directory: Path, prefix: PurePosixPath) -> Iterator[str]:
    """Yield the repository paths of the training's own files; of a model that is a folder, all of its files."""
    for path in (run.model, *run.metrics_files, *run.plots):
        yield repository_path(path, prefix)
    for place, _, names in os.walk(directory / run.model, followlinks=True):
        for name in names:
            yield repository_path(str(Path(place, name).relative_to(directory)), prefix)


def _others(root: Path, read: ReadTree) -> Iterator[str]:
    """Yield the folders of the repository's further pipelines that have run since the checkout."""
    try:
        listed = checkout.files(root)
    except GitError:
        return
    for path in listed:
        if PurePosixPath(path).name == PIPELINE_FILE:
            folder = str(PurePosixPath(path).parent)
            lock = str(PurePosixPath(folder, LOCK_FILE))
            if read(lock) != _committed(root, lock):
                yield "" if folder == "." else folder


def _committed(root: Path, path: str) -> bytes | None:
    try:
        found = history.files_at(root, path, ["HEAD"])
    except GitError:
        return None
    return found["HEAD"].content if found else None


def _check_manifest(run: TrainingRun, prefix: PurePosixPath, read: ReadTree) -> None:
    if found := pipeline.in_kept_folder(repository_path(manifest_path(run.model), prefix), read):
        raise ModelError(
            f"The manifest beside {run.model} would lie in {found.path}, a folder that DVC keeps: git can have no file"
            " there, and DVC would take the folder as changed.",
            next_step=f"Make the folder the model: set train.model to {found.path}, and train again.",
        )


def _check_locked(found: PipelineFiles, owned: Mapping[str, Output], model: str) -> None:
    from cmlkit.stores.dvc_outputs import is_as_locked

    if not found.keeps(model):
        return
    output = owned[model]
    if output.path == model and not is_as_locked(output, found.root / model):
        raise ModelError(
            f"{model} is not the one that {output.lock} describes: it has changed since DVC's stage {output.stage}.",
            next_step="Let a stage of dvc.yaml write it last, or accept it as it is with dvc commit.",
        )


def _asked(found: PipelineFiles, warn: Callable[[str], None]) -> PipelineFiles:
    """Return the files with DVC's answer; an output that only DVC has must be pushed, others need not be."""
    from cmlkit.stores.dvc_outputs import check_pushable

    kept = [output for output in found.outputs if output.is_kept]
    if not kept:
        return found
    try:
        check_pushable(kept, directory=found.root / kept[0].folder, environ=found.environ)
    except CmlkitError as error:
        if found.kept:
            raise
        warn(f"Outputs of {PIPELINE_FILE} are not pushed, so that others must make them again: {error.message}")
        return found
    if unpushed := [output.path for output in kept if not output.is_pushed and found.keeps(output.path)]:
        warn(f"{PIPELINE_FILE} says push: false for {_listing(unpushed)}: no clone can pull it.")
    return dataclasses.replace(found, is_pushable=True)


def _ignored(output: Output, root: Path, read: ReadTree) -> dict[str, bytes]:
    """Return the ignore file beside an output with DVC's line for it, if DVC has written one that the base lacks."""
    place = PurePosixPath(output.path)
    path, line = str(place.with_name(".gitignore")), f"/{place.name}"
    if not output.is_kept or line not in _lines(_on_disk(root / path)):
        return {}
    content = read(path) or b""
    return {} if line in _lines(content) else {path: with_line(content, line)}


def _on_disk(file: Path) -> bytes:
    return read_project_file(file) or b""


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _listing(paths: Iterable[str]) -> str:
    shown = list(paths)
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    return ", ".join(shown[:NAMES_SHOWN]) + more
