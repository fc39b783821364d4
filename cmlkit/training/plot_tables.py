"""Plots as small tables, for reports that cannot show pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmlkit.formats import number
from cmlkit.records.training_run import PlotTable
from cmlkit.training.plots import (
    Curves,
    Importances,
    Matrix,
    Plot,
    Residuals,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE_CLASSES = 12
"""For a confusion matrix with more classes than this, the table lists the most frequent confusions."""
CONFUSIONS = 10
POINTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BAR_LENGTH = 20


def table_of(plot: Plot) -> PlotTable:
    """Return the content of the plot in about twenty rows at most."""
    if isinstance(plot, Matrix):
        return _matrix(plot) if len(plot.classes) <= WHOLE_CLASSES else _confusions(plot)
    if isinstance(plot, Residuals):
        return _residuals(plot)
    return _curves(plot) if isinstance(plot, Curves) else _importances(plot)


def _matrix(plot: Matrix) -> PlotTable:
    rows = [
        (name, *(f"{share:.2f}" for share in shares)) for name, shares in zip(plot.classes, plot.shares, strict=True)
    ]
    return PlotTable(header=("True \\ predicted", *plot.classes), rows=tuple(rows))


def _confusions(plot: Matrix) -> PlotTable:
    found = sorted(_off_diagonal(plot), reverse=True)[:CONFUSIONS]
    rows = [(plot.classes[row], plot.classes[column], f"{share:.2f}") for share, row, column in found]
    return PlotTable(header=("True", "Predicted instead", "Share"), rows=tuple(rows))


def _off_diagonal(plot: Matrix) -> Iterator[tuple[float, int, int]]:
    for row, shares in enumerate(plot.shares):
        for column, share in enumerate(shares):
            if row != column and share > 0:
                yield float(share), row, column


def _residuals(plot: Residuals) -> PlotTable:
    import numpy as np

    values = np.quantile(plot.predicted - plot.truth, QUANTILES)
    rows = [(f"{share:.0%}", number(float(value))) for share, value in zip(QUANTILES, values, strict=True)]
    return PlotTable(header=("Share of samples", "Predicted minus true, at most"), rows=tuple(rows))


def _curves(plot: Curves) -> PlotTable:
    import numpy as np

    columns = []
    for _, horizontal, vertical in plot.lines:
        order = np.argsort(horizontal, kind="stable")
        columns.append(np.interp(POINTS, horizontal[order], vertical[order]))
    rows = [
        (number(point), *(f"{value:.2f}" for value in values)) for point, *values in zip(POINTS, *columns, strict=True)
    ]
    return PlotTable(
        header=(f"{plot.horizontal} \\ {plot.vertical}", *(name for name, _, _ in plot.lines)), rows=tuple(rows)
    )


def _importances(plot: Importances) -> PlotTable:
    most = max((abs(value) for value in plot.values), default=0.0) or 1.0
    rows = [
        (name, number(float(value)), "█" * round(BAR_LENGTH * abs(value) / most))
        for name, value in zip(plot.features, plot.values, strict=True)
    ]
    return PlotTable(header=("Feature", "Importance", ""), rows=tuple(rows))
