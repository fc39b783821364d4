"""Fields of documents that others wrote: each of the type that is expected, or an error that names it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from cmlkit.errors import CmlkitError

T = TypeVar("T")

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Fields:
    """An object or a list of a document, such as an answer of a service or a record in a file.

    A field that is null counts as missing. The methods return a field's value, or their second argument if it is
    missing; without one, a missing field is an error, as is one of another type.

    Args:
        value: The document, or a part of it, as `json` or boto3 return it.
        unfit: Returns the error for a sentence such as `user.login is a list, not text`.
        place: Where the value is in the document; empty for the whole.
    """

    def __init__(self, value: Any, *, unfit: Callable[[str], CmlkitError], place: str = "") -> None:
        self._value = value
        self._unfit = unfit
        self._place = place

    def text(self, name: str, otherwise: str | None = None) -> str:
        return self._field(name, _text, "text", otherwise)

    def filled(self, name: str) -> str:
        """Return a name or an id, which is never empty."""
        if not (found := self.text(name)):
            raise self.problem(name, "is empty")
        return found

    def whole(self, name: str, otherwise: int | None = None) -> int:
        """Return a whole number; GraphQL writes large ones as text."""
        return self._field(name, _whole, "a whole number", otherwise)

    def number(self, name: str, otherwise: float | None = None) -> float:
        """Return a finite number; AWS writes prices as text."""
        return self._field(name, _number, "a finite number", otherwise)

    def flag(self, name: str, otherwise: bool | None = None) -> bool:
        return self._field(name, _flag, "true or false", otherwise)

    def moment(self, name: str, otherwise: float | None = None) -> float:
        """Return a time in seconds since the epoch, from ISO 8601 or from a `datetime`."""
        return self._field(name, _moment, "a time", otherwise)

    def inside(self, name: str) -> Fields:
        """Return the object in a field."""
        return self._at(name, self._field(name, _object, "an object", None))

    def within(self, *names: str) -> Fields:
        """Return an object inside of others; an empty one if it, or one of those around it, is missing."""
        found = self
        for name in names:
            found = found.inside(name) if found.has(name) else found._at(name, {})
        return found

    def listed(self, name: str) -> list[Fields]:
        """Return the objects in a field's list."""
        return self._at(name, self._get(name)).items()

    def any_listed(self, name: str) -> list[Fields]:
        """Return the objects in a field's list; none if it is missing."""
        return self.listed(name) if self.has(name) else []

    def objects_among(self, name: str) -> list[Fields]:
        """Return the objects in a field's list whose other items are text."""
        found = self._at(name, self._get(name))
        others = [(place, item) for place, item in found._items() if not isinstance(item, str)]
        return [found._at(place, found._typed(place, item, _object, "an object or text")) for place, item in others]

    def texts(self, name: str) -> list[str]:
        """Return a field's list of text; an empty one if it is missing."""
        if not self.has(name):
            return []
        found = self._at(name, self._get(name))
        return [found._typed(place, item, _text, "text") for place, item in found._items()]

    def items(self) -> list[Fields]:
        """Return the objects of the list that this is."""
        return [self._at(place, self._typed(place, item, _object, "an object")) for place, item in self._items()]

    def names(self) -> list[str]:
        """Return the names of the fields that are there."""
        return [str(name) for name, value in self._object().items() if value is not None]

    def has(self, name: str) -> bool:
        return self._get(name) is not None

    def nested(self, name: str, value: Any) -> Fields:
        """Return a document that was written into a field as text."""
        return self._at(name, value)

    def has_object(self, name: str) -> bool:
        return isinstance(self._get(name), Mapping)

    def problem(self, name: str, what: str) -> CmlkitError:
        """Return the error for a field whose value is wrong in another way: `what` follows its name."""
        return self._unfit(f"{self._path(name)} {what}")

    def _field(self, name: str, convert: Callable[[Any], T], kind: str, otherwise: T | None) -> T:
        value = self._get(name)
        if value is None and otherwise is not None:
            return otherwise
        return self._typed(name, value, convert, kind)

    def _typed(self, place: str, value: Any, convert: Callable[[Any], T], kind: str) -> T:
        if value is None:
            raise self._unfit(f"{self._path(place)} is missing")
        try:
            return convert(value)
        except (ValueError, TypeError, OverflowError, AttributeError):
            raise self._unfit(f"{self._path(place)} is {_kind(value)}, not {kind}") from None

    def _get(self, name: str) -> Any:
        return self._object().get(name)

    def _object(self) -> Mapping[str, Any]:
        if not isinstance(self._value, Mapping):
            raise self._unfit(f"{self._place or 'it'} is {_kind(self._value)}, not an object")
        return self._value

    def _items(self) -> list[tuple[str, Any]]:
        if not isinstance(self._value, list | tuple):
            raise self._unfit(f"{self._place or 'it'} is {_kind(self._value)}, not a list")
        return [(f"[{number}]", item) for number, item in enumerate(self._value)]

    def _at(self, name: str, value: Any) -> Fields:
        return Fields(value, unfit=self._unfit, place=self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._place}{name}" if not self._place or name.startswith("[") else f"{self._place}.{name}"


def _kind(value: Any) -> str:
    """Return the type of a value, in words; not the value, which may be a secret."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return "text" if isinstance(value, str) else "a number"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    # JSON may have halves of characters, which no file and no terminal takes.
    return _LONE_SURROGATE.sub("�", value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | float) or value != value:
        raise TypeError(value)
    whole = int(value)
    if isinstance(value, float) and whole != value:
        raise ValueError(value)
    return whole


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise TypeError(value)
    if not math.isfinite(found := float(value)):
        raise ValueError(value)
    return found


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _moment(value: Any) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.replace("Z", "+00:00"))
    return moment.timestamp()


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return value
