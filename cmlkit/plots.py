"""Plots: what shows how a model does, drawn to files without a display."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DOTS_PER_INCH = 120
LABELLED_CLASSES = 30
"""With more classes than this, cells and ticks carry no text: it would be too small to read."""
CURVES = 10
"""Curves for single classes, one against the rest; with more classes there is only the one of all together."""
NAMED_FEATURES = 20


def of_estimator(estimator: Any, labels: NDArray[Any]) -> tuple[str, ...]:
    """Names of the plots that suit a fitted estimator, the main one of its task first.

    Args:
        labels: Of the test samples; curves need at least two classes among them.
    """
    from sklearn.base import is_classifier

    if is_classifier(estimator):
        names = ["confusion_matrix"]
        if _scoring_method(estimator) and len(set(labels.tolist())) > 1:
            names += ["roc_curve", "precision_recall_curve"]
    else:
        names = ["residuals"]
    if _importances(estimator) is not None:
        names.append("feature_importances")
    return tuple(names)


def draw(name: str, estimator: Any, features: NDArray[Any], labels: NDArray[Any], path: Path) -> None:
    """Draw one of the plots that `of_estimator` names, for test samples.

    Args:
        features: Of shape (samples, features).
        labels: Of shape (samples,).

    Raises:
        SettingsError: matplotlib is not installed, or the file cannot be written.
    """
    if name == "feature_importances":
        feature_importances(_importances(estimator), path)
    elif name in ("roc_curve", "precision_recall_curve"):
        curve = roc_curve if name == "roc_curve" else precision_recall_curve
        curve(labels, _class_scores(estimator, features), estimator.classes_, path)
    else:
        main = confusion_matrix if name == "confusion_matrix" else residuals
        main(labels, estimator.predict(features), path)


def confusion_matrix(truth: NDArray[Any], predicted: NDArray[Any], path: Path) -> None:
    """Draw a confusion matrix, each row normalised to 1.

    Args:
        truth: Labels, of shape (samples,).
        predicted: Of the same shape.

    Raises:
        SettingsError: matplotlib or scikit-learn is not installed, or the file cannot be written.
    """
    from sklearn.metrics import confusion_matrix as counted
    from sklearn.utils.multiclass import unique_labels

    classes = [str(label) for label in unique_labels(truth, predicted)]
    figure = _figure(3.6 + 0.32 * min(len(classes), LABELLED_CLASSES))
    axes = figure.add_subplot()
    shares = counted(truth, predicted, normalize="true")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, fraction=0.046)
    axes.set(xlabel="Predicted", ylabel="True")
    if len(classes) <= LABELLED_CLASSES:
        _label(axes, classes, shares)
    save(figure, path)


def residuals(truth: NDArray[Any], predicted: NDArray[Any], path: Path) -> None:
    """Draw predictions against the truth, both of shape (samples,), with the line on which they are equal."""
    figure = _figure(5.0)
    axes = figure.add_subplot()
    axes.scatter(truth, predicted, s=9, alpha=0.5, edgecolors="none")
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    axes.plot([low, high], [low, high], color="grey", linewidth=1)
    axes.set(xlabel="True", ylabel="Predicted")
    save(figure, path)


def roc_curve(truth: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], path: Path) -> None:
    """Draw the true against the false positive rate.

    Args:
        truth: Labels, of shape (samples,).
        scores: The higher, the likelier, of shape (samples, classes); for two classes those of the second,
            of shape (samples, 1).
        classes: Labels in the order of the columns of `scores`.
    """
    from sklearn import metrics

    figure = _figure(5.0)
    axes = figure.add_subplot()
    for label, hits, column in _against_the_rest(truth, scores, classes):
        false, true, _ = metrics.roc_curve(hits, column)
        axes.plot(false, true, label=f"{label}AUC {metrics.auc(false, true):.3f}", linewidth=1.5)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel="False positive rate", ylabel="True positive rate")
    axes.legend(loc="lower right", fontsize=9)
    save(figure, path)


def precision_recall_curve(truth: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any], path: Path) -> None:
    """Draw precision against recall; arguments as of `roc_curve`."""
    from sklearn import metrics

    figure = _figure(5.0)
    axes = figure.add_subplot()
    for label, hits, column in _against_the_rest(truth, scores, classes):
        precision, recall, _ = metrics.precision_recall_curve(hits, column)
        average = metrics.average_precision_score(hits, column)
        axes.plot(recall, precision, label=f"{label}AP {average:.3f}", linewidth=1.5, drawstyle="steps-post")
    axes.set(xlabel="Recall", ylabel="Precision", ylim=(0, 1.03))
    axes.legend(loc="lower left", fontsize=9)
    save(figure, path)


def feature_importances(importances: NDArray[Any], path: Path) -> None:
    """Draw the most important features, by their number from 1 on; `importances` is of shape (features,)."""
    order = abs(importances).argsort()[::-1][:NAMED_FEATURES]
    figure = _figure(5.0)
    axes = figure.add_subplot()
    axes.barh(range(len(order)), importances[order])
    axes.set_yticks(range(len(order)), [str(number + 1) for number in order])
    axes.invert_yaxis()
    axes.set(xlabel="Importance", ylabel="Feature")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write the figure, whole or not at all; white behind it, so that it is legible on a dark page.

    Raises:
        SettingsError: The file cannot be written, or its ending is no image format.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
        os.close(descriptor)
        try:
            figure.savefig(temporary, dpi=DOTS_PER_INCH, facecolor="white", bbox_inches="tight")
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise SettingsError(f"The plot {path} cannot be written: {error}.") from error


def _against_the_rest(
    truth: NDArray[Any], scores: NDArray[Any], classes: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Label, which samples are of the class, and their scores: of each class, or of all together."""
    if scores.shape[1] == 1:
        yield "", truth == classes[1], scores[:, 0]
        return
    hits = truth[:, None] == classes[None, :]
    if len(classes) > CURVES:
        yield f"{len(classes)} classes: ", hits.ravel(), scores.ravel()
        return
    for number, label in enumerate(classes):
        if hits[:, number].any():
            yield f"{label}: ", hits[:, number], scores[:, number]


