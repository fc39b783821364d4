"""The split of a table's rows into those to train on and those to test with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANDOM, STRATIFIED = "random", "stratified"


def random_rows(rows: int, *, test_size: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the numbers of the rows to train on and of those to test with."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    train, test = _checked(lambda: train_test_split(np.arange(rows), test_size=test_size, random_state=seed))
    return train, test


def stratified_rows(labels: NDArray[Any], *, test_size: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same, with each class in both parts in the same share.

    Raises:
        SettingsError: A class has too few rows for both parts.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    check_classes(labels)
    rows, classes = np.arange(len(labels)), len(np.unique(labels))
    held_out = math.ceil(len(labels) * test_size)
    if min(held_out, len(labels) - held_out) < classes:
        raise SettingsError(
            f"{held_out:,} of {len(labels):,} rows to test with cannot have all {classes:,} classes, nor can the rest.",
            next_step="Change train.test-size, give more rows, or set train.split: random.",
        )
    train, test = train_test_split(rows, test_size=test_size, random_state=seed, stratify=labels)
    return train, test


def check_classes(labels: NDArray[Any]) -> None:
    """Check that each class has a row to train on and one to test with.

    Raises:
        SettingsError: A class has one row.
    """
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    if rare := [str(label) for label, count in zip(classes, counts, strict=True) if count < 2]:
        more = f" and {len(rare) - 5:,} more" if len(rare) > 5 else ""
        raise SettingsError(
            f"Classes with a single row cannot be both trained and tested: {', '.join(rare[:5])}{more}.",
            next_step="Join or leave out these classes, or set train.split: random. If the labels are measurements,"
            " train a regressor.",
        )


def rows_by_group(groups: NDArray[Any], *, test_size: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same, with all rows of a group in one part.

    Raises:
        SettingsError: There are too few groups.
    """
    import numpy as np
    from sklearn.model_selection import GroupShuffleSplit

    if (found := len(np.unique(groups))) < 2:
        raise SettingsError(f"train.groups has {found} group; a split by groups needs two or more.")
    split = GroupShuffleSplit(n_splits=1, test_size=test_size, random_state=seed)
    train, test = _checked(lambda: next(split.split(groups, groups=groups)))
    return train, test


def rows_by_time(times: NDArray[Any], *, test_size: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same, with the latest rows to test with; those of one time stay together.

    Args:
        times: One number or time for each row.

    Raises:
        SettingsError: All rows have one time.
    """
    import numpy as np

    order = np.argsort(times, kind="stable")
    first = times[order[len(order) - math.ceil(len(order) * test_size)]]
    if first == times[order[0]]:
        later = times[times > first]
        if not len(later):
            raise SettingsError("All rows have the same time in train.time-order: there is no later part to test with.")
        first = later.min()
    return order[times[order] < first], order[times[order] >= first]


def check_trained(train_labels: NDArray[Any], test_labels: NDArray[Any]) -> None:
    """Check that no class is tested that was not trained.

    Raises:
        SettingsError: There is such a class.
    """
    import numpy as np

    if len(missing := np.setdiff1d(test_labels, train_labels)):
        raise SettingsError(
            f"No row to train on has the class {missing[0]}, which is among the rows to test with.",
            next_step="Give more rows of it, join it with another, or leave it out.",
        )


def _checked(split: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        train, test = split()
    except ValueError as error:
        raise SettingsError(f"The table cannot be split: {error}", next_step="Give more rows.") from error
    return train, test
