"""Estimator mode: train a declared scikit-learn-compatible class on declared data."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
import os
import re
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.errors import MissingExtra, SettingsError
from cmlkit.gate import metrics
from cmlkit.model import skops_file
from cmlkit.model.environment import installed_versions
from cmlkit.model.file import write_model
from cmlkit.model.manifest import DEFAULT_FORMAT
from cmlkit.progress import Progress
from cmlkit.records.json_text import json_text, plain
from cmlkit.records.redaction import redacted
from cmlkit.records.training_run import PlotTable, Rescored, Resources, TrainingRun
from cmlkit.settings.pipeline import paths_of
from cmlkit.settings.schema import TrainSpec
from cmlkit.settings.search import search_of
from cmlkit.training.accelerator import check_installed, patched, told, watched_here
from cmlkit.training.champion import kept_champion
from cmlkit.training.command import RSS_UNIT_BYTES
from cmlkit.training.construction import made, title_of
from cmlkit.training.evaluation import PLOT_NAMES, plot_names, plot_of
from cmlkit.training.given import Given
from cmlkit.training.plain_model import has_accelerated, plain_model
from cmlkit.training.plot_tables import table_of
from cmlkit.training.plots import Plot, draw, load_matplotlib
from cmlkit.training.preparation import MODEL_STEP, prepared
from cmlkit.training.search import found_params, groups_of, of_steps, searching
from cmlkit.training.search import table_of as table_of_search
from cmlkit.training.tables.dataset import Dataset, LargestTable, Warn, largest_table
from cmlkit.training.tables.one_table import read_one_table
from cmlkit.training.tables.parts import read_parts
from cmlkit.training.worker import Worker, ending_processes

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


def train_estimator(
    spec: TrainSpec, *, directory: Path, progress: Progress, started: float, given: Given | None = None
) -> TrainingRun:
    """Fit and score the estimator; write the model, its metrics and plots below `directory`, but no manifest yet.

    Args:
        given: The estimator and the data, if a program has them; otherwise those that the spec declares.

    Raises:
        SettingsError: The class cannot be imported or does not take its parameters, or the data cannot be used.
    """
    begun, cpu = time.monotonic(), _cpu_seconds()
    model = default_model(spec)
    _check_plots(spec)
    with Worker() as worker:
        largest = largest_table(spec, directory, worker)
        drawings = [worker.begin(load_matplotlib)] if spec.plots else []
        check_installed(spec.accelerator)
        with patched(spec.accelerator):
            _check_extra(model)
            declared = given.estimator if given else made(spec)
        _check_scoring(spec)
        with progress.stage("Read the data") as say:
            data = (
                given.dataset(spec)
                if given
                else read_dataset(
                    spec, directory, largest=largest, classifies=_classifies(declared), warn=progress.warn
                )
            )
            say(f"{len(data.train_labels):,} samples to train, {len(data.test_labels):,} to test")
        with progress.stage(f"Fit {title_of(spec)}"):
            with watched_here(spec.accelerator) as watched:
                fit = _fitted(declared, data, spec)
            estimator = _plain_if_possible(fit.estimator, data, progress.warn)
        with progress.stage("Score, plot and save"):
            fitted = Answering(estimator)
            left_out: dict[str, str] = {}
            scores = _scores(fitted, data, spec, left_out)
            for name, why in left_out.items():
                progress.warn(f"The score {name} is left out: {why}.")
            plots: dict[str, Plot] = {}
            for path, plot in _plots(fitted, data, spec, progress.warn):
                plots[path] = plot
                drawings.append(worker.begin(draw, plot, directory / path))
            rescored = _rescored(directory / model, estimator, fitted, data, spec, progress.warn)
            if spec.metrics:
                _write_metrics(scores, directory / spec.metrics[0])
                scores = dict(metrics.find(spec.metrics[:1], directory).values)
            write_model(estimator, directory / model)
            for drawn in drawings:
                drawn()
    return TrainingRun(
        mode="estimator",
        setup=spec.setup,
        command=" → ".join(paths_of(spec.estimator)),
        metrics=scores,
        left_out=left_out,
        metrics_files=spec.metrics[:1],
        plots=tuple(plots),
        plot_tables={path: table_of(plot) for path, plot in plots.items()},
        model=model,
        parameters={name: _plain(value) for name, value in redacted({**spec.params, **fit.found}).items()},
        libraries=installed_versions(),
        resources=_used_since(begun, cpu),
        started=started,
        rescored=rescored,
        columns=data.columns,
        target=data.target,
        search=fit.search,
        accelerator=told(watched, progress.warn),
    )


def _plain_if_possible(estimator: Any, data: Dataset, warn: Warn) -> Any:
    """Return the model that is scored and saved: of scikit-learn's own classes, wherever that can be."""
    if not has_accelerated(estimator):
        return estimator
    plain = plain_model(estimator, data.test_features)
    if plain is None:
        warn("The model cannot be converted to plain scikit-learn: loading it needs scikit-learn-intelex.")
    return estimator if plain is None else plain


def read_dataset(spec: TrainSpec, directory: Path, *, largest: LargestTable, classifies: bool, warn: Warn) -> Dataset:
    """Return the data that the spec declares: four files in a folder, or one table to split.

    Raises:
        SettingsError: A file is missing or is no table, or the parts do not fit together.
    """
    if not spec.data:
        raise SettingsError("The data for training is not set.", next_step="Set train.data.")
    read = read_one_table if spec.target else read_parts
    return read(spec, directory, largest=largest, classifies=classifies, warn=warn)


