"""Labels: the values of the target column, as classes or as numbers to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmlkit.errors import SettingsError
from cmlkit.training.tables.column_types import typed
from cmlkit.training.tables.columns import BOOLEAN, NUMBER

if TYPE_CHECKING:
    from pandas import Series


def labels_of(values: Series, *, classifies: bool, source: str) -> Series:
    """Return the labels: numbers, true and false, or texts; gaps stay.

    Args:
        values: The column as it was read.
        classifies: Whether labels are classes.
        source: The table's name in messages.

    Raises:
        SettingsError: The labels are no numbers, but the estimator predicts numbers; or there are none.
    """
    present = values.dropna()
    if not len(present):
        raise SettingsError(f"{source}: the target {values.name} has no values.", next_step="Correct train.target.")
    name = str(values.name)
    found = typed(present.to_frame(name), {}, source=source, warn=lambda _: None)
    kind = found.types[name]
    if kind in (NUMBER, BOOLEAN):
        return found.frame[name].reindex(values.index) if len(present) < len(values) else found.frame[name]
    if not classifies:
        raise SettingsError(
            f"{source}: the target {name} is a {kind}, such as {present.iloc[0]!r}; the estimator predicts numbers.",
            next_step="Choose a classifier, or correct train.target.",
        )
    return values.map(lambda value: str(value).strip(), na_action="ignore").astype(object)
