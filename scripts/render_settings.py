"""The page `docs/reference/settings.md`, from the settings schema; `render_reference` writes it too."""

from __future__ import annotations

from typing import Any

from cmlkit.report.markdown import code, table
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import DURATION_KIND, Setting
from cmlkit.settings.written import duration_text

INTRODUCTION = """# Settings

A setting has one name and four sources, in this order of precedence: flag, variable, `cmlkit.yaml`, default. The tables
list its key in `cmlkit.yaml`. Ways to set `instance-type` of the section `runner`:

| Set by | Example |
| :-- | :-- |
| flag | `--instance-type t3.large` |
| variable | `CMLKIT_RUNNER_INSTANCE_TYPE=t3.large` |
| `cmlkit.yaml` | `runner: {instance-type: t3.large}` |
| input of the action | `instance-type: t3.large` |

An empty variable counts as unset. Lists take several values, one per line or separated by commas; a flag may be
repeated. Durations have a unit: `90s`, `10m`, `1h30m`, `7d`. An unknown key is an error that names the nearest known
one, with file and line, and so is a name that a mapping has twice; an unknown variable `CMLKIT_…` is a warning.
`cmlkit config show` prints every value and where it came from. Values that no launch or publish would accept are
errors at every command, before anything is paid for.

The action has one input for each name; `labels`, which `runner` and `publish` both have, applies to the command
that runs.
"""


def page() -> str:
    """Return the whole page."""
    sections = [f"## {name}\n\n{_table(name, declarations)}\n" for name, declarations in SCHEMA.items()]
    return "\n".join([INTRODUCTION, *sections])


def anchor(section: str, key: str) -> str:
    """Return the name by which a link leads to a setting, such as `runner-instance-type`."""
    return f"{section}-{key}"


def _table(section: str, declarations: tuple[Setting, ...]) -> str:
    rows = [
        [
            _linked(anchor(section, declaration.key), declaration.key),
            in_cell(declaration.kind.name),
            default(declaration),
            declaration.help,
        ]
        for declaration in declarations
    ]
    return table(["Key", "Takes", "Default", "What it does"], rows)


def _linked(name: str, key: str) -> str:
    """Return the key as a link to itself, whose address can be copied."""
    return f'<a id="{name}"></a>[{code(key)}](#{name})'


def in_cell(text: str) -> str:
    """Return text for a table cell, with bars and angle brackets escaped."""
    return " ".join(text.split()).replace("|", "&#124;").replace("<", "&lt;")


def default(declaration: Setting) -> str:
    """Return the default as one writes it; empty if there is none."""
    value: Any = declaration.default
    if value in ("", (), {}):
        return ""
    if declaration.kind is DURATION_KIND and value:
        return code(duration_text(value))
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(", ".join(value) if isinstance(value, tuple) else f"{value:g}" if value == 0 else str(value))
