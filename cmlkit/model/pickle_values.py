"""Stand-ins for the values that a pickle makes: as much of them as is needed to judge what is done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ENTRIES_LIMIT = 1000


@dataclass(slots=True, eq=False)
class Filled:
    """A list or a set, whose items are counted, but not kept."""

    kind: type
    count: int = 0


@dataclass(frozen=True, slots=True)
class Long:
    """A number, text or bytes whose value is not kept: it is too long to matter."""

    kind: type


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function, by the path under which loading would import it.

    Attributes:
        is_known: Whether it is among the names that models import.
    """

    path: str
    is_known: bool


@dataclass(slots=True, eq=False)
class Made:
    """An object that a class or function has made.

    Attributes:
        path: That of its class; of the function for what others return; empty if unknown.
        is_suspect: Whether the report already says that something unknown has made it: nothing more is told of it.
        is_built: Whether it got its state, which happens once.
        item: Kind and size of an item, if it is one of NumPy's types and has its state.
    """

    path: str = ""
    arguments: tuple[Any, ...] = ()
    state: Any = None
    is_suspect: bool = False
    is_built: bool = False
    item: tuple[str, int] | None = None


class Table:
    """A dictionary: the first entries whose keys are text.

    Attributes:
        is_whole: Whether these are all.
        is_sealed: Whether something relies on the entries, so that they must not change any more.
    """

    __slots__ = ("entries", "is_sealed", "is_whole")

    def __init__(self) -> None:
        self.entries: dict[str, Any] = {}
        self.is_whole = True
        self.is_sealed = False

    def put(self, key: Any, value: Any) -> bool:
        """Set an entry; return whether it is kept."""
        if type(key) is str and (key in self.entries or len(self.entries) < ENTRIES_LIMIT):
            self.entries[key] = value
            return True
        self.is_whole = False
        return False


def is_suspect(value: Any) -> bool:
    """Return whether the value comes from something that the report already names."""
    return value.is_suspect if isinstance(value, Made) else isinstance(value, Name) and not value.is_known


def is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Long) and value.kind is str)


def is_bytes(value: Any) -> bool:
    """Return whether the value is bytes, or the call that makes bytes of a text in protocols that have none."""
    if isinstance(value, Made):
        return value.path in ("_codecs.encode", "builtins.bytes", "builtins.bytearray")
    return isinstance(value, bytes) or (isinstance(value, Long) and value.kind is bytes)
