"""Training: run the user's command, or a declared estimator, and record the result."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.ci import for_commands
from cmlkit.data.fingerprint import fingerprints
from cmlkit.errors import FileError, GitError, MetricsError, NotARepository, SettingsError, file_error
from cmlkit.files import write_whole
from cmlkit.gate import metrics
from cmlkit.git import checkout
from cmlkit.model.file import write_manifest
from cmlkit.model.manifest import ModelManifest
from cmlkit.progress import Progress, Silent
from cmlkit.records.model_format import FORMATS
from cmlkit.records.training_run import (
    RECORD,
    UNCHANGED,
    DataFingerprint,
    InstanceFacts,
    Rescored,
    Resources,
    TrainingRun,
)
from cmlkit.settings.schema import TrainSpec
from cmlkit.sinks.secrets import Secrets
from cmlkit.training import parameters, remote
from cmlkit.training.accelerator import check_command, told, watched_command
from cmlkit.training.cache.keeping import cached
from cmlkit.training.checkpoints.keeping import Checkpoint, kept
from cmlkit.training.command import run_shell
from cmlkit.training.libraries import versions_for
from cmlkit.training.uncommitted import uncommitted_files, without_outputs
from cmlkit.training.written import (
    FilesBefore,
    check_model,
    check_owners,
    check_places,
    files_before,
    raise_if_unchanged,
    written_metrics,
    written_plots,
)

if TYPE_CHECKING:
    from cmlkit.training.champion import Champion
    from cmlkit.training.given import Given

RunCommand = Callable[..., Resources]
"""Runs a shell command to its end, as `run_shell` does."""


def train(
    what: TrainSpec | Any,
    features: Any = None,
    labels: Any = None,
    *,
    test: tuple[Any, Any] | None = None,
    spec: TrainSpec | None = None,
    directory: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    instance: InstanceFacts | None = None,
    hosted_cores: int = 0,
    output: int | None = None,
) -> TrainingRun:
    """Train below `directory`; write model, metrics, plots, the model's manifest and the run's record there.

    An estimator is scored and plotted as one that `cmlkit.yaml` declares, and is fitted afterwards:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> features, labels = load_iris(return_X_y=True)
    >>> run = cmlkit.train(RandomForestClassifier(max_depth=3, random_state=0), features, labels)
    >>> run.model, run.metrics["Accuracy"] > 0.9
    ('model/random_forest.joblib', True)

    Args:
        what: A spec with a command or a declared estimator; or an estimator with the methods of scikit-learn.
        features: What an estimator learns from: an array, a DataFrame or a sparse matrix; shape (samples, features).
        labels: What it learns to predict; shape (samples,).
        test: Features and labels to test an estimator with; the share `spec.test_size` is held out if None.
        spec: Files, scores and split for an estimator.
        directory: The working directory; the current one if None.
        environ: The environment, this process's own if None; the commands get it without the tokens of the forge and
            the CI, except those in `spec.pass_env`.
        instance: The EC2 instance that this runs on, if it is one.
        hosted_cores: CPU cores of the machine, if it is one that the CI provides.
        output: File descriptor for the commands' standard output; our own if None.

    Raises:
        SettingsError: The spec has neither a command nor an estimator, or an estimator's settings or data are wrong.
        PermissionDenied: The checkpoint's store may not be read or written. Of the cache's store, only a warning tells.
        NothingToDo: Training wrote nothing new, and `spec.unchanged` or a DVC pipeline allows that.
        TrainingFailed: A command ended with an error or was killed.
        ModelError: Training did not write the model.
        FileError: The disk refuses the record; before the training if it does so then, and the results stay if not.
        MetricsError: A metrics file was not written, or none has a number; model, manifest and record are kept.
        Interrupted: A signal ended the training.
    """
    directory, progress = Path(directory or Path.cwd()), progress or Silent()
    environ = os.environ if environ is None else environ
    given = _given(what, features, labels, test)
    spec = _spec(what, spec, given)
    _forget(directory)
    if not spec.run and not spec.estimator:
        raise SettingsError(
            "Neither a command nor an estimator is set for training.",
            next_step="Set train.run or train.estimator in cmlkit.yaml, or run: cmlkit train -- python train.py",
        )
    check_places(spec, directory)
    check_owners(spec, directory)
    _make_room(directory)
    # Before the setup and the checkpoint, whose files are no change of the code.
    uncommitted = uncommitted_files(directory)
    secrets = Secrets.of(environ)
    with (
        cached(spec, directory=directory, environ=environ, progress=progress) as cache,
        kept(spec, directory=directory, environ=environ, progress=progress) as checkpoint,
    ):
        environ = for_commands(environ, pass_env=spec.pass_env)
        return _trained(
            spec,
            directory,
            environ,
            progress,
            instance=instance,
            hosted_cores=hosted_cores,
            output=output,
            checkpoint=checkpoint,
            cache_seconds=cache.seconds if cache else 0.0,
            uncommitted=uncommitted,
            secrets=secrets,
            given=given,
        )


def _forget(directory: Path) -> None:
    """Remove the record of an earlier training: if this one fails, it must not be published."""
    try:
        (directory / RECORD).unlink(missing_ok=True)
        (directory / UNCHANGED).unlink(missing_ok=True)
    except OSError as error:
        raise file_error(error) from error


def _make_room(directory: Path) -> None:
    """Make the folder of the record; a disk that refuses it would refuse the record, after hours of training."""
    try:
        # An ignore file in the folder itself keeps the record out of `git add .`.
        write_whole((directory / RECORD).with_name(".gitignore"), b"*\n")
    except OSError as error:
        raise file_error(error) from error


def _given(what: Any, features: Any, labels: Any, test: tuple[Any, Any] | None) -> Given | None:
    if isinstance(what, TrainSpec):
        if features is not None or labels is not None or test is not None:
            raise SettingsError(
                "A TrainSpec names its own data: features and labels go with an estimator.",
                next_step="Set TrainSpec(data=…), or pass the estimator itself: cmlkit.train(estimator, X, y).",
            )
        return None
    from cmlkit.training.given import Given

    return Given(estimator=what, features=features, labels=labels, test=test)


def _spec(what: Any, spec: TrainSpec | None, given: Given | None) -> TrainSpec:
    if given is None and spec is not None:
        raise SettingsError("There are two specs.", next_step="Pass one: cmlkit.train(spec).")
    spec = what if given is None else given.declared(spec or TrainSpec())
    return dataclasses.replace(spec, model=spec.model.rstrip("/") or spec.model)


def _trained(
    spec: TrainSpec,
    directory: Path,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    instance: InstanceFacts | None,
    hosted_cores: int,
    output: int | None,
    checkpoint: Checkpoint | None,
    cache_seconds: float,
    uncommitted: tuple[str, ...],
    secrets: Secrets,
    given: Given | None,
) -> TrainingRun:
    """Set up, train and record."""
    setup_seconds = 0.0
    if spec.setup:
        with progress.stage("Set up"):
            used = run_shell(spec.setup, directory=directory, environ=environ, output=output)
        setup_seconds = used.wall_seconds
        check_places(spec, directory)  # the setup may have made links, to a disk that is larger
    started = time.time()
    before = files_before(spec, directory)
    if spec.run:
        run_command = run_shell if checkpoint is None else checkpoint.run_command
        run, faults = _command(
            spec, directory, environ, progress, started=started, output=output, before=before, run_command=run_command
        )
    else:
        from cmlkit.training.estimator import train_estimator

        run = train_estimator(spec, directory=directory, progress=progress, started=started, given=given)
        faults = (
            () if run.metrics else (metrics.nothing_found(("train.scoring",), metrics.Findings(left_out=run.left_out)),)
        )
    missing: list[str] = []
    uncommitted = without_outputs(uncommitted, run, directory)
    run = dataclasses.replace(
        run,
        uncommitted=uncommitted,
        hosted_cores=hosted_cores,
        setup_seconds=setup_seconds,
        cache_seconds=cache_seconds,
    )
    try:
        run = _recorded(spec, run, directory, progress, instance, missing=missing.append, secrets=secrets)
    except OSError as error:
        raise _unrecorded(run, error) from error
    for path in missing:
        progress.warn(f"{path} does not exist: the record has no fingerprint of this data.")
    # Only now, so that a training that may have taken hours is not lost with its metrics.
    for fault in faults:
        raise fault
    return run


def _command(
    spec: TrainSpec,
    directory: Path,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    started: float,
    output: int | None,
    before: FilesBefore,
    run_command: RunCommand,
) -> tuple[TrainingRun, tuple[MetricsError, ...]]:
    """Train by a command; return the run, and what is wrong with its metrics."""
    with _champion(spec, directory, progress) as champion:
        with progress.stage("Train") as say:
            check_command(spec.accelerator, spec.run, directory, environ)
            with watched_command(spec.accelerator, environ) as (variables, watched):
                resources = run_command(spec.run, directory=directory, environ=variables, output=output)
            say(_used(resources))
        raise_if_unchanged(spec, before, directory)
        check_model(spec.model, before, directory, progress.warn)
        metrics_files, faults = written_metrics(spec.metrics, before, directory)
        found = metrics.find(metrics_files, directory)
        for warning in found.warnings:
            progress.warn(warning)
        if metrics_files and not found.values:
            faults = (*faults, metrics.nothing_found(metrics_files, found))
        values = found.values
        rescored = _rescored(spec, champion, values, directory, environ, progress, output=output) if champion else None
    run = TrainingRun(
        mode="command",
        setup=spec.setup,
        command=spec.run,
        metrics=values,
        percentages=tuple(sorted(found.percentages)),
        left_out=found.left_out,
        rescored=rescored,
        metrics_files=metrics_files,
        plots=written_plots(spec.plots, directory, progress.warn),
        model=spec.model,
        parameters=parameters.recorded(spec.params) or parameters.in_file(directory, progress.warn),
        libraries=versions_for(directory, environ),
        resources=resources,
        started=started,
        accelerator=told(watched, progress.warn),
    )
    return run, faults


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
    if not challenger.exists():
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
    secrets: Secrets,
) -> TrainingRun:
    """Write manifest and record, without secrets; return the run completed by commit, data and instance."""
    run = run.without_secrets(secrets)
    with progress.stage("Record") as say:
        commit = _commit(directory, progress)
        # After training, as a command may create its own data.
        began = time.monotonic()
        data = (
            *fingerprints([path for path in spec.data if "://" not in path], directory, missing=missing),
            *remote.fingerprints([path for path in spec.data if "://" in path], warn=progress.warn),
        )
        data_seconds = time.monotonic() - began if data else 0.0
        manifest = _manifest(run, directory, commit, data, secrets)
        complete = dataclasses.replace(
            run,
            parameters=run.parameters or parameters.recorded(manifest.parameters),
            model_class=manifest.class_path,
            model_format=manifest.format,
            model_notes=manifest.notes,
            data=data,
            data_seconds=data_seconds,
            commit=commit,
            instance=instance,
        )
        write_whole(directory / RECORD, complete.to_json().encode())
        say(f"{run.model}, {_kind(manifest)}, {manifest.size:,} bytes")
    for note in manifest.notes:
        progress.warn(f"{run.model}: {note}")
    return complete


def _unrecorded(run: TrainingRun, error: OSError) -> FileError:
    refused = file_error(error)
    results = ", ".join(dict.fromkeys([run.model, *run.metrics_files, *run.plots]))
    return FileError(
        f"The training ended, but it cannot be recorded: {refused.message} Its results are kept: {results}.",
        next_step=f"{refused.next_step} cmlkit publish needs the record, which only a training writes.".lstrip(),
    )


def _kind(manifest: ModelManifest) -> str:
    kind = FORMATS[manifest.format].title
    return f"{kind} with {len(manifest.files):,} files" if manifest.files else kind


def _commit(directory: Path, progress: Progress) -> str:
    """Return the checked-out commit; empty if there is none, as training needs neither a repository nor git."""
    try:
        return checkout.head_commit(directory) or ""
    except NotARepository:
        return ""
    except GitError as error:
        progress.warn(f"The record names no commit. {error.message} {error.next_step}".rstrip())
        return ""


def _manifest(
    run: TrainingRun, directory: Path, commit: str, data: tuple[DataFingerprint, ...], secrets: Secrets
) -> ModelManifest:
    return write_manifest(
        directory / run.model,
        metrics=run.metrics,
        parameters=run.parameters or None,
        commit=commit,
        data=data,
        libraries=run.libraries,
        columns=run.columns,
        target=run.target,
        percentages=run.percentages,
        secrets=secrets,
    )


def _used(resources: Resources) -> str:
    return (
        f"{resources.wall_seconds:.1f} s, {resources.cpu_seconds:.1f} s of CPU,"
        f" {resources.peak_memory_bytes / 2**20:.0f} MiB"
    )
