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
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cmlkit import metrics, skops_file
from cmlkit.config import TrainSpec
from cmlkit.errors import SettingsError
from cmlkit.evaluation import plot_names, plot_of
from cmlkit.model import DEFAULT_FORMAT, installed_versions, save_model
from cmlkit.painter import Painter
from cmlkit.plots import Plot
from cmlkit.process import RSS_UNIT_BYTES
from cmlkit.progress import Progress
from cmlkit.rematch import Champion, champion_at, rematch
from cmlkit.run import Rematch, Resources, TrainingRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = ("train_features", "train_labels", "test_features", "test_labels")
CLASSIFIER_SCORING = ("accuracy",)
REGRESSOR_SCORING = ("r2", "neg_mean_absolute_error")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Features of shape (samples, features), labels of shape (samples,)."""

    train_features: NDArray[Any]
    train_labels: NDArray[Any]
    test_features: NDArray[Any]
    test_labels: NDArray[Any]


class Answering:
    """A fitted estimator that predicts the same features once, however many scorers and plots ask for it."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._answers: dict[tuple[str, int], Any] = {}

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
    """Fit, score, plot and save; writes the model, its metrics and its plots below `directory`.

    Raises:
        SettingsError: The class cannot be imported or does not take its parameters, or the data cannot be used.
    """
    begun, cpu = time.monotonic(), _cpu_seconds()
    model = default_model(spec)
    with Painter() if spec.plots else nullcontext() as painter:
        _check_extra(model)
        estimator = _made(spec)
        with progress.stage("Read the data") as say:
            data = read_dataset(spec, directory)
            say(f"{len(data.train_labels):,} samples to train, {len(data.test_labels):,} to test")
        with progress.stage(f"Fit {type(estimator).__name__}"):
            _fitted(estimator, data, spec)
        with progress.stage("Score, plot and save"):
            fitted = Answering(estimator)
            scores = _scores(fitted, data, spec)
            plots = _plots(fitted, data, spec)
            if painter:
                painter.draw({directory / path: plot for path, plot in plots.items()})
            champion = champion_at(directory / model, progress.warn, made_like=estimator)
            played = _rematch(champion, fitted, data, spec, progress) if champion else None
            if spec.metrics:
                _write_metrics(scores, directory / spec.metrics[0])
                scores = metrics.read(spec.metrics[:1], directory)
            save_model(estimator, directory / model)
    return TrainingRun(
        mode="estimator",
        command=spec.estimator,
        metrics=scores,
        metrics_files=spec.metrics[:1],
        plots=tuple(plots),
        model=model,
        parameters={name: _plain(value) for name, value in spec.params.items()},
        libraries=installed_versions(),
        resources=Resources(
            wall_seconds=time.monotonic() - begun,
            cpu_seconds=_cpu_seconds() - cpu,
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES,
        ),
        started=started,
        rematch=played,
    )


def _rematch(champion: Champion, estimator: Any, data: Dataset, spec: TrainSpec, progress: Progress) -> Rematch | None:
    return rematch(
        champion,
        estimator,
        score=lambda model: _scores(model, data, spec),
        features=data.test_features,
        labels=data.test_labels,
        warn=progress.warn,
    )


def default_model(spec: TrainSpec) -> str:
    """Where the model goes: the setting, or, where that has its default, a file named after the class.

    `RandomForestClassifier` becomes `model/random_forest.joblib`.

    Raises:
        SettingsError: The setting's ending is that of another format than the one that is asked for.
    """
    if spec.model != TrainSpec().model:
        if spec.format and (spec.format == "skops") != skops_file.is_skops(spec.model):
            raise SettingsError(
                f"train.model is {spec.model}, and train.format is {spec.format}.",
                next_step="A model file in the format skops ends in .skops, and no other does.",
            )
        return spec.model
    name = spec.estimator.rpartition(".")[2]
    stem = re.sub(r"(Classifier|Regressor)$", "", name) or name
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).lower()
    return f"model/{snake}.{spec.format or DEFAULT_FORMAT}"


