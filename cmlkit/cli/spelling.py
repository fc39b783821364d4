"""Suggestions for misspelt flags and commands: only what is near by spelling, and no other flag for one of CML's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

SHORT = 3  # letters with which a name may be told by its beginning
LONG = 5  # letters of a name in which two may be wrong


def option_suggestion(unknown: str, context: click.Context | None) -> str:
    """Return a sentence about the flag that is likely meant by one that the context's command does not have."""
    if context is None:
        return ""
    if isinstance(context.command, click.Group) and (near := _near_behind(unknown, context)):
        return f"Did you mean {near!r}, behind the command, as in `{context.command_path} COMMAND {near}`?"
    options = [option for option in context.command.params if isinstance(option, click.Option) and not option.hidden]
    return suggestion(unknown, [name for option in options for name in option.opts])


def _near_behind(unknown: str, context: click.Context) -> str:
    """Return the flag of the group's commands that is likely meant; empty if none is near, or if one of its own is."""
    own = {name for option in context.command.params for name in option.opts}
    options = [option for leaf in _leaves(context.command, context) for option in leaf.params]
    known = {name for option in options for name in option.opts if name.startswith("--")}
    near = _near(unknown, {*own, *known}, most=_most(unknown))
    return near[0] if near and near[0] not in own else ""


def _leaves(command: click.Command, context: click.Context) -> Iterator[click.Command]:
    if not isinstance(command, click.Group):
        yield command
        return
    for name in command.list_commands(context):
        if (found := command.get_command(context, name)) is not None:
            yield from _leaves(found, context)


def _most(flag: str) -> int:
    """Return how many letters of a flag may be wrong."""
    return 1 if len(flag) < LONG + len("--") else 2


def suggestion(unknown: str, known: Iterable[str]) -> str:
    """Return a sentence about the flag that is likely meant; empty if nothing is near."""
    if (path := _setting_of(unknown)) is not None:
        return f"It sets {path}, which is nothing to this command: see `cmlkit config show`."
    if (command := _command_of_cml(unknown)) is not None:
        return f"It is a flag of {command}."
    near = _near(unknown, known, most=_most(unknown))
    return f"Did you mean {near[0]!r}?" if near else ""


def command_suggestion(unknown: str, context: click.Context) -> str:
    """Return a sentence about the command that is likely meant, in the context's group or in any other."""
    from cmlkit.settings.setting import nearest

    group = context.command
    own = group.list_commands(context) if isinstance(group, click.Group) else []
    everywhere = dict(_paths(context.find_root()))
    if same := [path for path, name in everywhere.items() if name == unknown]:
        return _did_you_mean(same)
    if begun := [path for path, name in everywhere.items() if len(unknown) >= SHORT and name.startswith(unknown)]:
        return _did_you_mean(begun)
    sentence = nearest(unknown, own)
    if not sentence.startswith("Known"):
        return sentence
    near = _near(unknown, everywhere.values(), most=1 if len(unknown) < LONG else 2)
    return _did_you_mean([path for path, name in everywhere.items() if name == near[0]]) if near else sentence


def _did_you_mean(paths: Iterable[str]) -> str:
    return f"Did you mean {' or '.join(map(repr, paths))}?"


def _paths(root: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each command's whole line and its last word."""
    group, program = root.command, root.info_name or "cmlkit"
    for name in group.list_commands(root) if isinstance(group, click.Group) else ():
        command = group.get_command(root, name) if isinstance(group, click.Group) else None
        yield f"{program} {name}", name
        if isinstance(command, click.Group):
            yield from ((f"{program} {name} {leaf}", leaf) for leaf in command.list_commands(root))


def _near(unknown: str, known: Iterable[str], *, most: int) -> list[str]:
    """Return the names with at most so many letters wrong, the nearest first."""
    found = sorted((distance, name) for name in set(known) if (distance := _distance(unknown, name)) <= most)
    return [name for _, name in found]


def _setting_of(flag: str) -> str | None:
    """Return the dotted name of the setting that a flag sets in other commands."""
    from cmlkit.settings.schema import SCHEMA

    return next((item.path for settings in SCHEMA.values() for item in settings if item.flag == flag), None)


def _command_of_cml(unknown: str) -> str | None:
    from cmlkit.cli.cml.commands import COMMANDS, EVERY

    if any(unknown in flag.names for flag in EVERY):
        return "commands that CML has, too"
    paths = (each.path for each in COMMANDS for flag in each.flags if unknown in flag.names)
    return next((f"cmlkit {' '.join(path)}" for path in paths), None)


def _distance(one: str, other: str) -> int:
    """Return the number of letters to insert, remove, replace or swap with the next: the optimal string alignment."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
