"""Preparation of columns that are not plain numbers, as steps of the model itself: only classes of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmlkit.training.tables.columns import BOOLEAN, CATEGORY, DATE, NUMBER

MODEL_STEP = "model"
"""Name of the estimator among the steps of a `prepared` pipeline."""
MOST_CATEGORIES = 100
"""Columns that one category column becomes at most; rarer categories share the last one."""
_NO_DATE = float(-(2**63))  # NumPy's number for a missing date


def prepared(estimator: Any, types: Mapping[str, str], formats: Mapping[str, str]) -> Any:
    """Return a pipeline that takes a DataFrame with these columns, by name, and ends in the estimator.

    Numbers keep their values, and gaps in them get the median, unless the estimator itself takes gaps. Each category
    becomes a column of zeros and ones, gaps being a category of their own. Dates become standardized times.

    Args:
        types: Column -> type.
        formats: Date column -> format, for `pandas.to_datetime`.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    numbers = [name for name, kind in types.items() if kind in (NUMBER, BOOLEAN)]
    categories = [name for name, kind in types.items() if kind == CATEGORY]
    steps: list[tuple[str, Any, Any]] = []
    if numbers:
        steps.append(("numbers", _unchanged() if _takes_gaps(estimator) else _imputer(), numbers))
    if categories:
        steps.append(("categories", _encoder(), categories))
    # One column by its name, not in a list: `to_datetime` takes it as a Series.
    steps += [(f"date {name}", _times(formats[name]), name) for name, kind in types.items() if kind == DATE]
    return Pipeline([("columns", ColumnTransformer(steps, sparse_threshold=0.0)), (MODEL_STEP, estimator)])


def feature_names(columns_step: Any) -> tuple[str, ...]:
    """Return the names of the features that come out of the first step of a `prepared` pipeline."""
    names: list[str] = []
    for name, step, columns in columns_step.transformers_:
        if name != "remainder":
            names += [columns] if isinstance(columns, str) else list(step.get_feature_names_out(columns))
    return tuple(map(str, names))


def _takes_gaps(estimator: Any) -> bool:
    try:
        from sklearn.utils import get_tags
    except ImportError:  # scikit-learn before 1.6
        return bool(estimator._get_tags().get("allow_nan")) if hasattr(estimator, "_get_tags") else False
    return bool(get_tags(estimator).input_tags.allow_nan)


def _unchanged() -> Any:
    """Return a step that turns booleans and numbers into numbers, and keeps gaps."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler(with_mean=False, with_std=False)


def _imputer() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median")


def _encoder() -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False, dtype="float64"
    )


def _times(layout: str) -> Any:
    """Return the steps from a column of texts or times to standardized seconds, in functions that a pickle names."""
    import numpy as np
    import pandas
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    def call(function: Any, **arguments: Any) -> Any:
        return FunctionTransformer(function, kw_args=arguments)

    return make_pipeline(
        call(pandas.to_datetime, format=layout, utc=True),
        call(np.asarray, dtype="datetime64[ns]"),
        # Seconds, whatever the unit in the table was.
        call(np.asarray, dtype="datetime64[s]"),
        # One row, then one column.
        call(np.array, dtype="float64", ndmin=2),
        call(np.transpose),
        SimpleImputer(missing_values=_NO_DATE, strategy="median"),
        StandardScaler(),
    )