def read_dataset(spec: TrainSpec, directory: Path) -> Dataset:
    """The data that the spec declares: four files of a folder, or one table to split.

    Raises:
        SettingsError: A file is missing, or is not a table of numbers, or the parts do not fit together.
    """
    if not spec.data:
        raise SettingsError("Nothing says where the data is.", next_step="Set train.data.")
    source = directory / spec.data[0]
    if spec.target:
        return _split(source, spec)
    parts = {part: _read_part(source, part) for part in PARTS}
    for half in ("train", "test"):
        rows, labels = len(parts[f"{half}_features"]), len(parts[f"{half}_labels"])
        if rows != labels:
            raise SettingsError(f"{spec.data[0]}: {half} has {rows:,} rows of features and {labels:,} labels.")
    return Dataset(**parts)


def _read_part(folder: Path, part: str) -> NDArray[Any]:
    import numpy as np

    for suffix in (".npy", ".csv"):
        if (file := folder / f"{part}{suffix}").is_file():
            table = _load_array(file) if suffix == ".npy" else _load_table(file)
            return table.ravel() if part.endswith("labels") else np.atleast_2d(table)
    raise SettingsError(
        f"There is no {part}.csv or {part}.npy in {folder}.",
        next_step="Write the four files, or set train.target and let train.data be one CSV table with a header.",
    )


def _load_array(file: Path) -> NDArray[Any]:
    import numpy as np

    try:
        array: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SettingsError(f"{file} is not an array of NumPy: {error}.") from error
    return array


def _load_table(file: Path, *, skip: int = 0) -> NDArray[Any]:
    """numpy's reader in C; it takes commas where the first row has any, else white space."""
    import numpy as np

    try:
        with file.open(encoding="utf-8") as lines:
            first = lines.readline()
        table: NDArray[Any] = np.loadtxt(file, delimiter="," if "," in first else None, skiprows=skip, ndmin=1)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{file} is not a table of numbers: {error}.",
            next_step="Encode text as numbers and fill gaps before training.",
        ) from error
    if not np.isfinite(table).all():
        raise SettingsError(f"{file} holds NaN or infinity.", next_step="Fill the gaps before training.")
    return table


def _split(file: Path, spec: TrainSpec) -> Dataset:
    from sklearn.model_selection import train_test_split

    if not 0 < spec.test_size < 1:
        raise SettingsError(f"train.test-size is {spec.test_size:g}; it must lie between 0 and 1.")
    try:
        with file.open(encoding="utf-8") as lines:
            header = [name.strip() for name in lines.readline().split(",")]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The table {file} cannot be read: {error}.") from error
    if spec.target not in header:
        raise SettingsError(f"{file} has no column {spec.target!r}; it has {', '.join(header)}.")
    table = _load_table(file, skip=1)
    if table.ndim != 2 or table.shape[1] != len(header):
        raise SettingsError(f"{file} has {len(header)} names in its header and rows of another length.")
    column = header.index(spec.target)
    features = table[:, [index for index in range(len(header)) if index != column]]
    parts = train_test_split(features, table[:, column], test_size=spec.test_size, random_state=spec.seed)
    return Dataset(train_features=parts[0], test_features=parts[1], train_labels=parts[2], test_labels=parts[3])


def _made(spec: TrainSpec) -> Any:
    """The estimator with its parameters, seeded, and on every core, where the class takes that."""
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
    """As the reference script does, `Accuracy: 0.97`, one a line; as JSON where the file's name asks for that."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".json":
        file.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return
    lines = [f"{name.replace('_', ' ').capitalize()}: {value}\n" for name, value in scores.items()]
    file.write_text("".join(lines), encoding="utf-8")


def _plots(estimator: Any, data: Dataset, spec: TrainSpec) -> dict[str, Plot]:
    """Path -> plot: those that the spec names, or, where it has its default, those that suit the estimator."""
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
    return {path: plot_of(PurePosixPath(path).stem, estimator, data.test_features, data.test_labels) for path in paths}


def _classifies(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _cpu_seconds() -> float:
    """Of this process, its threads, and the workers that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _check_extra(model: str) -> None:
    """Fail before a training that could not be saved."""
    if skops_file.is_skops(model):
        skops_file.check_installed()
    try:
        importlib.import_module("sklearn")
        importlib.import_module("joblib")
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"Estimator mode needs {error.name}.", next_step="pip install 'cmlkit-ci[train]'"
        ) from error
