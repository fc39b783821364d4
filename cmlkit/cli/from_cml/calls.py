"""Calls of CML in a shell script, and the lines that install it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cmlkit.cli.cml.commands import COMMANDS
from cmlkit.cli.cml.flags import Command
from cmlkit.cli.from_cml import shell
from cmlkit.cli.from_cml.shell import Script, Word

# The names of CML 0.20 and the older ones that it still takes, without the table's placeholders.
NAMES: Mapping[str, Command] = {name.removesuffix(" FILE"): command for command in COMMANDS for name in command.names}
# A command that runs the one behind it -> its flags that take a value of their own.
_PREFIXES: Mapping[str, frozenset[str]] = {
    "command": frozenset(),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "exec": frozenset({"-a"}),
    "nice": frozenset({"-n"}),
    "nohup": frozenset(),
    "npx": frozenset({"-p", "--package"}),
    "setsid": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "sudo": frozenset({"-u", "-g", "-C", "-D", "-h", "-p", "-r", "-t"}),
    "timeout": frozenset({"-k", "-s"}),
    "xargs": frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s"}),
    "xvfb-run": frozenset({"-n", "-e", "-f", "-p", "-s", "-w"}),
}
_POSITIONAL = {"timeout": 1}
_LOOKUPS = frozenset({"which", "type", "hash"})
_WRITERS = frozenset({"echo", "printf"})
_SHELLS = frozenset({"bash", "sh", "dash", "zsh"})
_INSTALLERS: Mapping[str, frozenset[str]] = {
    "npm": frozenset({"install", "i", "add"}),
    "pnpm": frozenset({"install", "i", "add"}),
    "yarn": frozenset({"add", "global"}),
}
_PACKAGE = re.compile(r"@dvcorg/cml(@.*)?|(git\+)?(https://|ssh://git@)?github\.com/iterative/cml(\.git)?(#.*)?")
_NAMES = "|".join(sorted((re.escape(name.split()[0]) for name in NAMES), reverse=True))
_MENTION = re.compile(rf"(?<![\w./@-])(?:cml\s+(?:{_NAMES})|cml-(?:{_NAMES})|['\"]cml['\"])(?![\w-])")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of CML.

    Attributes:
        command: None if none is named, as in `cml --version`.
        name: The words that name the executable and the command.
        arguments: The words behind them.
    """

    command: Command | None
    name: Sequence[Word]
    arguments: Sequence[Word]


