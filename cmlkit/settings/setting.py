"""A setting: one declaration; its default, type, flag, variable, key, help and action input derive from it."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.settings import stores

DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of value that settings take.

    Attributes:
        name: Its name in the reference: text, list, duration …
        parse: Text of a flag or a variable -> value; raises ValueError with a description of valid values.
        accept: A value of `cmlkit.yaml` -> value; raises the same.
        repeated: Whether the flag may be given several times.
    """

    name: str
    parse: Callable[[str], Any]
    accept: Callable[[Any], Any]
    repeated: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting, with all of its names.

    Attributes:
        section: `runner`, `train`, `publish` or `gate`.
        name: The field of the section's dataclass, such as `instance_type`.
        kind: The kind of value that it takes.
        default: The value if nobody sets it.
        help: One sentence for `--help`, the reference and the action's input.
    """

    section: str
    name: str
    kind: Kind
    default: Any
    help: str

    @property
    def key(self) -> str:
        """The key in `cmlkit.yaml`, the action input, and the flag without its dashes."""
        return self.section if self.name == "rules" else self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        return f"--{self.key}"

    @property
    def variable(self) -> str:
        suffix = "" if self.name == "rules" else f"_{self.name.upper()}"
        return f"CMLKIT_{self.section.upper()}{suffix}"

    @property
    def path(self) -> str:
        """The dotted name that `cmlkit config show` prints, such as `runner.instance-type`."""
        return self.section if self.name == "rules" else f"{self.section}.{self.key}"


def setting(default: Any, kind: Kind, help: str) -> Any:  # noqa: A002 - the name of the field
    """Declare a setting as a field of a section's dataclass."""
    metadata = {"kind": kind, "help": help}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def declared(section: str, spec: type[Any]) -> tuple[Setting, ...]:
    """Return the settings that a section's dataclass declares, in order."""
    return tuple(
        Setting(
            section=section,
            name=field.name,
            kind=field.metadata["kind"],
            default=getattr(spec(), field.name),
            help=field.metadata["help"],
        )
        for field in dataclasses.fields(spec)
    )


def seconds(text: str) -> float:
    """Return `2h`, `1h30m`, `10m` or `90s` in seconds; raise ValueError if the unit is missing."""
    match = DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError("a duration with a unit, such as 90s, 10m or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def split(text: str) -> tuple[str, ...]:
    """Split the list in a variable, an action input or a flag: one item per line, or separated by commas."""
    return tuple(item.strip() for item in re.split(r"[,\n]", text) if item.strip())


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("text")
    return str(value).strip()


def _items(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_scalar(item) for item in value) if isinstance(value, list) else split(_scalar(value))


def _number(convert: Callable[[Any], float], what: str) -> Callable[[Any], float]:
    def accept(value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError(what)
        try:
            number = convert(value if isinstance(value, str) else str(value))
        except ValueError:
            raise ValueError(what) from None
        if number < 0 or number != number or number == float("inf"):
            raise ValueError(what)
        return number

    return accept


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise ValueError("true or false") from None


def _mapping(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("a mapping of names to values")
    return {str(name): item for name, item in value.items()}


def _parse_mapping(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        return _mapping(_yaml(text))
    pairs = [item.partition("=") for item in split(text)]
    if not all(equals and name.strip() for name, equals, _ in pairs):
        raise ValueError("name=value, one per line or separated by commas")
    return {name.strip(): _yaml(value) for name, _, value in pairs}


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"valid YAML: {error}") from None


def _text(value: Any) -> str:
    return "" if value is None else _scalar(value)


def _duration(value: Any) -> float:
    return seconds(_text(value))


_integer = _number(int, "a whole number")
_decimal = _number(float, "a number")

TEXT = Kind(name="text", parse=str.strip, accept=_text)
LIST = Kind(name="list", parse=split, accept=_items, repeated=True)
INTEGER = Kind(name="whole number", parse=_integer, accept=_integer)
NUMBER = Kind(name="number", parse=_decimal, accept=_decimal)
FLAG = Kind(name="true or false", parse=_truth, accept=_truth)
DURATION_KIND = Kind(name="duration", parse=seconds, accept=_duration)
MAPPING = Kind(name="mapping", parse=_parse_mapping, accept=_mapping, repeated=True)


def _store(value: Any) -> str:
    return stores.checked(_text(value))


STORE = Kind(name=stores.forms(), parse=_store, accept=_store)


def choice(*values: str) -> Kind:
    """Return a kind that takes one of `values`; an empty value is not shown among the choices."""

    def accept(value: Any) -> str:
        text = _text(value)
        if text not in values:
            raise ValueError("one of " + ", ".join(filter(None, values)))
        return text

    return Kind(name=" | ".join(filter(None, values)), parse=accept, accept=accept)


def converted(convert: Callable[[Any], Any], value: Any, *, where: str, path: str) -> Any:
    """Return `convert(value)`, with a ValueError turned into an error that a person can act on.

    Raises:
        SettingsError: The value is invalid; the message has its source and describes valid values.
    """
    try:
        return convert(value)
    except ValueError as error:
        raise SettingsError(f"{where}: {path} is {value!r}; it takes {error}.") from None


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `Did you mean …?`, or the known names if none is similar."""
    matches = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.6)
    return f"Did you mean {matches[0]!r}?" if matches else f"Known: {', '.join(known)}."
