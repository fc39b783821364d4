"""A setting: one declaration; its default, type, flag, variable, key, help and action input derive from it."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cmlkit.errors import SettingsError
from cmlkit.settings import pipeline, search, stores

if TYPE_CHECKING:
    import yaml

NEXT_STEP = "Correct it there; docs/reference/settings.md describes each setting."
KEPT_FOLDERS = (".git", ".cmlkit", "~")
DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of value that settings take.

    Attributes:
        name: Its name in the reference: text, list, duration …
        parse: Text of a flag or a variable -> value; raises ValueError with a description of valid values.
        accept: A value of `cmlkit.yaml` -> value; raises the same.
        take: A value that a Python program passes, or one that another door returned -> value; raises the same;
            `accept` if None.
        repeated: Whether the flag may be given several times.
        choices: The only values that it takes; all if empty.
    """

    name: str
    parse: Callable[[str], Any]
    accept: Callable[[Any], Any]
    take: Callable[[Any], Any] | None = None
    repeated: bool = False
    choices: tuple[str, ...] = ()


def _takes_all(value: Any) -> None:
    """Take any value of a setting's kind."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting, with all of its names.

    Attributes:
        section: `runner`, `train`, `publish` or `gate`.
        name: The field of the section's dataclass, such as `instance_type`.
        kind: The kind of value that it takes.
        default: The value if nobody sets it.
        help: One sentence for `--help`, the reference and the action's input.
        check: Raises ValueError, with a description of valid values, for a value of the kind that does not do.
        common: Whether many projects set it, so that `--help` has it among the first.
    """

    section: str
    name: str
    kind: Kind
    default: Any
    help: str
    check: Callable[[Any], None] = _takes_all
    common: bool = False

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

    def parse(self, text: str) -> Any:
        """Return the value of a flag's or a variable's text; raise ValueError with a description of valid values."""
        return self._checked(self.kind.parse(text))

    def accept(self, value: Any) -> Any:
        """Return the value that `cmlkit.yaml` has; raise ValueError with a description of valid values."""
        return self._checked(self.kind.accept(value))

    def take(self, value: Any) -> Any:
        """Return the value that a Python program passes; raise ValueError with a description of valid values."""
        return self._checked((self.kind.take or self.kind.accept)(value))

    def _checked(self, value: Any) -> Any:
        self.check(value)
        return value


def setting(
    default: Any,
    kind: Kind,
    help: str,  # noqa: A002 - the name of the field
    *,
    check: Callable[[Any], None] = _takes_all,
    common: bool = False,
) -> Any:
    """Declare a setting as a field of a section's dataclass; `check` and `common` as in `Setting`."""
    metadata = {"kind": kind, "help": help, "check": check, "common": common}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def declared(section: str, spec: type[Any]) -> tuple[Setting, ...]:
    """Return the settings that a section's dataclass declares, in order."""
    return tuple(_declaration(section, field) for field in dataclasses.fields(spec))


def _declaration(section: str, field: dataclasses.Field[Any]) -> Setting:
    return Setting(
        section=section,
        name=field.name,
        kind=field.metadata["kind"],
        default=field.default_factory() if callable(field.default_factory) else field.default,
        help=field.metadata["help"],
        check=field.metadata["check"],
        common=field.metadata["common"],
    )


def settle(spec: Any, section: str) -> None:
    """Check the values of a section's dataclass as it is made, and give each the type of its field.

    Raises:
        SettingsError: A value is invalid for its setting, as in `cmlkit.yaml`.
    """
    for field in dataclasses.fields(spec):
        declaration, value = _declaration(section, field), getattr(spec, field.name)
        if value == declaration.default and type(value) is type(declaration.default):
            continue
        checked = converted(declaration.take, value, where=type(spec).__name__, path=declaration.path)
        object.__setattr__(spec, field.name, checked)


def seconds(text: str) -> float:
    """Return `7d`, `2h`, `1h30m`, `10m` or `90s` in seconds; raise ValueError if the unit is missing."""
    match = DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError("a duration with a unit, such as 90s, 10m or 1h30m")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + rest


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
    return merged([{name.strip(): _yaml(value)} for name, _, value in pairs])


