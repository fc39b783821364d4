"""Estimator mode: train a declared scikit-learn-compatible class on declared data."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import re
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.errors import MissingExtra, SettingsError
from cmlkit.gate import metrics
from cmlkit.model import skops_file
from cmlkit.model.environment import installed_versions
from cmlkit.model.file import write_model
from cmlkit.model.manifest import DEFAULT_FORMAT
from cmlkit.progress import Progress
from cmlkit.records.training_run import Rescored, Resources, TrainingRun
from cmlkit.settings.schema import TrainSpec
from cmlkit.training.champion import kept_champion
from cmlkit.training.command import RSS_UNIT_BYTES
from cmlkit.training.dataset import Dataset, largest_table, read_dataset
from cmlkit.training.evaluation import plot_names, plot_of
from cmlkit.training.plot_tables import table_of
from cmlkit.training.plots import Plot, draw, load_matplotlib
from cmlkit.training.worker import Worker

CLASSIFIER_SCORING = ("accuracy",)
REGRESSOR_SCORING = ("r2", "neg_mean_absolute_error")


class Answering:
    """A fitted estimator that computes each prediction once, however many scorers and plots ask for it."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._answers: dict[tuple[str, int], Any] = {}

    @functools.cached_property
    def feature_importances_(self) -> Any:
        # A forest asks each of its trees.
        return self._estimator.feature_importances_

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._estimator, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return found

        @functools.wraps(found)
        def answer(features: Any) -> Any:
            if (question := (name, id(features))) not in self._answers:
                self._answers[question] = found(features)
            return self._answers[question]

        return answer


def train_estimator(spec: TrainSpec, *, directory: Path, progress: Progress, started: float) -> TrainingRun:
    """Fit and score the estimator; write the model, its metrics and plots below `directory`, but no manifest yet.

    Raises:
        SettingsError: The class cannot be imported or does not take its parameters, or the data cannot be used.
    """
    begun, cpu = time.monotonic(), _cpu_seconds()
    model = default_model(spec)
    with Worker() as worker:
        largest = largest_table(spec, directory, worker)
        drawings = [worker.begin(load_matplotlib)] if spec.plots else []
        _check_extra(model)
        estimator = _made(spec)
        with progress.stage("Read the data") as say:
            data = read_dataset(spec, directory, largest=largest)
            say(f"{len(data.train_labels):,} samples to train, {len(data.test_labels):,} to test")
        with progress.stage(f"Fit {type(estimator).__name__}"):
            _fitted(estimator, data, spec)
        with progress.stage("Score, plot and save"):
            fitted = Answering(estimator)
            scores = _scores(fitted, data, spec)
            plots: dict[str, Plot] = {}
            for path, plot in _plots(fitted, data, spec):
                plots[path] = plot
                drawings.append(worker.begin(draw, plot, directory / path))
            rescored = _rescored(directory / model, estimator, fitted, data, spec, progress.warn)
            if spec.metrics:
                _write_metrics(scores, directory / spec.metrics[0])
                scores = metrics.read(spec.metrics[:1], directory)
            write_model(estimator, directory / model)
            for drawn in drawings:
                drawn()
    return TrainingRun(
        mode="estimator",
        setup=spec.setup,
        command=spec.estimator,
        metrics=scores,
        metrics_files=spec.metrics[:1],
        plots=tuple(plots),
        plot_tables={path: table_of(plot) for path, plot in plots.items()},
        model=model,
        parameters={name: _plain(value) for name, value in spec.params.items()},
        libraries=installed_versions(),
        resources=_used_since(begun, cpu),
        started=started,
        rescored=rescored,
    )


def _rescored(
    path: Path, estimator: Any, fitted: Answering, data: Dataset, spec: TrainSpec, warn: Callable[[str], None]
) -> Rescored | None:
    """Rescore the model that the fitted one is about to replace; None if there is no model, or if that fails."""
    with kept_champion(path, warn) as champion:
        if champion is None:
            return None
        return champion.by_predictions(
            fitted,
            score=lambda model: _scores(model, data, spec),
            features=data.test_features,
            labels=data.test_labels,
            # Types that this process has just created itself can be trusted in the earlier model too.
            trusted=lambda: skops_file.untrusted_types(skops_file.dumps(estimator)),
        )