@dataclass(frozen=True, kw_only=True)
class Install:
    """A command that installs CML with a package manager of Node.js.

    Attributes:
        words: All words of the command.
        packages: Those that name CML.
        alone: Whether it installs nothing else.
    """

    words: Sequence[Word]
    packages: Sequence[Word]
    alone: bool


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that concerns CML in a script.

    Attributes:
        lookups: The word `cml` where a command only asks whether there is one, such as `command -v cml`.
        mentions: Offsets of other places that name a command of CML.
    """

    script: Script
    calls: Sequence[Call]
    installs: Sequence[Install]
    lookups: Sequence[Word]
    mentions: Sequence[int]


def find(text: str) -> Found:
    """Return all that concerns CML in a script.

    Raises:
        NotShell: The text is no complete shell script.
    """
    script = shell.read(text)
    commands = [*script.commands, *_nested(script)]
    calls = [call for words in commands if (call := _call(words))]
    installs = [install for words in commands if (install := _install(words))]
    lookups = [word for words in commands if (word := _lookup(words))]
    understood = [
        *((call.name[0].start, [*call.name, *call.arguments][-1].end) for call in calls),
        *((word.start, word.end) for words in commands if _is_writer(words) for word in words),
        *script.comments,
    ]
    return Found(
        script=script,
        calls=calls,
        installs=installs,
        lookups=lookups,
        mentions=[at for at in mentions(text) if not any(start <= at < end for start, end in understood)],
    )


def mentions(text: str) -> list[int]:
    """Return the offsets in any text, shell or not, that name a command of CML."""
    return [found.start() for found in _MENTION.finditer(text)]


def _nested(script: Script) -> Iterator[Sequence[Word]]:
    """Return the commands in the scripts that are given to `bash -c` or `eval` as one quoted word."""
    for words in script.commands:
        following = _behind_prefixes(words)
        name = following[0].value if following else None
        scripts = following[-1:] if name == "eval" else _after(following, "-c") if name in _SHELLS else ()
        for word in scripts[:1]:
            inner = word.text[1:-1]
            if word.value == inner and word.text[0] in "'\"" and word.text[-1] == word.text[0]:
                for command in shell.read(inner).commands:
                    yield [_moved(item, by=word.start + 1) for item in command]


def _after(words: Sequence[Word], flag: str) -> Sequence[Word]:
    return next((words[place + 1 :] for place, word in enumerate(words) if word.value == flag), ())


def _moved(word: Word, *, by: int) -> Word:
    return Word(start=word.start + by, end=word.end + by, text=word.text, value=word.value)


def _behind_prefixes(words: Sequence[Word]) -> Sequence[Word]:
    """Return a command without assignments, and without commands such as `sudo` and `nohup` that run it."""
    rest = list(words)
    while rest:
        name = rest[0].value or ""
        if rest[0].is_assignment:
            rest = rest[1:]
        elif name in _PREFIXES and not _asks(rest):
            rest = _without_flags(rest[1:], _PREFIXES[name])[_POSITIONAL.get(name, 0) :]
        else:
            break
    return rest


def _asks(words: Sequence[Word]) -> bool:
    """Return whether a command only asks whether others are installed."""
    names = [word.value for word in words[:2]]
    return names[:1] != [None] and (names[0] in _LOOKUPS or (names[0] == "command" and names[-1] in ("-v", "-V")))


def _without_flags(words: Sequence[Word], with_value: frozenset[str]) -> list[Word]:
    rest = list(words)
    while rest and rest[0].text.startswith("-"):
        rest = rest[2 if rest[0].text in with_value else 1 :]
    return rest


def _call(words: Sequence[Word]) -> Call | None:
    rest = _behind_prefixes(words)
    if not rest:
        return None
    executable = rest[0].value or ""
    # npx runs a package, which goes with it.
    npx = next(([word] for word in words[: len(words) - len(rest)] if word.value == "npx"), [])
    if executable.removeprefix("cml-") in NAMES and executable.startswith("cml-"):
        return Call(command=NAMES[executable[4:]], name=[*npx, rest[0]], arguments=rest[1:])
    if executable != "cml" and not (npx and _PACKAGE.fullmatch(executable)):
        return None
    named = [word.value or "" for word in rest[1:3]]
    for count in range(len(named), 0, -1):
        if command := NAMES.get(" ".join(named[:count])):
            return Call(command=command, name=[*npx, *rest[: 1 + count]], arguments=rest[1 + count :])
    if all(word.startswith("-") for word in named):
        return Call(command=None, name=[*npx, rest[0]], arguments=rest[1:])
    return None


def _install(words: Sequence[Word]) -> Install | None:
    rest = _behind_prefixes(words)
    installer = (rest[0].value or "") if rest else ""
    if installer not in _INSTALLERS:
        return None
    packages = [word for word in rest[1:] if not word.text.startswith("-")]
    if not packages or packages[0].value not in _INSTALLERS[installer]:
        return None
    packages = [word for word in packages if word.value not in ("install", "i", "add", "global")]
    ours = [word for word in packages if _PACKAGE.fullmatch(word.value or "")]
    return Install(words=words, packages=ours, alone=ours == packages) if ours else None


def _lookup(words: Sequence[Word]) -> Word | None:
    return next((word for word in words[1:] if word.value == "cml"), None) if _asks(words) else None


def _is_writer(words: Sequence[Word]) -> bool:
    rest = _behind_prefixes(words)
    return bool(rest) and rest[0].value in _WRITERS
