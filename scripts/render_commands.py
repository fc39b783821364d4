"""The page `docs/reference/commands.md`, from the tree of click commands; `render_reference` writes it too.

A command's own flags are in its section. Those that set a setting are the same in each command: the section links them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from cmlkit.cli import BLOCKS, BUILDING_BLOCKS, COMMANDS, cli
from cmlkit.cli.groups import GENERAL, SettingOption
from cmlkit.report.markdown import code, table
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import Setting
from scripts.render_settings import anchor, in_cell

INTRODUCTION = """# Commands

Every command shows the same with `--help`. Three flags are common to all: `--config` names the settings file, instead
of the variable `CMLKIT_CONFIG` or `cmlkit.yaml`; `--json` prints one JSON object on standard output; `--debug` shows a
traceback on failure. Flags for settings, such as `--instance-type`, are those of [Settings](settings.md)."""


def page() -> str:
    """Return the whole page."""
    others = [name for name in COMMANDS if name not in BUILDING_BLOCKS]
    blocks = (
        f"## {BLOCKS}\n\nWhat `cmlkit publish` and the templates do, one step at a time, for workflows of your own."
    )
    return "\n\n".join([INTRODUCTION, *_sections(others), blocks, *_sections(BUILDING_BLOCKS)]) + "\n"


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is shown, with its whole line."""
    for name in COMMANDS:
        yield from _leaves(name)


def _sections(names: tuple[str, ...] | list[str]) -> Iterator[str]:
    for name in names:
        for path, command in _leaves(name):
            yield _section(path, command)


def _leaves(name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, info_name="cmlkit")
    command = cli.get_command(context, name)
    found = {name: command}
    if isinstance(command, click.Group):
        found = {f"{name} {leaf}": command.get_command(context, leaf) for leaf in command.list_commands(context)}
    for path, leaf in found.items():
        if leaf is not None and not leaf.hidden:
            yield f"cmlkit {path}", leaf


def _section(path: str, command: click.Command) -> str:
    usage = " ".join([path, *command.collect_usage_pieces(click.Context(command))])
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    own = [
        option for option in options if not isinstance(option, SettingOption) and not set(GENERAL) & set(option.opts)
    ]
    parts = [f"## {path}", *_help(command.help or ""), f"```text\n{usage}\n```"]
    parts += [table(["Flag", "What it does"], [_row(option) for option in own])] if own else []
    settings = [option.setting for option in options if isinstance(option, SettingOption)]
    return "\n\n".join([*parts, *_settings(settings)])


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs; those that click must not rewrap are examples."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield f"```console\n{paragraph[2:]}\n```" if paragraph.startswith("\b\n") else paragraph


def _row(option: click.Option) -> list[str]:
    names = ", ".join(code(name) for name in [*option.opts, *option.secondary_opts])
    return [names, in_cell(option.help or "")]


def _settings(used: list[Setting]) -> Iterator[str]:
    """Yield a sentence with links to the settings that the command uses: whole sections, or some of one."""
    sections = {item.section: [each for each in used if each.section == item.section] for item in used}
    links = [
        f"[{section}](settings.md#{section})"
        if len(items) == len(SCHEMA[section])
        else ", ".join(f"[{code(item.flag)}](settings.md#{anchor(section, item.key)})" for item in items)
        for section, items in sections.items()
    ]
    if links:
        yield f"Flags for settings: {', '.join(links)}."
