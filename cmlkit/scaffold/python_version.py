"""The version of Python that a project asks for, compared with the one that the templates set up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cmlkit.scaffold.project import Project

TEMPLATE = (3, 12)
# Minor versions that actions/setup-python has for Ubuntu 24.04:
# https://github.com/actions/python-versions/blob/main/versions-manifest.json
KNOWN = tuple((3, minor) for minor in range(8, 15))
_NEWEST_PATCH = 1000  # setup-python takes the newest patch
_FILES = {
    # https://github.com/pyenv/pyenv#understanding-python-version-selection
    ".python-version": re.compile(r"(?m)^\s*(?:cpython-)?(?P<version>[^\s#]+)"),
    # https://devcenter.heroku.com/articles/python-runtimes; Binder has the same.
    "runtime.txt": re.compile(r"^\s*python-(?P<version>\S+)"),
    # https://asdf-vm.com/manage/configuration.html
    ".tool-versions": re.compile(r"(?m)^python\s+(?P<version>\S+)"),
    # https://pipenv.pypa.io/en/latest/pipfile.html
    "Pipfile": re.compile(r"""(?m)^python_(?:full_)?version\s*=\s*["'](?P<version>[^"']+)["']"""),
}
_EXACT = re.compile(r"(\d+)\.(\d+)(?:\.(?:\d+|\*))?")
_CLAUSE = re.compile(r"(?P<operator>>=|<=|==|!=|~=|>|<|\^|~|)\s*v?(?P<version>\d+(?:\.\d+)*)(?P<any>\.\*|\.x)?")


@dataclass(frozen=True, kw_only=True)
class AskedPython:
    """The version that the workflow sets up for a project.

    Attributes:
        version: Such as `3.11`; empty if the template's stands.
        because: What asks for it, or what the template's version fits; empty if nothing does, or it is not understood.
        source: The file; empty if none asks for a version.
        problem: Why the file does not count.
    """

    version: str = ""
    because: str = ""
    source: str = ""
    problem: str = ""


def asked(project: Project) -> AskedPython:
    """Return the Python that a project's files ask for: one version, else the template's if their range has it."""
    for file, pattern in _FILES.items():
        if found := pattern.search(project.text(file)):
            return _exact(file, found["version"])
    for source, text in _ranges(project):
        return _in_range(source, text)
    return AskedPython()


def _exact(file: str, text: str) -> AskedPython:
    """Return a version without its patch: of those, setup-python has only some."""
    found = _EXACT.fullmatch(text)
    version = (int(found[1]), int(found[2])) if found else None
    if version not in KNOWN:
        return AskedPython(source=file, problem=_passed_over(text))
    return AskedPython(version=_text(version), because=f"{file} says {text}", source=file)


def _in_range(source: str, text: str) -> AskedPython:
    file = source.rpartition(" of ")[2]
    try:
        fitting = [version for version in KNOWN if _fits(text, version)]
    except ValueError:
        fitting = []
    if not fitting:
        return AskedPython(source=file, problem=_passed_over(text))
    nearest = min(fitting, key=lambda version: abs(version[1] - TEMPLATE[1]))
    return AskedPython(version=_text(nearest), because=f"within {text}, {source}", source=file)


def _passed_over(text: str) -> str:
    known = f"{_text(KNOWN[0])} to {_text(KNOWN[-1])}"
    return (
        f"it asks for Python {text}, and nothing from {known} is known to fit: the workflow sets up {_text(TEMPLATE)}"
    )


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _ranges(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the ranges that a project names, with the key and the file.

    https://packaging.python.org/en/latest/specifications/pyproject-toml/#requires-python
    https://python-poetry.org/docs/dependency-specification/
    """
    file = "pyproject.toml"
    try:
        document: Any = tomllib.loads(project.text(file))
    except (tomllib.TOMLDecodeError, RecursionError):
        document = {}
    places = {
        "requires-python": ("project", "requires-python"),
        "tool.poetry.dependencies.python": ("tool", "poetry", "dependencies", "python"),
    }
    for key, path in places.items():
        found = document
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str):
            yield f"{key} of {file}", found
    if found := re.search(r"(?m)^python_requires\s*=\s*(\S.*)$", project.text("setup.cfg")):
        yield "python_requires of setup.cfg", found[1].strip()


def _fits(text: str, version: tuple[int, int]) -> bool:
    """Return whether the newest patch of a version is in a range of PEP 440 or of Poetry.

    Raises:
        ValueError: The range has another form.
    """
    return any(all(_holds(clause, version) for clause in _clauses(part)) for part in text.split("||"))


def _clauses(text: str) -> list[re.Match[str]]:
    text = text.strip()
    if text in ("", "*"):
        return []
    parts = [part.strip() for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text)]
    found = [_CLAUSE.fullmatch(part) for part in parts]
    if None in found:
        raise ValueError(text)
    return [clause for clause in found if clause]


def _holds(clause: re.Match[str], version: tuple[int, int]) -> bool:
    wanted = tuple(int(part) for part in clause["version"].split("."))
    newest = (*version, _NEWEST_PATCH)
    # Without a patch, `==3.11` of PEP 440 means 3.11.0 alone, and hardly anybody does.
    is_within = newest[: len(wanted)] == wanted
    match clause["operator"]:
        case ">=" | ">":
            return newest >= wanted
        case "<":
            return newest < wanted
        case "<=":
            return newest <= wanted or is_within
        case "!=":
            return not is_within
        case "^":
            return newest >= wanted and newest[0] == wanted[0]
        case "~=":
            return newest >= wanted and newest[: len(wanted) - 1] == wanted[:-1]
        case "~":
            return newest >= wanted and newest[: min(len(wanted), 2)] == wanted[:2]
        case _:
            return is_within