def _scoring_method(estimator: Any) -> str:
    """What tells how likely each class is; empty where the estimator only decides."""
    return next((name for name in ("predict_proba", "decision_function") if hasattr(estimator, name)), "")


def _class_scores(estimator: Any, features: NDArray[Any]) -> NDArray[Any]:
    """Of shape (samples, classes); for two classes those of the second, of shape (samples, 1)."""
    scores: NDArray[Any] = getattr(estimator, _scoring_method(estimator))(features)
    if scores.ndim == 1:
        return scores[:, None]
    return scores[:, 1:] if scores.shape[1] == 2 else scores


def _importances(estimator: Any) -> Any:
    """One number a feature: how often and well a tree splits by it, or the coefficients of a linear model."""
    found: Any = getattr(estimator, "feature_importances_", getattr(estimator, "coef_", None))
    if getattr(found, "shape", ())[:1] == (1,):
        found = found.ravel()
    return found if getattr(found, "ndim", 0) == 1 else None


def _label(axes: Any, classes: Sequence[str], shares: NDArray[Any]) -> None:
    axes.set_xticks(range(len(classes)), classes, rotation=45 if len(classes) > 6 else 0)
    axes.set_yticks(range(len(classes)), classes)
    for row, cells in enumerate(shares):
        for column, share in enumerate(cells):
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=color, fontsize=9)


def _figure(inches: float) -> Figure:
    """A figure of its own, apart from pyplot's global state and from any display."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SettingsError("Drawing plots needs matplotlib.", next_step="pip install 'cmlkit-ci[train]'") from error
    figure = Figure(figsize=(inches, inches))
    FigureCanvasAgg(figure)
    return figure
