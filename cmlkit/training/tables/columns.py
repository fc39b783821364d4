"""Columns of a table by name: which of them are features, and how a model finds its own in another table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from cmlkit.errors import ModelError
from cmlkit.model.manifest import ModelManifest

# An index that pandas wrote has no name; pandas reads it back under such a name and may write that again.
_UNNAMED = re.compile(r"(Unnamed: \d+(_level_\d+)?(\.\d+)*)?")
# With fewer rows, a measurement may well have another value in each.
LEAST_ROWS = 20
_PROBED_ROWS = 1_000
NUMBER, BOOLEAN, CATEGORY, DATE = "number", "boolean", "category", "date"


def unique_names(header: Sequence[str]) -> list[str]:
    """Return the names without blanks around them; one that occurs again gets a number, as in pandas: `a`, `a.1`."""
    names: list[str] = []
    for cell in header:
        name, number = (base := cell.strip()), 0
        while name in names:
            number += 1
            name = f"{base}.{number}"
        names.append(name)
    return names


def unnamed_index(names: Sequence[str]) -> tuple[str, ...]:
    """Return the unnamed columns before the first that has a name: the index of a table that pandas or R wrote."""
    found = tuple(takewhile(_UNNAMED.fullmatch, names))
    return found if len(found) < len(names) else ()


def id_like(features: Any, names: Sequence[str]) -> Iterator[str]:
    """Yield the columns of an array of numbers with another whole number in each row, as an id has."""
    import numpy as np

    if len(features) < LEAST_ROWS:
        return
    for number, name in enumerate(names):
        # Most columns are recognized by their first rows: sorting all would take a tenth of a fit.
        for values in (features[:_PROBED_ROWS, number], features[:, number]):
            if not (values == np.floor(values)).all() or len(np.unique(values)) < len(values):
                break
        else:
            yield name


def index_left_out(file: object, names: Sequence[str]) -> str:
    """Return the warning for the columns that `unnamed_index` found."""
    which = ", ".join(repr(name) for name in names)
    return (
        f"{file}: the unnamed column{'s' * (len(names) > 1)} {which} before the others look like the index that pandas"
        " or R writes: left out, as row numbers tell a model the order of the file. Name a column to train on it."
    )


def looks_like_id(file: object, names: Sequence[str]) -> str:
    """Return the warning for the columns that `id_like` found."""
    which = ", ".join(names)
    return (
        f"{file}: each row has another value of {which}, as of an id. A model that learns rows by their ids fails on"
        " new ones: leave such columns out of the table."
    )


def arranged(features: Any, has: Mapping[str, str], wants: Mapping[str, str]) -> Any:
    """Return the features that a model wants, in its own order.

    Args:
        features: Shape (samples, features), as an array or a DataFrame.
        has: Column -> type of `features`, in order; empty if they have no names.
        wants: The same of the data that the model was trained on.

    Raises:
        ModelError: A column is missing or has another type, or only one of the two has names.
    """
    if bool(has) != bool(wants):
        which = "its manifest does" if has else "the data does"
        raise ModelError(f"{which} not name the columns, so that they cannot be matched.")
    if missing := [name for name in wants if name not in has]:
        raise ModelError(f"the data lacks columns that it was trained on: {', '.join(missing)}.")
    for name, kind in wants.items():
        if _kind(has[name]) != _kind(kind):
            raise ModelError(f"it was trained on {name} as a {kind}; in the data it is a {has[name]}.")
    if list(has) == list(wants):
        return features
    places = [list(has).index(name) for name in wants]
    return features.iloc[:, places] if hasattr(features, "iloc") else features[:, places]


def as_trained(features: Any, columns: Mapping[str, str], model: Any) -> Any:
    """Return the features as an array or a DataFrame, whichever the model was fitted on.

    Raises:
        ModelError: The model was fitted on an array, and the features are no plain numbers.
    """
    names = getattr(model, "feature_names_in_", None)
    if hasattr(features, "iloc") and names is None:
        if set(columns.values()) - {NUMBER, BOOLEAN}:
            raise ModelError("it takes numbers only, and the data has other columns.")
        return features.to_numpy(dtype="float64")
    if names is not None and not hasattr(features, "iloc"):
        from pandas import DataFrame

        return DataFrame(features, columns=list(columns))
    return features


def wanted_columns(manifest: ModelManifest, target: str, features: int) -> Mapping[str, str]:
    """Return column -> type of the data that a model was trained on; empty if nothing tells.

    Args:
        target: The label column today.
        features: Number of columns that the model takes.
    """
    if manifest.columns or len(manifest.data) != 1 or not target:
        return manifest.columns
    # A manifest of 0.1.0 names the columns of the table with the profiles, in the table's order.
    names = [name for name in manifest.data[0].profiles if name != target]
    return dict.fromkeys(names, NUMBER) if len(names) == features else {}


def _kind(kind: str) -> str:
    return NUMBER if kind == BOOLEAN else kind
