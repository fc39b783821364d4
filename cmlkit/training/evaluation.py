"""Evaluation: the values in the plots of a fitted estimator, computed from its predictions for the test samples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cmlkit.training.plots import (
    Curves,
    Importances,
    Matrix,
    Plot,
    Residuals,
)
from cmlkit.training.preparation import feature_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE_CURVES = 10
"""Most classes with a curve each, one against the rest; with more classes, one curve covers them all."""
SHOWN_FEATURES = 20


PLOT_NAMES = ("confusion_matrix", "roc_curve", "precision_recall_curve", "residuals", "feature_importances")


def plot_names(estimator: Any, labels: NDArray[Any]) -> tuple[str, ...]:
    """Return the names of the plots that suit a fitted estimator, the main plot of its task first.

    Args:
        labels: Labels of the test samples; curves need at least two classes among them.
    """
    from sklearn.base import is_classifier

    if is_classifier(estimator):
        names = ["confusion_matrix"]
        if _scoring_method(estimator) and len(set(labels.tolist())) > 1:
            names += ["roc_curve", "precision_recall_curve"]
    else:
        names = ["residuals"]
    if _feature_weights(estimator) is not None:
        names.append("feature_importances")
    return tuple(names)


def plot_of(name: str, estimator: Any, features: Any, labels: NDArray[Any], columns: Sequence[str] = ()) -> Plot:
    """Return one of the plots that `plot_names` returns.

    Args:
        features: Features of the test samples; shape (samples, features).
        labels: Their labels; shape (samples,).
        columns: Names of the features, if they have any.
    """
    if name == "feature_importances":
        return _importances(estimator, columns)
    return _PLOTS[name](estimator, features, labels)


def _confusion_matrix(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Matrix:
    from sklearn.metrics import confusion_matrix
    from sklearn.utils.multiclass import unique_labels

    predicted = estimator.predict(features)
    classes = _class_names(unique_labels(labels, predicted))
    return Matrix(classes=classes, shares=confusion_matrix(labels, predicted, normalize="true"))


def _residuals(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Residuals:
    return Residuals(truth=labels, predicted=estimator.predict(features))


def _roc_curve(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Curves:
    from sklearn.metrics import auc, roc_curve

    lines = []
    for label, hits, scores in _against_the_rest(estimator, features, labels):
        false, true, _ = roc_curve(hits, scores)
        lines.append((f"{label}AUC {auc(false, true):.3f}", false, true))
    return Curves(horizontal="False positive rate", vertical="True positive rate", lines=tuple(lines), chance=True)


def _precision_recall_curve(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Curves:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    lines = []
    for label, hits, scores in _against_the_rest(estimator, features, labels):
        precision, recall, _ = precision_recall_curve(hits, scores)
        lines.append((f"{label}AP {average_precision_score(hits, scores):.3f}", recall, precision))
    return Curves(horizontal="Recall", vertical="Precision", lines=tuple(lines))


def _importances(estimator: Any, columns: Sequence[str]) -> Importances:
    """Return the most important features by their names, or else by their numbers, counted from 1."""
    weights = _feature_weights(estimator)
    steps = getattr(_fitted(estimator), "steps", ())
    if steps and hasattr(steps[0][1], "transformers_"):
        columns = feature_names(steps[0][1])
    if len(columns) != len(weights):
        columns = [str(number + 1) for number in range(len(weights))]
    order = abs(weights).argsort()[::-1][:SHOWN_FEATURES]
    return Importances(
        features=tuple(columns[number] for number in order), values=tuple(float(weights[number]) for number in order)
    )


_PLOTS: dict[str, Callable[[Any, NDArray[Any], NDArray[Any]], Plot]] = {
    "confusion_matrix": _confusion_matrix,
    "residuals": _residuals,
    "roc_curve": _roc_curve,
    "precision_recall_curve": _precision_recall_curve,
}


def _against_the_rest(
    estimator: Any, features: NDArray[Any], labels: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield label, membership of each sample, and score of each sample; for each class, or for all together."""
    scores, classes = getattr(estimator, _scoring_method(estimator))(features), estimator.classes_
    if len(classes) == 2:
        yield "", labels == classes[1], scores if scores.ndim == 1 else scores[:, 1]
        return
    hits = labels[:, None] == classes[None, :]
    if len(classes) > SINGLE_CURVES:
        yield f"{len(classes)} classes: ", hits.ravel(), scores.ravel()
        return
    for number, label in enumerate(_class_names(classes)):
        if hits[:, number].any():
            yield f"{label}: ", hits[:, number], scores[:, number]


def _class_names(classes: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of classes; of whole numbers, as files of floats have them, without `.0`."""
    names = tuple(map(str, classes))
    are_whole = all(re.fullmatch(r"-?\d+\.0", name) for name in names)
    return tuple(name.removesuffix(".0") for name in names) if are_whole else names


def _scoring_method(estimator: Any) -> str:
    """Return the name of the method that scores each class; empty if the estimator only predicts labels."""
    return next((name for name in ("predict_proba", "decision_function") if hasattr(estimator, name)), "")


def _feature_weights(estimator: Any) -> Any:
    """Return one number per feature: a tree's importances, or the coefficients of a linear model."""
    found: Any = getattr(_last_step(estimator), "feature_importances_", getattr(_last_step(estimator), "coef_", None))
    if getattr(found, "shape", ())[:1] == (1,):
        found = found.ravel()
    return found if getattr(found, "ndim", 0) == 1 else None


def _fitted(estimator: Any) -> Any:
    """Return the estimator that a search found, or the estimator itself."""
    return getattr(estimator, "best_estimator_", estimator)


def _last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, also of one inside another, or the estimator itself."""
    found = _fitted(estimator)
    while steps := getattr(found, "steps", None):
        found = _fitted(steps[-1][1])
    return found
