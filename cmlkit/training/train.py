"""Training: run the user's command, or a declared estimator, and record the result."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cmlkit.ci import for_commands
from cmlkit.data.fingerprint import fingerprints
from cmlkit.errors import GitError, MetricsError, ModelError, NotARepository, SettingsError
from cmlkit.files import write_whole
from cmlkit.gate import metrics
from cmlkit.git import checkout
from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import ModelManifest
from cmlkit.progress import Progress, Silent
from cmlkit.records.training_run import (
    RECORD,
    DataFingerprint,
    InstanceFacts,
    Parameter,
    Rescored,
    Resources,
    TrainingRun,
)
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.command import run_shell
from cmlkit.training.libraries import versions_for

if TYPE_CHECKING:
    from cmlkit.training.champion import Champion

PARAMETERS_FILE = "params.yaml"


def train(
    spec: TrainSpec,
    *,
    directory: Path | None = None,
    environ: Mapping[str, str],
    progress: Progress | None = None,
    instance: InstanceFacts | None = None,
    output: int | None = None,
) -> TrainingRun:
    """Train according to `spec`, below `directory`; write the model's manifest and the run's record there.

    Args:
        directory: The working directory; the current one if None.
        environ: The environment; the commands get it without the tokens of the forge and the CI, except those
            in `spec.pass_env`.
        instance: The EC2 instance that this runs on, if it is one.
        output: File descriptor for the commands' standard output; our own if None.

    Raises:
        SettingsError: The spec has neither a command nor an estimator, or the estimator's settings are wrong.
        TrainingFailed: A command ended with an error or was killed.
        MetricsError, ModelError: Training did not write the files in the spec, or their content is invalid.
        Interrupted: A signal ended the training.
    """
    directory, progress = directory or Path.cwd(), progress or Silent()
    environ = for_commands(environ, pass_env=spec.pass_env)
    # If this training fails, the record of an earlier one must not be published.
    (directory / RECORD).unlink(missing_ok=True)
    if not spec.run and not spec.estimator:
        raise SettingsError(
            "Neither a command nor an estimator is set for training.",
            next_step="Set train.run or train.estimator in cmlkit.yaml, or run: cmlkit train -- python train.py",
        )
    if spec.setup:
        with progress.stage("Set up"):
            run_shell(spec.setup, directory=directory, environ=environ, output=output)
    started = time.time()
    before = _stamps(spec, directory)
    if spec.run:
        run = _command(spec, directory, environ, progress, started=started, output=output)
    else:
        from cmlkit.training.estimator import train_estimator

        run = train_estimator(spec, directory=directory, progress=progress, started=started)
    _check_written(run, before, directory)
    missing: list[str] = []
    run = _recorded(spec, run, directory, progress, instance, missing=missing.append)
    for path in missing:
        progress.warn(f"{path} does not exist: the record has no fingerprint of this data.")
    return run


def _command(
    spec: TrainSpec,
    directory: Path,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    started: float,
    output: int | None,
) -> TrainingRun:
    with _champion(spec, directory, progress) as champion:
        with progress.stage("Train") as say:
            resources = run_shell(spec.run, directory=directory, environ=environ, output=output)
            say(_used(resources))
        values = metrics.read(spec.metrics, directory)
        rescored = _rescored(spec, champion, values, directory, environ, progress, output=output) if champion else None
    return TrainingRun(
        mode="command",
        setup=spec.setup,
        command=spec.run,
        metrics=values,
        rescored=rescored,
        metrics_files=spec.metrics,
        plots=spec.plots,
        model=spec.model,
        parameters=_scalars(spec.params) or _parameters_file(directory),
        libraries=versions_for(directory, environ),
        resources=resources,
        started=started,
    )


def _champion(spec: TrainSpec, directory: Path, progress: Progress) -> AbstractContextManager[Champion | None]:
    """Return the model to score together with the one that training is about to write."""
    if not spec.score:
        return nullcontext()
    from cmlkit.training.champion import kept_champion

    return kept_champion(directory / spec.model, progress.warn)


def _rescored(
    spec: TrainSpec,
    champion: Champion,
    values: Mapping[str, float],
    directory: Path,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    output: int | None,
) -> Rescored | None:
    """Rescore the champion on the current test data; None if that fails, or if training wrote no model."""
    from cmlkit.training.scores import ScoreCommand

    challenger = directory / spec.model
    if not challenger.is_file():
        return None
    command = ScoreCommand(line=spec.score, directory=directory, environ=environ, output=output)
    with progress.stage("Score both models"):
        return champion.by_command(command, challenger.resolve(), known=values)


def _recorded(
    spec: TrainSpec,
    run: TrainingRun,
    directory: Path,
    progress: Progress,
    instance: InstanceFacts | None,
    *,
    missing: Callable[[str], None],
) -> TrainingRun:
    """Write manifest and record; return the run completed by commit, data and instance."""
    with progress.stage("Record") as say:
        commit = _commit(directory, progress)
        # After training, as a command may create its own data.
        data = fingerprints(spec.data, directory, missing=missing)
        manifest = _manifest(run, directory, commit, data)
        complete = dataclasses.replace(
            run,
            parameters=run.parameters or _scalars(manifest.parameters),
            model_class=manifest.class_path,
            data=data,
            commit=commit,
            instance=instance,
        )
        record = directory / RECORD
        # An ignore file in the folder itself keeps the record out of `git add .`.
        write_whole(record.with_name(".gitignore"), b"*\n")
        write_whole(record, complete.to_json().encode())
        say(f"{run.model}, {manifest.size:,} bytes")
    return complete


def _commit(directory: Path, progress: Progress) -> str:
    """Return the checked-out commit; empty if there is none, as training needs neither a repository nor git."""
    try:
        return checkout.head_commit(directory) or ""
    except NotARepository:
        return ""
    except GitError as error:
        progress.warn(f"The record names no commit. {error.message} {error.next_step}".rstrip())
        return ""


def _manifest(run: TrainingRun, directory: Path, commit: str, data: tuple[DataFingerprint, ...]) -> ModelManifest:
    return write_manifest(
        directory / run.model,
        metrics=run.metrics,
        parameters=run.parameters or None,
        commit=commit,
        data=data,
        libraries=run.libraries,
    )


def _stamps(spec: TrainSpec, directory: Path) -> dict[str, tuple[int, int]]:
    """Return path -> modification time (ns) and inode of each existing output file."""
    stamps = {}
    for path in (spec.model, *spec.metrics, *spec.plots):
        if (file := directory / path).is_file():
            stamps[path] = (file.stat().st_mtime_ns, file.stat().st_ino)
    return stamps


def _check_written(run: TrainingRun, before: Mapping[str, tuple[int, int]], directory: Path) -> None:
    """Fail if training left an output file unwritten, so that no earlier model is published as this one."""
    for what, path in [("model", run.model), *(("metrics", path) for path in run.metrics_files)]:
        file = directory / path
        if not file.is_file():
            raise _not_written(what, path, "does not exist")
        if before.get(path) == (file.stat().st_mtime_ns, file.stat().st_ino):
            raise _not_written(what, path, "is from before: training did not write it")
    for path in run.plots:
        if not (directory / path).is_file():
            raise SettingsError(
                f"The plot {path} does not exist.",
                next_step="Make training write it, or correct the setting train.plots.",
            )


def _not_written(what: str, path: str, how: str) -> SettingsError:
    error = ModelError if what == "model" else MetricsError
    return error(
        f"The {what} file {path} {how}.",
        next_step=f"Make training write it there, or correct the setting train.{what}.",
    )


def _scalars(values: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return the values in a form for reports: scalars unchanged, others as JSON text."""
    return {
        name: value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value, default=str)
        for name, value in values.items()
    }


def _parameters_file(directory: Path) -> dict[str, Parameter]:
    """Return the parameters in `params.yaml`, nested names joined by dots; empty if there is no such file."""
    try:
        document = yaml.safe_load((directory / PARAMETERS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{PARAMETERS_FILE} cannot be read: {error}.", next_step="Correct or remove it.") from error
    return _scalars(dict(_flat(document))) if isinstance(document, dict) else {}


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in document.items():
        path = f"{prefix}.{name}" if prefix else str(name)
        pairs += _flat(value, path) if isinstance(value, dict) else [(path, value)]
    return pairs


def _used(resources: Resources) -> str:
    return (
        f"{resources.wall_seconds:.1f} s, {resources.cpu_seconds:.1f} s of CPU,"
        f" {resources.peak_memory_bytes / 2**20:.0f} MiB"
    )
