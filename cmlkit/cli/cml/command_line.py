"""Reading a command line as CML's parser does: which command it is, and its flags, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cmlkit.cli import ALIASES
from cmlkit.cli.cml.commands import COMMANDS, EVERY
from cmlkit.cli.cml.flags import OFF, Command, Flag, Given
from cmlkit.errors import SettingsError
from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import FLAG

_BY_PATH = {command.path: command for command in COMMANDS}
_TENSORBOARD = ("tensorboard", "connect")
# CML's commands of one word, but for those that may be the first of two.
_OLD = {**ALIASES, "tensorboard-dev": _TENSORBOARD}
_HELP = ("--help", "-h")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBER = re.compile(r"-\d*\.?\d+")


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """One command of CML's, and the words for it.

    Attributes:
        before: Words in front of the command, which are ours.
        is_short: Whether it is `runner` without a command.
    """

    command: Command
    words: Sequence[str]
    before: Sequence[str] = ()
    is_short: bool = False


def command_line(arguments: Sequence[str]) -> CommandLine | None:
    """Return the command of CML's that the arguments run; None if they are ours, or ask for help."""
    before, held, rest = _leading(arguments)
    if not rest:
        return None
    name, after = rest[0], rest[1:]
    if name in _OLD:
        return CommandLine(command=_BY_PATH[_OLD[name]], words=[*held, *after], before=before)
    if name == "publish":
        words = [*held, *after]
        return (
            CommandLine(command=_BY_PATH["asset", "publish"], words=words, before=before) if _is_asset(words) else None
        )
    if name == "tensorboard":
        return CommandLine(command=_BY_PATH[_TENSORBOARD], words=after, before=before)
    for command in (command for command in COMMANDS if command.path[0] == name):
        if (behind := _behind_second_word(command, after)) is not None:
            return CommandLine(command=command, words=[*held, *behind], before=before)
    if not after or after[0] in _HELP:
        return None
    if name == "pr":
        return CommandLine(command=_BY_PATH["pr", "create"], words=[*held, *after], before=before)
    if name == "runner" and after[0].startswith("-"):
        return CommandLine(command=_BY_PATH["runner", "launch"], words=[*held, *after], before=before, is_short=True)
    return None


def _behind_second_word(command: Command, words: Sequence[str]) -> list[str] | None:
    """Return the words without the command's second one, which flags may precede; None if it is not among them."""
    second = command.path[1]
    if second not in words:
        return None
    place = words.index(second)
    try:
        flags = list(parsed(command, words[:place]))
    except SettingsError:
        return None  # It is the value of a flag.
    if any(isinstance(word, str) and (not word.startswith("-") or word in ("--", *_HELP)) for word in flags):
        return None
    return [*words[:place], *words[place + 1 :]]


def parsed(command: Command, words: Sequence[str]) -> Iterator[Given | str]:
    """Yield the command's flags with their values, and every other word as it is.

    Raises:
        SettingsError: A flag has no value.
    """
    flags = _names(command)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield word
            yield from rest
            return
        found = _flag(word, flags)
        if found is None:
            yield word
            continue
        flag, value, negated = found
        if flag.kind == "switch":
            yield Given(flag=flag, value=_switched(value, rest, negated=negated), spelled=word.partition("=")[0])
        elif flag.kind == "list":
            for item in _items(value, rest):
                yield Given(flag=flag, value=item, spelled=word.partition("=")[0])
        else:
            yield Given(flag=flag, value=_value(word, value, rest, flags), spelled=_spelled(word, flag))


def _leading(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return our flags, CML's flags for every command, and the rest from the first word that is no flag."""
    ours: list[str] = []
    theirs: list[str] = []
    rest = list(words)
    flags = {name: flag for flag in EVERY for name in flag.names}
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        word = rest.pop(0)
        if _flag(word, flags) is None:
            ours.append(word)
        else:
            theirs += [word] if "=" in word else [word, *rest[:1]]
            rest = rest if "=" in word else rest[1:]
    return ours, theirs, rest


def _is_asset(words: Sequence[str]) -> bool:
    """Return whether `publish` is CML's: it names a file, or has a flag that only CML's has."""
    settings = [setting for section in ("publish", "gate") for setting in SCHEMA[section]]
    with_value = {setting.flag for setting in settings if setting.kind is not FLAG} | {"--config"}
    flags = _names(_BY_PATH["asset", "publish"])
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word.partition("=")[0]
        if name in with_value:
            rest = rest if "=" in word else rest[1:]
        elif not word.startswith("-") or word == "-":
            return True
        elif word == "--":
            return bool(rest)
        elif (found := _flag(word, flags)) is not None:
            flag = found[0]
            if flag not in EVERY:
                return True
            rest = rest if "=" in word else rest[1:]
    return False


def _names(command: Command) -> dict[str, Flag]:
    return {name: flag for flag in (*EVERY, *command.flags) for name in flag.names}


def _flag(word: str, flags: dict[str, Flag]) -> tuple[Flag, str | None, bool] | None:
    """Return the flag that a word is, the value behind its `=`, and whether it starts with `--no-`."""
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return _short(word, flags)
    name = _CAMEL.sub("-", name).lower().replace("_", "-")
    if name in flags:
        return flags[name], value if equals else None, False
    positive = f"--{name.removeprefix('--no-')}"
    if name.startswith("--no-") and positive in flags and flags[positive].kind == "switch":
        return flags[positive], value if equals else None, True
    return None


def _short(word: str, flags: dict[str, Flag]) -> tuple[Flag, str | None, bool] | None:
    """Return the flag of `-t TITLE`, `-t=TITLE` or `-tTITLE`."""
    if word[:2] not in flags or len(word) < 2:
        return None
    return flags[word[:2]], word[2:].removeprefix("=") if len(word) > 2 else None, False


def _spelled(word: str, flag: Flag) -> str:
    # The value of a short flag may follow at once.
    return word.partition("=")[0] if word.startswith("--") else word[:2]


def _switched(value: str | None, rest: list[str], *, negated: bool) -> str:
    if value is None:
        value = rest.pop(0) if rest[:1] in (["true"], ["false"]) else "true"
    is_on = value not in OFF
    return "true" if is_on != negated else "false"


def _items(value: str | None, rest: list[str]) -> Iterator[str]:
    """Yield the values of a list: all words up to the next flag."""
    if value is not None:
        yield value
    while rest and not rest[0].startswith("-"):
        yield rest.pop(0)


def _value(word: str, value: str | None, rest: list[str], flags: dict[str, Flag]) -> str:
    if value is not None:
        return value
    # A number may be negative, and a text may begin with a dash; a known flag is none of these.
    if not rest or rest[0] == "--" or (_flag(rest[0], flags) is not None and not _NUMBER.fullmatch(rest[0])):
        raise SettingsError(f"{word} needs a value.", next_step=f"Write {word}=VALUE, or leave the flag out.")
    return rest.pop(0)
