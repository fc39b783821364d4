"""The rematch: the model that was there before, scored on the test data of the one that replaces it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import CmlkitError
from cmlkit.gate.significance import paired_interval
from cmlkit.model import skops_file
from cmlkit.model.loading import load_model
from cmlkit.model.manifest import manifest_path, read_manifest
from cmlkit.records.training_run import Rematch
from cmlkit.stores.pointer import dvc_path

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _right(labels: NDArray[Any], predicted: NDArray[Any]) -> list[float]:
    return [float(right) for right in labels == predicted]


def _negative_errors(power: int) -> Callable[[NDArray[Any], NDArray[Any]], list[float]]:
    return lambda labels, predicted: [-(abs(float(error)) ** power) for error in labels - predicted]


# scikit-learn's scorers that are a mean over samples -> the score of each sample. Of others, such as r2, the interval
# would need another resampling.
PER_SAMPLE: Mapping[str, Callable[[NDArray[Any], NDArray[Any]], list[float]]] = {
    "accuracy": _right,
    "neg_mean_absolute_error": _negative_errors(1),
    "neg_mean_squared_error": _negative_errors(2),
}


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A model that was there before training, with the hash of its file."""

    model: Any
    sha256: str


def champion_at(path: Path, warn: Callable[[str], None], *, made_like: Any = None) -> Champion | None:
    """The model that lies where training is going to write; None where there is none that its manifest vouches for.

    Args:
        made_like: The challenger: of a skops file the types are trusted that this process has just made one of.
    """
    if not (Path(manifest_path(path)).is_file() and (path.is_file() or Path(dvc_path(str(path))).is_file())):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another version, which its own scores will show
            model = load_model(path, trusted=_types_of(made_like) if skops_file.is_skops(path) else ())
        return Champion(model=model, sha256=read_manifest(path).sha256)
    except CmlkitError as error:
        warn(f"The champion is not scored on the new test data: {error.message}")
        return None


def _types_of(model: Any) -> tuple[str, ...]:
    return skops_file.untrusted_types(skops_file.dumps(model))


def rematch(
    champion: Champion,
    challenger: Any,
    *,
    score: Callable[[Any], Mapping[str, float]],
    features: NDArray[Any],
    labels: NDArray[Any],
    warn: Callable[[str], None],
) -> Rematch | None:
    """How the champion does on the challenger's test data; None where it cannot be used on it.

    Args:
        score: Gives a model's metrics on that data.
        features: Shape (samples, features); `labels` has shape (samples,).
    """
    try:
        metrics = score(champion.model)
        before, now = champion.model.predict(features), challenger.predict(features)
    except (CmlkitError, ValueError, TypeError, AttributeError) as error:
        warn(f"The champion cannot be scored on the new test data: {error}")
        return None
    intervals = {
        name: paired_interval(of(labels, before), of(labels, now)) for name, of in PER_SAMPLE.items() if name in metrics
    }
    return Rematch(champion=champion.sha256, metrics=dict(metrics), intervals=intervals)
