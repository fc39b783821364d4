"""The files that training wrote, told from those that were there before."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit import pipeline
from cmlkit.bounds.files import read_project_file
from cmlkit.errors import MetricsError, ModelError, NothingToDo, SettingsError
from cmlkit.files import write_whole
from cmlkit.model.manifest import manifest_path
from cmlkit.records.training_run import UNCHANGED
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores.pointer import dvc_path

NAMES_SHOWN = 5
_FROM_BEFORE = "is from before: training did not write it"
_SKIP = "If there may be nothing to do, as with make or snakemake, set train.unchanged to skip."

Stamps = frozenset[tuple[str, int, int]]
"""Name, modification time (ns) and inode of an output file, or of each file in an output folder."""


@dataclass(frozen=True, kw_only=True)
class FilesBefore:
    """The output files as they were before training.

    Attributes:
        stamps: Path -> stamps of each output that existed.
        lock: Content of `dvc.lock`, if training is a pipeline of DVC that has run before; else None.
        may_skip: Whether training may find nothing to do.
    """

    stamps: Mapping[str, Stamps]
    lock: bytes | None
    may_skip: bool


def files_before(spec: TrainSpec, directory: Path) -> FilesBefore:
    """Return what there is before training."""
    is_pipeline = bool(spec.run) and _is_pipeline(spec, directory)
    return FilesBefore(
        stamps=_stamps(spec, directory),
        lock=_read(directory / pipeline.LOCK_FILE) if is_pipeline else None,
        may_skip=spec.unchanged == "skip" or (is_pipeline and not spec.unchanged),
    )


def check_places(spec: TrainSpec, directory: Path) -> None:
    """Refuse results that links lead out of the working directory, before anything is trained.

    Raises:
        SettingsError: They would; the message names the setting and the place.
    """
    # DVC links single files to its cache, which may lie anywhere.
    is_dvcs = any((folder / ".dvc").is_dir() for folder in (directory, *directory.parents))
    named = [("train.model", spec.model), *(("train.metrics", path) for path in spec.metrics)]
    for setting, path in [*named, *(("train.plots", path) for path in spec.plots)]:
        place = directory / path
        try:
            place.stat()
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
                raise SettingsError(
                    f"{setting} is {path!r}, which no file can be: {error.strerror}.",
                    next_step="Remove the link, or name another path.",
                ) from error
        real = place.parent.resolve() / place.name if is_dvcs else place.resolve()
        if not real.is_relative_to(directory.resolve()):
            raise SettingsError(
                f"{setting} is {path!r}, which links lead out of the project, to {real}: it could not be published.",
                next_step="Replace the link by a file or folder of the project, or name another path.",
            )


def check_owners(spec: TrainSpec, directory: Path) -> None:
    """Refuse a model whose manifest would lie in a folder that DVC keeps, before anything is trained.

    Raises:
        SettingsError: It would; the message names the folder.
    """
    manifest = manifest_path(spec.model)
    found = pipeline.in_kept_folder(manifest, lambda path: _read(directory / path)) if spec.run else None
    if found is not None:
        raise _in_kept_folder(spec.model, found.path, f"as an output of the stage {found.stage}")
    for folder in PurePosixPath(manifest).parents:
        if (directory / dvc_path(str(folder))).is_file():
            raise _in_kept_folder(spec.model, str(folder), f"according to {dvc_path(str(folder))}")


def _in_kept_folder(model: str, folder: str, why: str) -> SettingsError:
    return SettingsError(
        f"The manifest beside {model} would lie in {folder}, a folder that DVC keeps {why}: git can have no file there,"
        " and DVC would take the folder as changed.",
        next_step=f"Make the folder an output of a stage in dvc.yaml, and the model: set train.model to {folder}. Or"
        " let DVC keep the files one by one instead of the folder.",
    )


def raise_if_unchanged(spec: TrainSpec, before: FilesBefore, directory: Path) -> None:
    """End the training here if its command found nothing to do and that is allowed, with a note for `publish`.

    Raises:
        NothingToDo: Neither model nor metrics were written, or DVC's lock file is the same as before.
    """
    if not before.may_skip:
        return
    if before.lock is not None and _read(directory / pipeline.LOCK_FILE) == before.lock:
        reason = f"{pipeline.LOCK_FILE} is as before: no stage of the pipeline had anything to do."
    elif all(path in before.stamps for path in (spec.model, *spec.metrics)) and all(
        _stamp(directory / path) == stamp for path, stamp in before.stamps.items()
    ):
        reason = f"{spec.model} is from before: the command had nothing to do."
    else:
        return
    note = directory / UNCHANGED
    write_whole(note.with_name(".gitignore"), b"*\n")
    write_whole(note, f"{reason}\n".encode())
    raise NothingToDo(f"Nothing to do. {reason}")


def check_model(path: str, before: FilesBefore, directory: Path, warn: Callable[[str], None]) -> None:
    """Fail if training left the model unwritten, so that no earlier one is published as this one.

    If training may find nothing to do, its tool answers for the files that it left as they were.

    Args:
        warn: Called with a message about files of an earlier model in the model's folder.

    Raises:
        ModelError: The model is missing, empty or from before.
    """
    stamp = _stamp(directory / path)
    if fault := _fault(path, stamp, before):
        raise _model_not_written(path, fault)
    if not before.may_skip and (old := sorted(name for name, *_ in (stamp or set()) & before.stamps.get(path, set()))):
        warn(
            f"{path} has files that this training did not write: {', '.join(old[:NAMES_SHOWN])}. They are published"
            " with it. If they are of an earlier model, let training empty the folder first."
        )


def written_metrics(
    paths: Iterable[str], before: FilesBefore, directory: Path
) -> tuple[tuple[str, ...], tuple[MetricsError, ...]]:
    """Return the metrics files that training wrote, and an error for each other."""
    written, faults = [], []
    for path in paths:
        place = directory / path
        if fault := _fault(path, None if place.is_dir() else _stamp(place), before):
            faults.append(_metrics_not_written(path, fault))
        else:
            written.append(path)
    return tuple(written), tuple(faults)


def written_plots(paths: Iterable[str], directory: Path, warn: Callable[[str], None]) -> tuple[str, ...]:
    """Return the plots that exist; warn about each other, as the model does not need it."""
    written = []
    for path in paths:
        if (directory / path).is_file():
            written.append(path)
        else:
            warn(
                f"The plot {path} does not exist: the report has none. Make training write it, or correct train.plots."
            )
    return tuple(written)


def _fault(path: str, stamp: Stamps | None, before: FilesBefore) -> str:
    """Return why an output was not written by this training; empty if it was."""
    if stamp is None:
        return "does not exist"
    if not stamp:
        return "is an empty folder"
    if before.may_skip or before.stamps.get(path) != stamp:
        return ""
    return _FROM_BEFORE


def _model_not_written(path: str, how: str) -> ModelError:
    return ModelError(f"The model file {path} {how}.", next_step=_next_step("model", how))


def _metrics_not_written(path: str, how: str) -> MetricsError:
    return MetricsError(f"The metrics file {path} {how}.", next_step=_next_step("metrics", how))


def _next_step(setting: str, how: str) -> str:
    hint = f" {_SKIP}" if how == _FROM_BEFORE else ""
    return f"Make training write it there, or correct the setting train.{setting}.{hint}"


def _is_pipeline(spec: TrainSpec, directory: Path) -> bool:
    """Return whether DVC decides what there is to do: it is named in the command, or it has the model as an output."""
    is_run = pipeline.COMMAND.search(spec.run) and (directory / pipeline.PIPELINE_FILE).is_file()
    return bool(is_run) or pipeline.owner(spec.model, lambda path: _read(directory / path)) is not None


def _stamps(spec: TrainSpec, directory: Path) -> dict[str, Stamps]:
    found = {path: _stamp(directory / path) for path in (spec.model, *spec.metrics, *spec.plots)}
    return {path: stamp for path, stamp in found.items() if stamp is not None}


def _stamp(place: Path) -> Stamps | None:
    """Return the stamps of a file or folder; None if it does not exist."""
    if not place.exists():
        return None
    files = (Path(folder, name) for folder, _, names in os.walk(place, followlinks=True) for name in names)
    status = ((str(file.relative_to(place)), file.stat()) for file in (files if place.is_dir() else (place,)))
    return frozenset((name, found.st_mtime_ns, found.st_ino) for name, found in status)


def _read(file: Path) -> bytes | None:
    return read_project_file(file)