def default_model(spec: TrainSpec) -> str:
    """Return the path for the model: the setting, or, if it has its default, a file named after the class.

    `RandomForestClassifier` becomes `model/random_forest.joblib`.

    Raises:
        SettingsError: The ending of `train.model` belongs to another format than `train.format`.
    """
    if spec.model != TrainSpec().model:
        if spec.format and (spec.format == "skops") != skops_file.is_skops(spec.model):
            raise SettingsError(
                f"train.model is {spec.model}, and train.format is {spec.format}.",
                next_step="A model file ends in .skops if its format is skops, and only then.",
            )
        return spec.model
    name = spec.estimator.rpartition(".")[2]
    stem = re.sub(r"(Classifier|Regressor)$", "", name) or name
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).lower()
    return f"model/{snake}.{spec.format or DEFAULT_FORMAT}"


def _made(spec: TrainSpec) -> Any:
    """Return the estimator with its parameters; seeded and on every core, if the class takes these parameters."""
    kind = _imported(spec.estimator)
    takes = inspect.signature(kind).parameters
    defaults = {name: value for name, value in (("random_state", spec.seed), ("n_jobs", -1)) if name in takes}
    try:
        return kind(**{**defaults, **spec.params})
    except TypeError as error:
        raise SettingsError(
            f"{spec.estimator} does not take these parameters: {error}.",
            next_step=f"It takes: {', '.join(takes)}.",
        ) from error


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"The estimator {path!r} cannot be imported: {error}.",
            next_step="Give its full import path, such as sklearn.ensemble.RandomForestClassifier.",
        ) from error
    if not callable(getattr(kind, "fit", None)):
        raise SettingsError(f"{path} is not an estimator: it has no fit method.")
    made: Callable[..., Any] = kind
    return made


def _fitted(estimator: Any, data: Dataset, spec: TrainSpec) -> None:
    try:
        estimator.fit(data.train_features, data.train_labels)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{spec.estimator} cannot be fitted to this data: {error}") from error


def _scores(estimator: Any, data: Dataset, spec: TrainSpec) -> dict[str, float]:
    from sklearn.metrics import get_scorer

    scores = {}
    for name in spec.scoring or (CLASSIFIER_SCORING if _classifies(estimator) else REGRESSOR_SCORING):
        try:
            scores[name] = float(get_scorer(name)(estimator, data.test_features, data.test_labels))
        except (ValueError, AttributeError, TypeError) as error:
            raise SettingsError(
                f"The scorer {name!r} cannot score this model: {error}", next_step="Correct train.scoring."
            ) from error
    return scores


def _write_metrics(scores: Mapping[str, float], file: Path) -> None:
    """Write one metric per line, such as `Accuracy: 0.97`; JSON if the file's name ends in `.json`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".json":
        file.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return
    lines = [f"{name.replace('_', ' ').capitalize()}: {value}\n" for name, value in scores.items()]
    file.write_text("".join(lines), encoding="utf-8")


def _plots(estimator: Any, data: Dataset, spec: TrainSpec) -> Iterator[tuple[str, Plot]]:
    """Yield path and plot: those in the spec, or, if it has its default, those that suit the estimator."""
    names = plot_names(estimator, data.test_labels)
    paths = spec.plots
    if spec.plots == TrainSpec().plots:
        paths = tuple(str(PurePosixPath(spec.plots[0]).with_stem(name)) for name in names)
    for path in paths:
        if PurePosixPath(path).stem not in names:
            raise SettingsError(
                f"The plot {path} cannot be drawn for {spec.estimator}.",
                next_step=f"Name the files in train.plots after what they show: {', '.join(names)}.",
            )
    for path in paths:
        yield path, plot_of(PurePosixPath(path).stem, estimator, data.test_features, data.test_labels)


def _classifies(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _used_since(begun: float, cpu: float) -> Resources:
    return Resources(
        wall_seconds=time.monotonic() - begun,
        cpu_seconds=_cpu_seconds() - cpu,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES,
    )


def _cpu_seconds() -> float:
    """Return CPU seconds of this process, its threads and its reaped children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _check_extra(model: str) -> None:
    """Fail before training if a library for saving the model is missing."""
    if skops_file.is_skops(model):
        skops_file.check_installed()
    try:
        importlib.import_module("sklearn")
        importlib.import_module("joblib")
    except ModuleNotFoundError as error:
        raise MissingExtra(f"Estimator mode needs {error.name}.", extra="train") from error
