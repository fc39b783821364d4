"""Types of a table's columns: numbers, booleans, dates and categories, told from the values or declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError
from cmlkit.training.tables.columns import BOOLEAN, CATEGORY, DATE, NUMBER
from cmlkit.training.tables.dialect import has_decimal_commas

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

IGNORE = "ignore"
DECLARED = (NUMBER, BOOLEAN, CATEGORY, DATE, IGNORE)
GAPS = frozenset({"?", "-", "--", ".", "N/A", "n/a", "NA", "nan", "NaN", "null", "NULL", "none", "None", "missing", ""})
"""Cells that stand for no value in a column of numbers; pandas has replaced some of them already."""
MOSTLY = 0.9
"""Above this share of numbers, the other cells are taken for mistakes, which the user must settle."""
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_TRUTH = {"true": True, "false": False}
# Pattern of all values -> format of `pandas.to_datetime`. Day and month are told apart by values above 12.
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?")
_DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
ISO_FORMAT = "ISO8601"

Warn = Callable[[str], None]


class Typed:
    """A frame whose columns have types, and the format of each date.

    Attributes:
        types: Column -> type, in order.
        formats: Date column -> its format, for `pandas.to_datetime`.
    """

    def __init__(self, frame: DataFrame, types: Mapping[str, str], formats: Mapping[str, str]) -> None:
        self.frame, self.types, self.formats = frame, types, formats

    def as_array(self) -> NDArray[Any] | None:
        """Return the columns as an array if all are numbers without gaps; None otherwise."""
        if set(self.types.values()) != {NUMBER} or self.frame.isna().any(axis=None):
            return None
        array: NDArray[Any] = self.frame.to_numpy(dtype="float64")
        return array


def typed(frame: DataFrame, declared: Mapping[str, Any], *, source: str, warn: Warn) -> Typed:
    """Return the frame with numbers as numbers and texts as texts, without ignored and empty columns.

    Args:
        declared: Column -> type, or `date FORMAT`, for columns whose values do not tell.
        source: The table's name in messages.

    Raises:
        SettingsError: A column's values have no type or more than one, or do not have the declared one.
    """
    check_declared(declared)
    columns: dict[str, Any] = {}
    types: dict[str, str] = {}
    formats: dict[str, str] = {}
    empty = []
    for name in frame.columns:
        kind, _, layout = str(declared.get(name, "")).partition(" ")
        if kind == IGNORE:
            continue
        if frame[name].isna().all():
            empty.append(name)
            continue
        try:
            columns[name], types[name], formats[name] = _column(frame[name], kind, layout, warn=warn, source=source)
        except ValueError as error:
            raise SettingsError(f"{source}: column {name} {error}", next_step=_settle(name)) from error
    if empty:
        warn(f"{source}: {', '.join(empty)} has no values at all, and is left out.")
    import pandas

    return Typed(pandas.DataFrame(columns, index=frame.index), types, {k: v for k, v in formats.items() if v})


def check_declared(declared: Mapping[str, Any]) -> None:
    """Check the types in the setting `train.columns`.

    Raises:
        SettingsError: One of them is none.
    """
    for name, kind in declared.items():
        word, _, layout = str(kind).partition(" ")
        if word not in DECLARED or (layout and word != DATE):
            raise SettingsError(
                f"train.columns has {kind!r} for {name}; it takes {', '.join(DECLARED)}, or date FORMAT."
            )


def _settle(name: str) -> str:
    return (
        f"Correct the table, or say what it is in cmlkit.yaml: train: {{columns: {{{name}: TYPE}}}}, with number,"
        " boolean, category, date, date FORMAT such as date %d/%m/%Y, or ignore."
    )


def _column(values: Series, kind: str, layout: str, *, warn: Warn, source: str) -> tuple[Any, str, str]:
    """Return a column's values, its type, and the format of its dates."""
    if not kind:
        return _told(values)
    if kind == NUMBER:
        numbers = _to_numbers(values)
        if lost := int(numbers.isna().sum() - values.isna().sum()):
            warn(f"{source}: {lost:,} cells of {values.name} are no numbers, and count as missing.")
        return _finite(numbers), NUMBER, ""
    if kind == BOOLEAN:
        return _booleans(values), BOOLEAN, ""
    if kind == DATE:
        return values, DATE, _checked_format(values, layout or _date_format(_texts(values)) or ISO_FORMAT)
    return _categories(values), CATEGORY, ""


def _told(values: Series) -> tuple[Any, str, str]:
    """Return the same for a column whose values tell its type."""
    from pandas.api import types

    if types.is_bool_dtype(values.dtype):
        return _booleans(values), BOOLEAN, ""
    if types.is_datetime64_any_dtype(values.dtype):
        return values, DATE, ISO_FORMAT
    if types.is_numeric_dtype(values.dtype):
        return _finite(_floats(values)), NUMBER, ""
    if types.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds(), NUMBER, ""
    return _told_by_values(values)


