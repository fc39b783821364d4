"""The page `docs/reference/action.md`: each command with a job to copy, its permissions, inputs and outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from cmlkit.cli import cli
from cmlkit.report.markdown import code, table
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import Setting
from scripts.render_settings import anchor, default, in_cell

SCRIPTS = Path(__file__).resolve().parent
ACTION = SCRIPTS.parent / "action.yml"
COMMANDS = SCRIPTS / "action_commands.yml"
INTRODUCTION = """\
Each command of cmlkit is a value of the input `command`; words after it are its arguments and flags, split at blanks:
`runner launch --dry-run`. Inputs that are left out are taken from variables and `cmlkit.yaml`: see
[Settings](settings.md), whose names they have. An empty `command` only puts `cmlkit` on `PATH`. A job's `permissions`
are those of its own token; what they do not name is `none`."""
# "train, model show: text. model diff: text", and "workflow rerun: text; due: text".
_STATEMENT = re.compile(r"(?:^|(?<=[.;]) )(?P<names>[a-z][a-z, -]*?): (?P<text>.*?)(?=$|[.;] [a-z][a-z, -]*?: )")


def page() -> str:
    """Return the whole page."""
    declared = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    own = {name: item for name, item in declared["inputs"].items() if not _sections_of(name)}
    parts = [
        f"# Action\n\n{declared['description']}\n\n{INTRODUCTION}",
        "## Inputs of every command\n\n"
        + table(
            ["Input", "Type", "Default", "What it is"],
            [[code(name), _kind(name), "", in_cell(item["description"])] for name, item in own.items()],
        ),
        *(_command(item, outputs()) for item in described()),
    ]
    return "\n\n".join(parts) + "\n"


def described() -> list[Mapping[str, Any]]:
    """Return the commands with their jobs, in the page's order."""
    found: list[Mapping[str, Any]] = yaml.safe_load(COMMANDS.read_text(encoding="utf-8"))
    return found


def outputs() -> dict[str, dict[str, str]]:
    """Map each command to its outputs with what they are; `comment` stands for both of its commands."""
    found: dict[str, dict[str, str]] = {}
    declared = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["outputs"]
    for name, item in declared.items():
        for statement in _STATEMENT.finditer(item["description"]):
            for command in re.split(", | and ", statement["names"]):
                words, _, flag = command.partition(" --")
                text = f"With `--{flag}`: {statement['text']}" if flag else statement["text"]
                found.setdefault(words, {})[name] = text.removesuffix(".")
    return found


def _command(item: Mapping[str, Any], known: Mapping[str, Mapping[str, str]]) -> str:
    words = item["command"].split()
    [job] = yaml.safe_load(item["job"]).values()
    permissions = ", ".join(code(f"{name}: {level}") for name, level in job["permissions"].items())
    results = known.get(item["command"]) or known.get(words[0], {})
    return "\n\n".join(
        [
            f"## {item['command']}\n\n{_summary(words)} [All flags](commands.md#cmlkit-{'-'.join(words)}).",
            f"```yaml\n{item['job']}```",
            " ".join([f"**Permissions**: {permissions}.", *([item["needs"]] if "needs" in item else [])]),
            *_inputs(item),
            _outputs(results),
        ]
    )


def _summary(words: list[str]) -> str:
    return " ".join((_click(words).help or "").split("\n\n")[0].split())


def _click(words: list[str]) -> click.Command:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, words
        command = found
    return command


def _inputs(item: Mapping[str, Any]) -> Iterator[str]:
    if "inputs" in item:
        yield f"**Inputs**: {item['inputs']}"
        return
    sections = item.get("sections", ())
    if not sections:
        yield f"**Inputs**: {_names(item['command'].split())}"
    for section in sections:
        rows = [_row(declaration) for declaration in SCHEMA[section]]
        yield table(["Input", "Type", "Default", "What it does"], rows)


def _row(declaration: Setting) -> list[str]:
    return [code(declaration.key), in_cell(declaration.kind.name), default(declaration), in_cell(declaration.help)]


def _names(words: list[str]) -> str:
    """Return the settings that the command shows flags for, as links; those that it only accepts are hidden."""
    fields = [option.name or "" for option in _click(words).params if not getattr(option, "hidden", False)]
    links = [
        f"[{code(declaration.key)}](settings.md#{anchor(section, declaration.key)})"
        for section, declarations in SCHEMA.items()
        for declaration in declarations
        if f"{section}__{declaration.name}" in fields
    ]
    return f"{', '.join(links)}." if links else "none besides those of every command."


def _outputs(results: Mapping[str, str]) -> str:
    if not results:
        return "**Outputs**: none."
    return table(["Output", "What it is"], [[code(name), in_cell(text)] for name, text in results.items()])


def _sections_of(name: str) -> list[str]:
    return [section for section, declarations in SCHEMA.items() for item in declarations if item.key == name]


def _kind(name: str) -> str:
    return "true or false" if name == "cml" else "text"