def merged(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one mapping; raise ValueError if a name occurs in two of them, as nobody knows which value is meant."""
    found: dict[str, Any] = {}
    for mapping in mappings:
        if twice := found.keys() & mapping.keys():
            raise ValueError(f"each name once, and {min(twice)!r} occurs twice")
        found |= mapping
    return found


def _yaml(text: str) -> Any:
    import yaml

    from cmlkit.bounds.yaml_text import value_of, yaml_node

    try:
        node = yaml_node(text)
        twice = repeated(node)
        value = None if node is None else value_of(node)
    except yaml.YAMLError as error:
        raise ValueError(f"valid YAML: {error}") from None
    if twice:
        raise ValueError(f"each name once, and {twice[1].value!r} occurs twice")
    return value


def repeated(root: yaml.Node | None) -> tuple[yaml.Node, yaml.Node] | None:
    """Return a name that a mapping in YAML has twice, at both its places; PyYAML keeps the last, and says nothing."""
    from yaml import MappingNode, SequenceNode

    left, seen = [root], set[int]()
    while left:
        node = left.pop(0)
        if id(node) in seen:  # an alias, which may even lead to itself
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            left += node.value
        if isinstance(node, MappingNode):
            names: dict[str, yaml.Node] = {}
            for key, item in node.value:
                if str(key.value) in names and key.tag != "tag:yaml.org,2002:merge":
                    return names[str(key.value)], key
                names[str(key.value)] = key
                left.append(item)
    return None


def _text(value: Any) -> str:
    return "" if value is None else _scalar(value)


def _duration(value: Any) -> float:
    return seconds(_text(value))


_integer = _number(int, "a whole number")
_decimal = _number(float, "a number")


def _take_text(value: Any) -> str:
    return value if isinstance(value, str) else _text(os.fspath(value) if isinstance(value, os.PathLike) else value)


def _take_items(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(_take_text, value))
    return split(_take_text(value))


def _take_duration(value: Any) -> float:
    if isinstance(value, str):
        return seconds(value)
    try:
        return _decimal(value)
    except ValueError:
        raise ValueError("seconds, or a duration with a unit, such as 90s, 10m or 1h30m") from None


def _take_mapping(value: Any) -> dict[str, Any]:
    return _mapping(dict(value) if isinstance(value, Mapping) else value)


TEXT = Kind(name="text", parse=str.strip, accept=_text, take=_take_text)
LIST = Kind(name="list", parse=split, accept=_items, take=_take_items, repeated=True)
INTEGER = Kind(name="whole number", parse=_integer, accept=_integer)
NUMBER = Kind(name="number", parse=_decimal, accept=_decimal)
FLAG = Kind(name="true or false", parse=_truth, accept=_truth)
DURATION_KIND = Kind(name="duration", parse=seconds, accept=_duration, take=_take_duration)
MAPPING = Kind(name="mapping", parse=_parse_mapping, accept=_mapping, take=_take_mapping, repeated=True)


def _directions(pairs: Mapping[str, Any]) -> dict[str, str]:
    if not all(word in ("higher", "lower") for word in pairs.values()):
        raise ValueError("higher or lower for each metric, such as churn_cost=lower")
    return dict(pairs)


DIRECTIONS = Kind(
    name="mapping",
    parse=lambda text: _directions(_parse_mapping(text)),
    accept=lambda value: _directions(_mapping(value)),
    repeated=True,
)


def _search(value: Any) -> dict[str, Any]:
    return dict(search.checked(_take_mapping(value)))


def _parse_search(text: str) -> dict[str, Any]:
    return dict(search.checked(_mapping(_yaml(text))))


ESTIMATOR = Kind(name="text, or steps", parse=pipeline.canonical, accept=pipeline.canonical)
SEARCH = Kind(name="mapping", parse=_parse_search, accept=_search)


def _store(value: Any) -> str:
    return stores.checked(_text(value))


def _proxy(value: Any) -> str:
    text = _text(value)
    if text and not re.fullmatch(r"https?://[^\s/?#]+/?", text):
        raise ValueError("a URL such as http://proxy.internal:3128")
    return text


PROXY = Kind(name="URL", parse=_proxy, accept=_proxy)

STORE = Kind(name=stores.forms(), parse=_store, accept=_store)


@dataclass(frozen=True)
class Between:
    """A check that takes numbers from `least` to `most`."""

    least: float
    most: float

    def __call__(self, value: Any) -> None:
        if not self.least <= value <= self.most:
            raise ValueError(f"a number from {self.least} to {self.most}")


def a_while(value: float) -> None:
    """Take durations (in seconds) that last."""
    if not value > 0:
        raise ValueError("a duration longer than 0s, such as 90s, 10m or 1h30m")


def a_share(value: float) -> None:
    """Take shares of a whole."""
    if not 0 < value < 1:
        raise ValueError("a number between 0 and 1")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def inside(value: str) -> None:
    """Take a path inside the working directory, as only such files can be published; and none in git's own folder."""
    path = PurePosixPath(value)
    if _CONTROL.search(value):
        raise ValueError(f"paths without line breaks and other control characters, and {value!r} has one")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"paths inside the project, without '..', and {value!r} leads out of it")
    if not path.parts:
        raise ValueError(f"paths of single files or folders, and {value!r} is the project itself")
    if path.parts[0] == "~" or (value.startswith("~") and len(path.parts) > 1):
        raise ValueError(f"paths inside the project, and the ~ of {value!r} is not made into a home folder")
    if any(part.lower() == ".git" for part in path.parts):
        raise ValueError(f"paths outside of .git, from which git commits nothing, and {value!r} leads into it")


