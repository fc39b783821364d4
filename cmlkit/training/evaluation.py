"""Evaluation: the values in the plots of a fitted estimator, computed from its predictions for the test samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cmlkit.training.plots import (
    Curves,
    Importances,
    Matrix,
    Plot,
    Residuals,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE_CURVES = 10
"""Most classes with a curve each, one against the rest; with more classes, one curve covers them all."""
SHOWN_FEATURES = 20


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


def plot_of(name: str, estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Plot:
    """Return one of the plots that `plot_names` returns.

    Args:
        features: Features of the test samples; shape (samples, features).
        labels: Their labels; shape (samples,).
    """
    return _PLOTS[name](estimator, features, labels)


def _confusion_matrix(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Matrix:
    from sklearn.metrics import confusion_matrix
    from sklearn.utils.multiclass import unique_labels

    predicted = estimator.predict(features)
    classes = tuple(str(label) for label in unique_labels(labels, predicted))
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


def _importances(estimator: Any, features: NDArray[Any], labels: NDArray[Any]) -> Importances:
    """Return the most important features, named by their number, counted from 1."""
    weights = _feature_weights(estimator)
    order = abs(weights).argsort()[::-1][:SHOWN_FEATURES]
    return Importances(
        features=tuple(str(number + 1) for number in order), values=tuple(float(weights[number]) for number in order)
    )


_PLOTS: dict[str, Callable[[Any, NDArray[Any], NDArray[Any]], Plot]] = {
    "confusion_matrix": _confusion_matrix,
    "residuals": _residuals,
    "roc_curve": _roc_curve,
    "precision_recall_curve": _precision_recall_curve,
    "feature_importances": _importances,
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
    for number, label in enumerate(classes):
        if hits[:, number].any():
            yield f"{label}: ", hits[:, number], scores[:, number]


def _scoring_method(estimator: Any) -> str:
    """Return the name of the method that scores each class; empty if the estimator only predicts labels."""
    return next((name for name in ("predict_proba", "decision_function") if hasattr(estimator, name)), "")


def _feature_weights(estimator: Any) -> Any:
    """Return one number per feature: a tree's importances, or the coefficients of a linear model."""
    found: Any = getattr(estimator, "feature_importances_", getattr(estimator, "coef_", None))
    if getattr(found, "shape", ())[:1] == (1,):
        found = found.ravel()
    return found if getattr(found, "ndim", 0) == 1 else None
