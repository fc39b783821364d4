"""Commands in a setup that install packages, as far as they can be told without running it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cmlkit.errors import SettingsError

Tool = Literal["pip", "uv"]

# https://pip.pypa.io/en/stable/cli/pip_install/, https://docs.astral.sh/uv/reference/cli/#uv-pip-install
_LISTS = ("-r", "--requirement", "--requirements")
_CONSTRAINTS = ("-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_INDEX = ("-i", "--index-url", "--default-index")
_FURTHER_INDEX = ("--extra-index-url", "--index")
# Those that change which packages are installed, and that a list cannot say.
_NOT_FOLLOWED = ("--group", "--torch-backend", "--override", "--overrides", "-f", "--find-links", "--index-strategy")
_OTHERS_WITH_VALUES = (
    *("-t", "--target", "--prefix", "--root", "--src", "--upgrade-strategy", "--platform", "--python-version", "--abi"),
    *("--implementation", "--cache-dir", "--timeout", "--retries", "--proxy", "--cert", "--client-cert", "--log"),
    *("--no-binary", "--only-binary", "--progress-bar", "--trusted-host", "--report", "-C", "--config-settings"),
    *("--link-mode", "--resolution", "--prerelease", "--exclude-newer", "--keyring-provider", "--reinstall-package"),
    *("-P", "--upgrade-package", "--refresh-package", "--no-build-isolation-package", "-b", "--build-constraints"),
    *(
        "--allow-insecure-host",
        "--directory",
        "--project",
        "--color",
        "--config-file",
        "--use-feature",
        "--exists-action",
    ),
)
_PYTHON = ("-p", "--python")
# https://docs.astral.sh/uv/reference/cli/#uv-sync: those that choose packages are the same for `uv export`.
_CHOOSING = ("--all-extras", "--no-dev", "--only-dev", "--all-groups", "--no-default-groups", "--all-packages")
_CHOOSING_WITH_VALUES = ("--extra", "--no-extra", "--group", "--no-group", "--only-group", "--package")
_OTHER_PROGRAMS = {"poetry": "install", "pdm": "install sync", "pipenv": "install sync", "conda": "install env create"}
_OTHER_PROGRAMS |= dict.fromkeys(("mamba", "micromamba"), "install env create")
_BEFORE = ("sudo", "env", "time", "exec", "command")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """One command that installs packages.

    Attributes:
        tool: The program whose cache or folder must have the packages.
        locked: Whether it installs from uv.lock; then `flags` choose among its packages.
        lists: Requirement files, as paths from the folder of the project.
        constraints: Files of constraints, as such paths.
        folders: Projects to install, such as `.` or `.[train]`.
        requirements: Packages that the command itself names, and options of a list, such as `--pre`.
        not_followed: Words whose meaning for the packages is not known here.
        python: The Python that it asks for; empty if any.
    """

    tool: Tool
    locked: bool = False
    flags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    not_followed: tuple[str, ...] = ()
    python: str = ""


def installations(setup: str) -> list[Installation]:
    """Return the commands of a setup that install packages, in their order.

    Raises:
        SettingsError: Its quotes do not match.
    """
    found, folder = [], ""
    for words in _commands(setup):
        if words[0] == "cd" and len(words) == 2 and "$" not in words[1]:
            folder = posixpath.normpath(posixpath.join(folder, words[1]))
        elif (read := _read(words, folder)) is not None:
            found.append(read)
    return found


def _commands(setup: str) -> Iterator[list[str]]:
    """Yield the words of each command, without assignments and programs that only start another."""
    for line in setup.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            tokens = list(lexer)
        except ValueError as error:
            raise SettingsError(
                f"train.setup cannot be read: {error} in {line.strip()[:80]!r}.",
                next_step="Name the list of packages: --project requirements.txt.",
            ) from error
        words: list[str] = []
        for token in [*tokens, ";"]:
            if token.startswith("#") or re.fullmatch(r"[;&|()<>]+", token):
                if words := _without_beginning(words):
                    yield words
                words = []
                if token.startswith("#"):
                    break
            else:
                words.append(token)


def _without_beginning(words: Sequence[str]) -> list[str]:
    rest = list(words)
    while rest and (re.match(r"\w+=", rest[0]) or rest[0] in _BEFORE):
        rest = rest[1:]
    if len(rest) > 2 and re.fullmatch(r"python[\d.]*", posixpath.basename(rest[0])) and rest[1] == "-m":
        rest = rest[2:]
    return [posixpath.basename(rest[0]), *rest[1:]] if rest and rest[0] != "cd" else rest


def _read(words: Sequence[str], folder: str) -> Installation | None:
    program, arguments = words[0], list(words[1:])
    if re.fullmatch(r"pip[\d.]*", program) and arguments[:1] == ["install"]:
        return _requested("pip", arguments[1:], folder)
    if program == "uv" and arguments[:2] == ["pip", "install"]:
        return _requested("uv", arguments[2:], folder)
    if program == "uv" and arguments[:2] == ["pip", "sync"]:
        return _requested("uv", arguments[2:], folder, names_lists=True)
    if program == "uv" and arguments[:1] == ["venv"]:
        return Installation(tool="uv", python=_requested("uv", arguments[1:], "").python)
    if program == "uv" and arguments[:1] in (["sync"], ["run"]):
        return _synced(arguments[1:] if arguments[0] == "sync" else [])
    if arguments and arguments[0] in _OTHER_PROGRAMS.get(program, "").split():
        return Installation(tool="pip", not_followed=(f"{program} {arguments[0]}",))
    return None


@dataclass
class _Said:
    """The parts of a command line, as far as they were read."""

    folder: str
    lists: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)
    not_followed: list[str] = field(default_factory=list)
    python: str = ""

    def take(self, option: str, value: str) -> None:
        """Take an option with its value."""
        if option in _LISTS:
            self._file(self.lists, value)
        elif option in _CONSTRAINTS:
            self._file(self.constraints, value)
        elif option in _EDITABLE:
            self.name(value)
        elif option in _INDEX:
            self.requirements.append(f"--index-url {_address(value)}")
        elif option in _FURTHER_INDEX:
            self.requirements.append(f"--extra-index-url {_address(value)}")
        elif option in _NOT_FOLLOWED:
            self.not_followed.append(f"{option} {value}")
        elif option in _PYTHON and re.match(r"\d", value):
            self.python = value

    def name(self, word: str) -> None:
        """Take a word that names something to install."""
        if "$" in word or "`" in word:
            self.not_followed.append(word)
        elif re.match(r"\.{0,2}/|\.{1,2}(?:\[|$)", word):
            self.folders.append(posixpath.join(self.folder, word) if self.folder else word)
        else:
            self.requirements.append(word)

    def _file(self, files: list[str], path: str) -> None:
        if "$" in path or "://" in path:
            self.not_followed.append(path)
        else:
            files.append(posixpath.normpath(posixpath.join(self.folder, path)))


def _address(value: str) -> str:
    """Return the URL of an index, which uv takes with a name before it: `pytorch=https://…`."""
    return re.sub(r"^[\w.-]+=(?=https?:)", "", value)


def _requested(tool: Tool, arguments: Sequence[str], folder: str, *, names_lists: bool = False) -> Installation:
    said, words = _Said(folder), list(arguments)
    with_values = {*_LISTS, *_CONSTRAINTS, *_EDITABLE, *_INDEX, *_FURTHER_INDEX, *_NOT_FOLLOWED, *_PYTHON}
    with_values |= set(_OTHERS_WITH_VALUES)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if word == "--pre":
            said.requirements.append(word)
        elif not word.startswith("-"):
            said.take("-r", word) if names_lists else said.name(word)
        elif option in with_values:
            said.take(option, value if equals else words.pop(0) if words else "")
        elif word[:2] in with_values and not word.startswith("--"):  # -rrequirements.txt
            said.take(word[:2], word[2:])
    return Installation(
        tool=tool,
        lists=tuple(said.lists),
        constraints=tuple(said.constraints),
        folders=tuple(said.folders),
        requirements=tuple(said.requirements),
        not_followed=tuple(said.not_followed),
        python=said.python,
    )


def _synced(arguments: Sequence[str]) -> Installation:
    """Return what `uv sync` installs: the flags that choose packages are passed on, and the others change none."""
    flags, python, words = [], "", list(arguments)
    while words:
        option, equals, value = words.pop(0).partition("=")
        if option in _CHOOSING:
            flags.append(option)
        elif option in (*_CHOOSING_WITH_VALUES, *_PYTHON):
            given = value if equals else words.pop(0) if words else ""
            if option in _CHOOSING_WITH_VALUES:
                flags.append(f"{option}={given}")
            elif re.match(r"\d", given):
                python = given
    return Installation(tool="uv", locked=True, flags=tuple(flags), python=python)
