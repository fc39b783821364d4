"""Records read back from files, each field held against its annotation: people and other programs change files."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_WORDS: Mapping[object, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def typed(record: T, *, free: Collection[str] = ()) -> T:
    """Return a record, a dataclass whose fields have been filled from a file, if they are what it declares.

    Args:
        free: Fields whose values may be of any type.

    Raises:
        ValueError: A field has another type; the message names it, such as `data[0].size is not a whole number`.
    """
    kind: Any = type(record)
    for name, hint in _hints(kind).items():
        if name not in free:
            _check(getattr(record, name), hint, name)
    return record


def _check(value: Any, hint: Any, place: str) -> None:
    if dataclasses.is_dataclass(hint):
        kind: Any = hint
        _require(isinstance(value, kind), place, "a record")
        for name, inner in _hints(kind).items():
            _check(getattr(value, name), inner, f"{place}.{name}")
        return
    origin, inside = get_origin(hint), get_args(hint)
    if origin is tuple:
        _require(isinstance(value, tuple), place, "a list")
        for number, item in enumerate(value):
            _check(item, inside[0], f"{place}[{number}]")
    elif origin is not None and origin not in (Literal, Union, types.UnionType):
        _require(isinstance(value, Mapping), place, "an object")
        for name, item in value.items():
            _require(isinstance(name, str), place, "an object with names")
            _check(item, inside[1], f"{place}.{name}")
    else:
        _check_simple(value, hint, place)


def _check_simple(value: Any, hint: Any, place: str) -> None:
    if get_origin(hint) is Literal:
        _require(isinstance(value, str) and value in get_args(hint), place, f"one of {', '.join(get_args(hint))}")
    elif get_origin(hint) in (Union, types.UnionType):
        _check_choice(value, get_args(hint), place)
    elif hint is not Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number if hint is float else isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
        _require(fits, place, _WORDS.get(hint, "right"))


def _check_choice(value: Any, hints: tuple[Any, ...], place: str) -> None:
    """Hold a value against the first type of several, if it fits none of them: the others are None and the like."""
    for hint in (*hints, hints[0]):
        try:
            if value is None and type(None) in hints:
                return
            if hint is not type(None):
                _check(value, hint, place)
                return
        except ValueError as error:
            problem = error
    raise problem


def _require(fits: bool, place: str, kind: str) -> None:
    if not fits:
        raise ValueError(f"{place} is not {kind}")


@functools.cache
def _hints(record: type[Any]) -> Mapping[str, Any]:
    declared = {field.name for field in dataclasses.fields(record)}
    return {name: hint for name, hint in get_type_hints(record).items() if name in declared}
