"""The packages of a project: those that its setup installs, or those of its list."""

from __future__ import annotations

import hashlib
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.records.fields import Fields
from cmlkit.runner.packages.installation import Installation, Tool, installations
from cmlkit.runner.packages.locked import LOCK, Machine, locked
from cmlkit.runner.packages.requirements import RequirementList, read_constraints, read_list

REQUIREMENTS = "requirements.txt"
PYTHON_VERSION = ".python-version"
NAME_IT = "Name the list: cmlkit runner image --project FILE."
CONSTRAINTS = "constraints.txt"
# https://pip.pypa.io/en/stable/reference/build-system/: what a project without [build-system] is built with.
_DEFAULT_BUILD = ("setuptools",)


@dataclass(frozen=True, kw_only=True)
class ProjectPackages:
    """The packages of a project, as lists of requirements.

    Attributes:
        locked: Lists for uv that name every package, with hashes.
        uv: Lists for uv, whose dependencies come along.
        pip: Lists for pip, whose dependencies come along.
        constraints: Limits of versions for those two.
        python: Version of Python, or versions that are allowed; that of the machine if empty.
        sources: The files, and the commands, that name the packages.
        left_out: Packages that no index has: each run fetches them.
        notes: Advice about the setup.
    """

    locked: tuple[str, ...] = ()
    uv: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    constraints: str = ""
    python: str = ""
    sources: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of packages that are named; dependencies of those without a lock file are not."""
        lines = "\n".join((*self.locked, *self.uv, *self.pip)).splitlines()
        return sum(not line.startswith("-") for line in lines)

    @property
    def digest(self) -> str:
        """A hash of all that decides which packages an image gets."""
        parts = [*self.locked, "", *self.uv, "", *self.pip, "", self.constraints, self.python]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of the project, and uv, which knows its own lock file.

    Attributes:
        read: Returns the text of a file; None if there is none.
        export: Returns what `uv export` lists with these flags.
    """

    read: Callable[[str], str | None]
    export: Callable[[Sequence[str]], str]

    def text(self, path: str) -> str:
        """Return the text of a file.

        Raises:
            SettingsError: There is none.
        """
        if (found := self.read(path)) is None:
            raise SettingsError(f"The list of packages {path} does not exist.", next_step=NAME_IT)
        return found


def project_packages(
    setup: str, files: Files, *, named: str = "", arch: str = "x86_64", python: str = ""
) -> ProjectPackages:
    """Return the packages that a setup installs; without a setup, those of uv.lock or requirements.txt.

    Args:
        named: The list to take instead.
        arch: Architecture of the machine, as the settings name it.
        python: Version of Python of the training; else that of the setup, `.python-version` or the lock file.

    Raises:
        SettingsError: It cannot be told which packages the setup installs; a list does not exist, or has credentials.
    """
    commands = _commands(setup, files, named)
    asked = python or next((item.python for item in commands if item.python), "") or _python_version(files)
    machine = Machine(arch="aarch64" if arch == "arm64" else "x86_64", python=asked)
    read = [_locked(item, files, machine) if item.locked else _listed(item, files) for item in commands]
    found = ProjectPackages(
        locked=tuple(text for item in read for text in item.locked),
        uv=tuple(text for item in read for text in item.uv),
        pip=tuple(text for item in read for text in item.pip),
        constraints="\n".join(filter(None, (item.constraints for item in read))),
        python=asked or next((item.python for item in read if item.python), ""),
        sources=tuple(dict.fromkeys(source for item in read for source in item.sources)),
        left_out=tuple(dict.fromkeys(line for item in read for line in item.left_out)),
        notes=tuple(_notes(commands)),
    )
    if not found.count:
        left = f" Left out: {', '.join(found.left_out)}." if found.left_out else ""
        raise SettingsError(
            f"There is no package that an image could have for pip or uv.{left}",
            next_step="Other programs look into caches of their own: fill them with --startup-script.",
        )
    return found


def _commands(setup: str, files: Files, named: str) -> list[Installation]:
    said = installations(setup)
    if named:
        named = posixpath.normpath(named)
        if posixpath.basename(named) == LOCK:
            flags = next((item.flags for item in said if item.locked), ())
            return [Installation(tool="uv", locked=True, flags=flags)]
        tool: Tool = "uv" if any(item.tool == "uv" for item in said) else "pip"
        return [Installation(tool=tool, lists=(named,))]
    if any(item.locked or item.lists or item.folders or item.requirements or item.not_followed for item in said):
        return said
    if setup.strip():
        raise SettingsError(
            "The words of train.setup do not tell which packages it installs; those of pip and uv do.",
            next_step=NAME_IT,
        )
    if files.read(LOCK) is not None:
        return [Installation(tool="uv", locked=True)]
    if files.read(REQUIREMENTS) is not None:
        return [Installation(tool="pip", lists=(REQUIREMENTS,))]
    raise SettingsError(f"There is neither {LOCK} nor {REQUIREMENTS} here, and no train.setup.", next_step=NAME_IT)


