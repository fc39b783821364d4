"""Plots of a model's performance, drawn to files without a display."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.errors import MissingExtra, SettingsError, step_after

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DOTS_PER_INCH = 120
SIDE = 4.5
"""Inches; a comment on a pull request shows two such plots beside each other."""
LONGEST_NAME = 40
LABELLED_CLASSES = 30
"""With more classes than this, cells and ticks have no text: it would be too small to read."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A confusion matrix: `shares` of shape (classes, classes), a row for each true class, each row adding up to 1."""

    classes: tuple[str, ...]
    shares: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Residuals:
    """Predictions against the truth, both of shape (samples,)."""

    truth: NDArray[Any]
    predicted: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """One curve per class.

    Attributes:
        lines: Name, horizontal and vertical coordinates of each curve.
        chance: Whether to draw the diagonal, which random guesses would give.
    """

    horizontal: str
    vertical: str
    lines: tuple[tuple[str, NDArray[Any], NDArray[Any]], ...]
    chance: bool = False


@dataclass(frozen=True, kw_only=True)
class Importances:
    """The weight of each feature, the most important first."""

    features: tuple[str, ...]
    values: tuple[float, ...]


Plot = Matrix | Residuals | Curves | Importances


def draw(plot: Plot, path: Path) -> None:
    """Draw a plot to a file, in the format of the file's ending.

    Raises:
        SettingsError: matplotlib is not installed, or the file cannot be written.
    """
    if isinstance(plot, Matrix):
        figure = _matrix(plot)
    elif isinstance(plot, Residuals):
        figure = _residuals(plot)
    elif isinstance(plot, Curves):
        figure = _curves(plot)
    else:
        figure = _importances(plot)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write the figure atomically, on white, so that it is legible on a dark background.

    Raises:
        SettingsError: The file cannot be written, or its ending is not a picture format.
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
        step = step_after(error) if isinstance(error, OSError) else ""
        raise SettingsError(f"The plot {path} cannot be written: {error}.", next_step=step) from error


def load_matplotlib() -> None:
    """Load matplotlib and its fonts ahead of the first drawing.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    _importances(Importances(features=("1",), values=(1.0,))).savefig(io.BytesIO(), bbox_inches="tight")


def _matrix(plot: Matrix) -> Figure:
    figure = _figure(3.0 + 0.32 * min(len(plot.classes), LABELLED_CLASSES))
    axes = figure.add_subplot()
    image = axes.imshow(plot.shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, fraction=0.046)
    axes.set(xlabel="Predicted", ylabel="True")
    if len(plot.classes) <= LABELLED_CLASSES:
        _label(axes, plot)
    return figure


def _label(axes: Any, plot: Matrix) -> None:
    names = [shown(name) for name in plot.classes]
    longest = max(map(len, names))
    # A slanted name ends at its column; centred, it would stand under the columns beside it.
    is_slanted = longest > (8 if len(names) <= 6 else 2)
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if is_slanted else {}
    axes.set_xticks(range(len(names)), names, **slanted)
    axes.set_yticks(range(len(names)), names)
    for row, cells in enumerate(plot.shares):
        for column, share in enumerate(cells):
            color = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=color, fontsize=9)


def _residuals(plot: Residuals) -> Figure:
    figure = _figure(SIDE)
    axes = figure.add_subplot()
    axes.scatter(plot.truth, plot.predicted, s=9, alpha=0.5, edgecolors="none")
    low = min(float(plot.truth.min()), float(plot.predicted.min()))
    high = max(float(plot.truth.max()), float(plot.predicted.max()))
    margin = 0.04 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    # On both axes a unit is as long, so that the line of right predictions is the diagonal.
    axes.plot(limits, limits, color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel="True", ylabel="Predicted", xlim=limits, ylim=limits, aspect="equal")
    axes.set_yticks(axes.get_xticks())
    axes.set_ylim(limits)
    return figure


def _curves(plot: Curves) -> Figure:
    figure = _figure(SIDE)
    axes = figure.add_subplot()
    for label, horizontal, vertical in plot.lines:
        axes.plot(horizontal, vertical, label=shown(label), linewidth=1.5)
    if plot.chance:
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    axes.set(xlabel=plot.horizontal, ylabel=plot.vertical, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
    axes.legend(loc="lower right" if plot.chance else "lower left", fontsize=9)
    return figure


def _importances(plot: Importances) -> Figure:
    figure = _figure(SIDE, height=max(2.6, 1.0 + 0.22 * len(plot.values)))
    axes = figure.add_subplot()
    axes.barh(range(len(plot.values)), plot.values)
    axes.margins(y=0.02)
    axes.set_yticks(range(len(plot.features)), [shown(name) for name in plot.features])
    axes.invert_yaxis()
    axes.set(xlabel="Importance", ylabel="Feature")
    return figure


def shown(name: str) -> str:
    """Return a name from the data as text that matplotlib draws as it is, shortened if it is long."""
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return short.replace("$", r"\$")


def _figure(inches: float, *, height: float = 0.0) -> Figure:
    """Return a figure independent of pyplot's global state and of any display; square without a `height`."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra("Drawing plots needs matplotlib.", extra="train") from error
    figure = Figure(figsize=(inches, height or inches))
    FigureCanvasAgg(figure)
    return figure
