"""`cmlkit.yaml`: the values in it, and the line of each.

A module of its own, since no YAML parser is needed if there is no such file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cmlkit.bounds.yaml_text import NEXT_STEP, value_of, yaml_node, yaml_problem
from cmlkit.errors import SettingsError
from cmlkit.settings.setting import nearest, repeated

BARE, BARE_KEY = "gate", "rules"
"""The section that may be its list of rules instead of a mapping of names to values."""


@dataclass(frozen=True, kw_only=True)
class RawValue:
    """A value as it is in the file, and its `FILE:LINE`."""

    value: Any
    source: str


def parse_settings(text: str, *, path: Path, known: Mapping[str, Sequence[str]]) -> dict[str, RawValue]:
    """Map each dotted name in the file to its value.

    Args:
        text: The file's text.
        path: The file's name in messages.
        known: Section -> keys that it may have.

    Raises:
        SettingsError: The text is not YAML, or a key is unknown or occurs twice.
    """
    try:
        document = yaml_node(text)
    except yaml.YAMLError as error:
        raise SettingsError(yaml_problem(path, error), next_step=NEXT_STEP) from error
    if document is None:
        return {}
    found: dict[str, RawValue] = {}
    for section, node, where in _entries(document, path, names=list(known), inside="the top level"):
        found |= _read_section(section, node, path, where, known[section])
    return found


def _read_section(section: str, node: yaml.Node, path: Path, where: str, names: Sequence[str]) -> dict[str, RawValue]:
    if isinstance(node, yaml.ScalarNode) and _plain(node, where) is None:
        return {}
    if section == BARE and not isinstance(node, yaml.MappingNode):
        return {section: RawValue(value=_plain(node, where), source=where)}
    return {
        (section if (section, key) == (BARE, BARE_KEY) else f"{section}.{key}"): RawValue(
            value=_plain(value, place), source=place
        )
        for key, value, place in _entries(node, path, names=names, inside=section)
    }


def _entries(node: yaml.Node, path: Path, *, names: Sequence[str], inside: str) -> list[tuple[str, yaml.Node, str]]:
    """Return key, value and `FILE:LINE` of each entry; keys must be among `names` and occur once."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{path}:{line}: {inside} must be a mapping of names to values.")
    entries: dict[str, tuple[str, yaml.Node, str]] = {}
    for key_node, value in node.value:
        key, where = str(key_node.value), f"{path}:{key_node.start_mark.line + 1}"
        if key not in names:
            raise SettingsError(f"{where}: {inside} has no setting {key!r}.", next_step=nearest(key, names))
        if key in entries:
            raise SettingsError(f"{where}: {key!r} occurs twice in {inside}; the first is at {entries[key][2]}.")
        entries[key] = (key, value, where)
    return list(entries.values())


def _plain(node: yaml.Node, where: str) -> Any:
    if twice := repeated(node):
        file = where.rpartition(":")[0]
        first, second = (f"{file}:{key.start_mark.line + 1}" for key in twice)
        raise SettingsError(
            f"{second}: {twice[1].value!r} occurs twice; the first is at {first}.", next_step="Remove one of them."
        )
    try:
        return value_of(node)
    except yaml.YAMLError as error:
        # A tag such as !shell; or an impossible date, such as 2026-02-30.
        why = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
        raise SettingsError(f"{where}: the value cannot be read: {why}.", next_step="Put it in quotes.") from error