def _python_version(files: Files) -> str:
    """Return the version that the project pins for uv and actions/setup-python; empty if it pins none."""
    lines = (line.strip() for line in (files.read(PYTHON_VERSION) or "").splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first if re.fullmatch(r"\d[\d.]*", first) else ""


def _locked(item: Installation, files: Files, machine: Machine) -> ProjectPackages:
    lock = files.text(LOCK)
    found = locked(files.export(item.flags), lock, machine)
    tools = RequirementList()
    if found.index:
        tools.add(f"--index-url {found.index}", source=LOCK)
    for folder in found.folders:
        place = "pyproject.toml" if folder == "." else f"{folder}/pyproject.toml"
        for requirement in _build_requirements(_document(files.read(place) or "", place)):
            tools.add(requirement, source=place)
    built = [line for line in tools.lines if not line.startswith("-")]
    return ProjectPackages(
        locked=found.lists,
        uv=("\n".join(dict.fromkeys(tools.lines)),) if built else (),
        python=found.python,
        sources=(LOCK,),
        left_out=found.left_out,
    )


def _listed(item: Installation, files: Files) -> ProjectPackages:
    into = RequirementList()
    for line in item.requirements:
        into.add(line, source="train.setup")
    for path in item.lists:
        if path.endswith(".toml"):
            _add(into, _dependencies(_document(files.text(path), path), ()), path)
        else:
            read_list(path, files.text, into)
    for folder in item.folders:
        _add_project(into, folder, files)
    for path in item.constraints:
        read_constraints(path, files.text, into)
    lines = [f"--constraint {CONSTRAINTS}", *into.lines] if into.constraints else into.lines
    lists = ("\n".join(dict.fromkeys(lines)),) if any(not line.startswith("-") for line in into.lines) else ()
    return ProjectPackages(
        uv=lists if item.tool == "uv" else (),
        pip=lists if item.tool == "pip" else (),
        constraints="\n".join(into.constraints),
        sources=(*item.lists, *item.folders, *(["train.setup"] if item.requirements else [])),
        left_out=(*into.left_out, *item.not_followed),
    )


def _add_project(into: RequirementList, named: str, files: Files) -> None:
    """Add the dependencies of a project that is installed from its folder, and the tools that build it."""
    folder, bracket, extras = named.partition("[")
    path = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
    document = _document(files.read(path) or "", path)
    listed = document.has("project") and "dependencies" not in document.inside("project").texts("dynamic")
    if listed:
        wanted = [extra.strip() for extra in extras.rstrip("]").split(",")] if bracket else []
        _add(into, (*_dependencies(document, wanted), *_build_requirements(document)), path)
    else:
        into.left_out.append(f"the dependencies of {named}, which pyproject.toml does not list")


def _add(into: RequirementList, lines: Iterable[str], path: str) -> None:
    for line in lines:
        into.add(" ".join(line.split()), source=path)


def _dependencies(document: Fields, extras: Sequence[str]) -> Iterator[str]:
    """Yield the dependencies of a project, with those of its extras, which may name others of it."""
    project = document.within("project")
    own = _normal(project.text("name", ""))
    yield from project.texts("dependencies")
    seen, wanted = set[str](), [_normal(extra) for extra in extras]
    optional = {_normal(name): name for name in project.within("optional-dependencies").names()}
    while wanted:
        extra = wanted.pop()
        if extra in seen or extra not in optional:
            continue
        seen.add(extra)
        for line in project.within("optional-dependencies").texts(optional[extra]):
            itself = re.match(r"([\w.-]+)\s*\[([^\]]*)\]", line)
            if itself and _normal(itself[1]) == own:
                wanted.extend(_normal(name.strip()) for name in itself[2].split(","))
            else:
                yield line


def _build_requirements(document: Fields) -> Sequence[str]:
    return document.within("build-system").texts("requires") or _DEFAULT_BUILD


def _document(text: str, path: str) -> Fields:
    try:
        parsed: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from error
    return Fields(parsed, unfit=lambda what: SettingsError(f"{path}: {what}."))


def _normal(name: str) -> str:
    """Return a name as indexes compare it. https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def _notes(commands: Sequence[Installation]) -> Iterator[str]:
    installs_uv = any(re.fullmatch(r"uv\b.*", line) for item in commands for line in item.requirements)
    if installs_uv and any(item.tool == "uv" for item in commands):
        yield (
            "train.setup installs uv, which the image has: another version of uv may not find in its cache what this"
            " one put there. Leave `pip install uv` out of the setup."
        )
