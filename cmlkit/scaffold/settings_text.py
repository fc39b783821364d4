"""The text of a project's first `cmlkit.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import DURATION_KIND, Setting
from cmlkit.sinks.yaml_text import inline

SCHEMA_FILE = "docs/reference/cmlkit.schema.json"
SUGGESTED_GATE = """\
# gate:
#   - accuracy >= 0.90
#   - accuracy >= champion - 0.01    # champion: the value on the base branch
"""


def settings_file(
    sections: Mapping[str, Mapping[str, Any]], *, gate: Mapping[str, Any] | None = None, schema: str = ""
) -> str:
    """Return the text of a `cmlkit.yaml` with these settings of runner, train and gate.

    Args:
        schema: Address of the schema for editors; none is named if it is empty.
    """
    # https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
    line = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    parts = [f"{line}# How cmlkit retrains this project. `cmlkit config show` prints every setting.\n"]
    for section in ("runner", "train"):
        values = sections.get(section, {})
        lines = [
            f"  {item.key}: {_written(item, values[item.key])}\n" for item in SCHEMA[section] if item.key in values
        ]
        if lines:
            parts.append(f"{section}:\n{''.join(lines)}")
    return "\n".join([*parts, _gate(gate) if gate else SUGGESTED_GATE])


def schema_address(action: str) -> str:
    """Return where the schema lies of the version of the action that a workflow uses; empty for another form of it."""
    found = re.fullmatch(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<ref>[\w./-]+)", action, re.ASCII)
    if not found:
        return ""
    return f"https://raw.githubusercontent.com/{found['repository']}/{found['ref']}/{SCHEMA_FILE}"


def _gate(values: Mapping[str, Any]) -> str:
    """Return the gate as a list of rules if there is nothing else, else as a mapping."""
    if set(values) == {"gate"}:
        return "gate:\n" + "".join(f"  - {inline(rule)}\n" for rule in values["gate"])
    lines = [
        f"  {'rules' if item.name == 'rules' else item.key}: {_written(item, values[item.key])}\n"
        for item in SCHEMA["gate"]
        if item.key in values
    ]
    return f"gate:\n{''.join(lines)}"


def without_section(settings: str, section: str) -> str:
    """Return the text of a `cmlkit.yaml` without a section that is written as a block."""
    return re.sub(rf"(?m)^{section}:\n(?:[ #].*\n)*\n*", "", settings)


def _written(declaration: Setting, value: Any) -> str:
    """Format a value as it is written after its key, on one line."""
    if declaration.kind is DURATION_KIND and isinstance(value, float):
        return f"{value:g}s"
    return inline(list(value) if isinstance(value, tuple) else value)
