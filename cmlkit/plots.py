"""Plots: what shows how a model does, drawn to files without a display."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DOTS_PER_INCH = 120
LABELLED_CLASSES = 30
"""With more classes than this, cells and ticks carry no text: it would be too small to read."""


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
