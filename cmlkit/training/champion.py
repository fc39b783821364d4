"""The champion: the model from before training, rescored on the test data of the model that replaces it."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cmlkit.ci import for_commands
from cmlkit.errors import CmlkitError, Interrupted, ModelError
from cmlkit.gate import metrics
from cmlkit.gate.significance import paired_interval
from cmlkit.model import skops_file
from cmlkit.model.file import load_file
from cmlkit.model.loading import gathered, pointer_at
from cmlkit.model.manifest import ModelManifest, manifest_path, read_manifest
from cmlkit.records.training_run import Interval, Rescored
from cmlkit.stores.base import hashed
from cmlkit.stores.choice import source_for
from cmlkit.stores.download import download
from cmlkit.training.scores import ScoreCommand, Scores, mean
from cmlkit.training.tables.columns import arranged, as_trained, wanted_columns
from cmlkit.training.tables.dataset import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A metrics file may be rounded; a larger difference means other data or another measure.
TOLERANCE = 0.01

Warn = Callable[[str], None]
T = TypeVar("T")


def _right(labels: NDArray[Any], predicted: NDArray[Any]) -> list[float]:
    return [float(right) for right in labels == predicted]


def _negative_errors(power: int) -> Callable[[NDArray[Any], NDArray[Any]], list[float]]:
    return lambda labels, predicted: [-(abs(float(error)) ** power) for error in labels - predicted]


# scikit-learn's scorers that are a mean over samples -> the score of each sample. Other scorers, such as r2, would need
# another resampling for an interval.
PER_SAMPLE: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], list[float]]] = {
    "accuracy": _right,
    "neg_mean_absolute_error": _negative_errors(1),
    "neg_mean_squared_error": _negative_errors(2),
}


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model from before training, in a copy that training cannot overwrite.

    Attributes:
        path: Its original path.
        copy: The file that holds its bytes now; their hash is the one in the manifest.
        warn: Called with the reason if it cannot be rescored; none of its metrics are compared then.
    """

    path: Path
    copy: Path
    manifest: ModelManifest
    warn: Warn

    def by_predictions(
        self,
        challenger: Any,
        *,
        score: Callable[[Any, Any], Mapping[str, float]],
        data: Dataset,
        trusted: Callable[[], Sequence[str]] = tuple,
    ) -> Rescored | None:
        """Load the champion and score it in this process on the challenger's test data.

        Args:
            score: Returns a model's metrics on the features given, which are those of the test data.
            data: Its test data; the champion gets the columns that it was trained on, by their names.
            trusted: Returns the import paths of types to trust in a skops file; called only for such a file.
        """

        def rescore() -> Rescored:
            model = self._loaded(trusted)
            features, labels = self._features(model, data), data.test_labels
            values = dict(score(model, features))
            before, now = model.predict(features), challenger.predict(data.test_features)
            intervals = {
                name: paired_interval(per_sample(labels, before), per_sample(labels, now))
                for name, per_sample in PER_SAMPLE.items()
                if name in values
            }
            return Rescored(champion=self.manifest.sha256, metrics=values, intervals=intervals)

        return _unless_unusable(rescore, self.warn)

    def by_command(self, command: ScoreCommand, challenger: Path, *, known: Mapping[str, float]) -> Rescored | None:
        """Score the champion and the challenger with the project's own command.

        Args:
            challenger: The challenger's file.
            known: The challenger's metrics, as training wrote them.

        Raises:
            Interrupted: A signal ended the command.
        """

        def rescore() -> Rescored:
            now, before = command.scores_of(challenger), command.scores_of(self.copy)
            comparable = _comparable(now, before, known, self.warn)
            return Rescored(
                champion=self.manifest.sha256,
                metrics={name: mean(before[name]) for name in comparable},
                intervals=_intervals(now, before, comparable, self.warn),
            )

        return _unless_unusable(rescore, self.warn)

    def _features(self, model: Any, data: Dataset) -> Any:
        if self.manifest.target and data.target and self.manifest.target != data.target:
            raise ModelError(f"it predicts {self.manifest.target}, and this training {data.target}.")
        wanted = wanted_columns(self.manifest, data.target, getattr(model, "n_features_in_", 0))
        features = arranged(data.test_features, data.columns, wanted)
        return as_trained(features, wanted, model) if wanted else features

    def _loaded(self, trusted: Callable[[], Sequence[str]]) -> Any:
        types = trusted() if skops_file.is_skops(self.path) else ()
        with warnings.catch_warnings():
            # Other library versions may have written it; its scores will show whether that matters.
            warnings.simplefilter("ignore")
            return load_file(self.path, self.manifest, content=self.copy, trusted=types)


@contextmanager
def kept_champion(path: Path, warn: Warn) -> Iterator[Champion | None]:
    """Yield the model that training is about to replace, fetched and verified; None if there is no model.

    Args:
        warn: Called with the reason if the champion cannot be rescored.
    """
    if not Path(manifest_path(path)).is_file():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="cmlkit-champion-") as folder:
        yield _unless_unusable(lambda: _kept(path, Path(folder, path.name), warn), warn)


def _kept(path: Path, copy: Path, warn: Warn) -> Champion | None:
    manifest = read_manifest(path)
    if manifest.files:
        gathered(path, manifest, copy)
        return Champion(path=path, copy=copy, manifest=manifest, warn=warn)
    pointer = pointer_at(path, manifest)
    if pointer is not None:
        download(pointer, copy, source_for(pointer, directory=path.resolve().parent, environ=for_commands(os.environ)))
    elif path.is_file():
        shutil.copyfile(path, copy)
    else:
        return None
    if hashed(copy)[0] != manifest.sha256:
        raise ModelError(f"{path} is not the file that its manifest describes.")
    return Champion(path=path, copy=copy, manifest=manifest, warn=warn)


def _unless_unusable(act: Callable[[], T], warn: Warn) -> T | None:
    """Return the result of `act`, or warn that the champion is not rescored: that must not fail a training."""
    try:
        return act()
    except Interrupted:
        raise
    except (CmlkitError, OSError, ValueError, TypeError, AttributeError) as error:
        warn(f"The champion is not rescored on the new test data: {error}")
        return None


def _comparable(now: Scores, before: Scores, known: Mapping[str, float], warn: Warn) -> list[str]:
    """Return the metrics that both models have and for which the command and training score the challenger alike."""
    there = {metrics.key(name): value for name, value in known.items()}
    found = []
    for name in now:
        if name not in before or metrics.key(name) not in there:
            continue
        scored, said = mean(now[name]), there[metrics.key(name)]
        if math.isclose(scored, said, rel_tol=TOLERANCE, abs_tol=1e-9):
            found.append(name)
        else:
            warn(
                f"{name} is {scored:.6g} according to the score command, but {said:.6g} according to training: the"
                " champion's is not compared, as the data or the measure differs."
            )
    return found


def _intervals(now: Scores, before: Scores, names: Sequence[str], warn: Warn) -> dict[str, Interval]:
    intervals: dict[str, Interval] = {}
    for name in names:
        ours, theirs = now[name], before[name]
        if isinstance(ours, float) or isinstance(theirs, float):
            continue
        try:
            intervals[name] = paired_interval(theirs, ours)
        except CmlkitError as error:
            warn(f"The report has no interval for {name}: {error.message}")
    return intervals