def all_inside(values: Iterable[str]) -> None:
    """Take paths inside the working directory."""
    for value in values:
        inside(value)


def all_cacheable(values: Iterable[str]) -> None:
    """Take paths inside the working directory or the home folder, but neither of the two as a whole."""
    for value in values:
        is_home = value.startswith("~/")
        inside(value[2:] if is_home else value)
        if "*" in value:
            raise ValueError(f"paths of single files or folders, and {value!r} is a pattern")
        if not is_home and PurePosixPath(value).parts[0] in KEPT_FOLDERS:
            raise ValueError(f"paths outside of {PurePosixPath(value).parts[0]}, which is cmlkit's own, not {value!r}")


def _bucket(value: Any) -> str:
    return stores.checked_bucket(_text(value))


BUCKET = Kind(name=stores.BUCKET.form, parse=_bucket, accept=_bucket)


def _folder(value: Any) -> str:
    text = _take_text(value)
    path = PurePosixPath(text)
    # Such a folder is saved whole: never the project itself, or what git and cmlkit keep in it.
    if text and (path.is_absolute() or not path.parts or path.parts[0] in KEPT_FOLDERS or ".." in path.parts):
        raise ValueError("a folder in the project, such as checkpoints/")
    return str(path) if text else ""


FOLDER = Kind(name="folder", parse=_folder, accept=_folder)


def choice(*values: str) -> Kind:
    """Return a kind that takes one of `values`; an empty value is not shown among the choices."""

    def accept(value: Any) -> str:
        text = _text(value)
        if text not in values:
            raise ValueError("one of " + ", ".join(filter(None, values)))
        return text

    return Kind(name=" | ".join(filter(None, values)), parse=accept, accept=accept, choices=values)


def converted(convert: Callable[[Any], Any], value: Any, *, where: str, path: str) -> Any:
    """Return `convert(value)`, with a ValueError turned into an error that a person can act on.

    Raises:
        SettingsError: The value is invalid; the message has its source and describes valid values.
    """
    try:
        return convert(value)
    except ValueError as error:
        raise SettingsError(f"{where}: {path} is {value!r}; it takes {error}.", next_step=NEXT_STEP) from None


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `Did you mean …?`, or the known names if none is similar."""
    matches = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.6)
    return f"Did you mean {matches[0]!r}?" if matches else f"Known: {', '.join(known)}."