def _told_by_values(values: Series) -> tuple[Any, str, str]:
    present = values.dropna()
    kinds = {type(value).__name__ for value in present}
    if kinds & {"list", "dict", "ndarray", "tuple", "set", "bytes"}:
        raise ValueError(f"has a {min(kinds)} in each cell, which is no feature.")
    if kinds == {"bool"} or set(map(str.lower, map(str, present.unique()))) <= set(_TRUTH):
        return _booleans(values), BOOLEAN, ""
    if kinds <= {"date", "datetime", "Timestamp"}:
        return values, DATE, ISO_FORMAT
    numbers = _to_numbers(values)
    numeric, gaps = int(numbers.notna().sum()), int(_texts(values).isin(GAPS).sum())
    if numeric and numeric + gaps == len(present):
        return _finite(numbers), NUMBER, ""
    texts = _texts(values).dropna()
    if layout := _date_format(texts):
        return values, DATE, _checked_format(values, layout)
    if texts.map(lambda text: bool(_THOUSANDS.fullmatch(text)) or text.isdigit()).all():
        doubtful = texts[texts.str.contains(",", regex=False)].iloc[0]
        raise ValueError(f"has {doubtful!r}, which may be a thousand or a decimal number: set train.decimal.")
    if numeric > MOSTLY * (len(present) - gaps):
        wrong = texts[_to_numbers(texts).isna() & ~texts.isin(GAPS)]
        share = f"{len(wrong):,} of {len(present):,} cells"
        raise ValueError(f"has numbers, but {share} are none, such as {wrong.iloc[0]!r}.")
    return _categories(values), CATEGORY, ""


def _texts(values: Series) -> Series:
    return values.map(lambda value: str(value).strip(), na_action="ignore").astype(object)


def _to_numbers(values: Series) -> Series:
    """Return the values as numbers, with NaN for what is none; decimal commas count where nothing else is possible."""
    import pandas

    numbers = pandas.to_numeric(values, errors="coerce")
    if pandas.api.types.is_numeric_dtype(values.dtype):
        return _floats(numbers)
    texts = _texts(values)
    if has_decimal_commas(texts.dropna()[lambda found: found.str.contains(",", regex=False)]):
        texts = texts.map(_without_commas, na_action="ignore")
        numbers = pandas.to_numeric(texts, errors="coerce")
    elif (texts.str.count(",") > 1).any():
        # `1,234,567` can only have thousands.
        texts = texts.map(_without_thousands, na_action="ignore")
        numbers = pandas.to_numeric(texts, errors="coerce")
    return _floats(numbers)


def _without_thousands(text: str) -> str:
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _without_commas(text: str) -> str:
    return text.replace(".", "").replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def _floats(values: Series) -> Series:
    """Return numbers of NumPy's own types, whole ones as such if there are no gaps."""
    from pandas.api import types

    if types.is_integer_dtype(values.dtype) and not values.isna().any():
        return values.astype("int64")
    return values.astype("float64")


def _finite(values: Series) -> Series:
    import numpy as np

    if np.isinf(values).any():
        raise ValueError("has infinity in it.")
    return values


def _booleans(values: Series) -> Series:
    """Return true and false; as numbers with NaN if there are gaps."""
    words = values.map(lambda value: _TRUTH.get(str(value).strip().lower()), na_action="ignore")
    if (words.isna() & values.notna()).any():
        raise ValueError("has other values than true and false.")
    return words.astype("float64") if words.isna().any() else words.astype("bool")


def _categories(values: Series) -> Series:
    """Return texts as plain strings, and other categories, such as numbers, as they are; gaps are NaN."""
    from pandas.api import types

    if types.is_numeric_dtype(values.dtype):
        return _floats(values)
    found = _texts(values)
    return found.where(found.notna(), float("nan"))


def _date_format(texts: Series) -> str:
    """Return the format of all texts; empty if they are no dates.

    Raises:
        ValueError: Day and month cannot be told apart.
    """
    texts = texts.dropna()
    if not len(texts):
        return ""
    if texts.map(lambda text: bool(_ISO.fullmatch(text))).all():
        return ISO_FORMAT
    if texts.map(lambda text: bool(_DOTTED.fullmatch(text))).all():
        return "%d.%m.%Y"
    matches = [_SLASHED.fullmatch(text) for text in texts]
    if not all(matches):
        return ""
    firsts, seconds = ({int(match[place]) for match in matches if match} for place in (1, 2))
    if max(firsts) > 12 or max(seconds) > 12:
        return "%d/%m/%Y" if max(firsts) > 12 else "%m/%d/%Y"
    raise ValueError(f"has dates such as {texts.iloc[0]}, of which nothing tells the day from the month.")


def _checked_format(values: Series, layout: str) -> str:
    """Return the format if all values have it."""
    import pandas

    try:
        pandas.to_datetime(values, format=layout, utc=True)
    except (ValueError, TypeError) as error:
        raise ValueError(f"is no date throughout: {str(error).splitlines()[0]}") from error
    return layout