def _rescored(
    path: Path, estimator: Any, fitted: Answering, data: Dataset, spec: TrainSpec, warn: Callable[[str], None]
) -> Rescored | None:
    """Rescore the model that the fitted one is about to replace; None if there is no model, or if that fails."""
    with kept_champion(path, warn) as champion:
        if champion is None:
            return None
        return champion.by_predictions(
            fitted,
            score=lambda model, features: _scores(model, dataclasses.replace(data, test_features=features), spec, {}),
            data=data,
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
    name = title_of(spec)
    stem = re.sub(r"(Classifier|Regressor)$", "", name) or name
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).lower()
    return f"model/{snake}.{spec.format or DEFAULT_FORMAT}"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted estimator.

    Attributes:
        found: Parameters that a search found, and `search` the combinations that it tried.
    """

    estimator: Any
    found: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    search: PlotTable | None = None


def _fitted(declared: Any, data: Dataset, spec: TrainSpec) -> Fit:
    """Fit the estimator, behind the preparation of columns that are not plain numbers, or search its parameters."""
    estimator = declared if data.is_plain else prepared(declared, data.columns, data.formats)
    search = search_of(spec.search)
    prefix = "" if data.is_plain else f"{MODEL_STEP}__"
    if search is not None:
        scoring = spec.scoring[0] if spec.scoring else ""
        found = searching(estimator, of_steps(search, spec), data, prefix=prefix, scoring=scoring, seed=spec.seed)
        _fit(found, data, spec, **groups_of(data))
        return Fit(
            estimator=found.best_estimator_, found=found_params(found, prefix), search=table_of_search(found, prefix)
        )
    _fit(estimator, data, spec)
    return Fit(estimator=estimator)


def _fit(estimator: Any, data: Dataset, spec: TrainSpec, **arguments: Any) -> None:
    try:
        with ending_processes():
            estimator.fit(data.train_features, data.train_labels, **arguments)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{title_of(spec)} cannot be fitted to this data: {error}") from error


def _check_scoring(spec: TrainSpec) -> None:
    """Refuse scorers that scikit-learn does not have, before the fit."""
    from sklearn.metrics import get_scorer

    for name in spec.scoring:
        try:
            get_scorer(name)
        except ValueError as error:
            raise SettingsError(
                f"scikit-learn has no scorer {name!r}.",
                next_step="Correct train.scoring: https://scikit-learn.org/stable/modules/model_evaluation.html",
            ) from error


def _scores(estimator: Any, data: Dataset, spec: TrainSpec, left_out: dict[str, str]) -> dict[str, float]:
    """Return the finite scores; `left_out` gets the reasons for the others, as a training is not lost with a score."""
    from sklearn.metrics import get_scorer

    scores = {}
    for name in spec.scoring or (CLASSIFIER_SCORING if _classifies(estimator) else REGRESSOR_SCORING):
        try:
            score = float(get_scorer(name)(estimator, data.test_features, data.test_labels))
        except (ValueError, AttributeError, TypeError) as error:
            left_out[name] = f"it cannot score this model ({' '.join(str(error).split())[:200]})"
            continue
        if math.isfinite(score):
            scores[name] = score
        else:
            left_out[name] = f"{score} is not finite"
    return scores


def _write_metrics(scores: Mapping[str, float], file: Path) -> None:
    """Write one metric per line, such as `Accuracy: 0.97`; JSON if the file's name ends in `.json`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".json":
        file.write_text(json_text(scores, indent=2) + "\n", encoding="utf-8")
        return
    lines = [f"{name.replace('_', ' ').capitalize()}: {value}\n" for name, value in scores.items()]
    file.write_text("".join(lines), encoding="utf-8")


def _check_plots(spec: TrainSpec) -> None:
    """Refuse plots that no estimator has, before the fit."""
    for path in spec.plots:
        if PurePosixPath(path).stem not in PLOT_NAMES:
            raise SettingsError(
                f"The plot {path} cannot be drawn: {PurePosixPath(path).stem} is none that cmlkit draws.",
                next_step=f"Name the files in train.plots after what they show: {', '.join(PLOT_NAMES)}.",
            )


def _plots(estimator: Any, data: Dataset, spec: TrainSpec, warn: Warn) -> Iterator[tuple[str, Plot]]:
    """Yield path and plot: those in the spec, or, if it has its default, those that suit the estimator."""
    names = plot_names(estimator, data.test_labels)
    paths = spec.plots
    if spec.plots == TrainSpec().plots:
        paths = tuple(str(PurePosixPath(spec.plots[0]).with_stem(name)) for name in names)
    for path in paths:
        if PurePosixPath(path).stem not in names:
            warn(f"The plot {path} cannot be drawn for {title_of(spec)}, which has: {', '.join(names)}.")
    paths = tuple(path for path in paths if PurePosixPath(path).stem in names)
    for path in paths:
        yield (
            path,
            plot_of(PurePosixPath(path).stem, estimator, data.test_features, data.test_labels, tuple(data.columns)),
        )


def _classifies(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def _plain(value: Any) -> Any:
    return plain(value) if value is None or isinstance(value, str | int | float | bool) else str(value)


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
