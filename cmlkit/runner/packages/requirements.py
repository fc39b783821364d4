"""Requirement files of pip and uv, made into one list that needs nothing beside it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cmlkit.errors import SettingsError
from cmlkit.sinks.secrets import without_tokens

# https://pip.pypa.io/en/stable/reference/requirements-file-format/
_FILE = re.compile(r"(?:-(?P<short>[rc])\s*|--(?P<long>requirement|constraint)[=\s]\s*)(?P<path>\S.*)")
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url)[=\s]")
_KEPT = re.compile(r"--(?:pre|prefer-binary|require-hashes)$|--(?:no-binary|only-binary|trusted-host)[=\s]")
_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)")
_VERSIONS = re.compile(r"(?:[(<>=!~].*|;.*|--hash.*)?")
_CREDENTIALS = re.compile(r"://[^\s/?#]+@")
_VARIABLE = re.compile(r"\$\{?\w")


@dataclass
class RequirementList:
    """One list of packages.

    Attributes:
        lines: Requirements of packages that an index has, and options.
        constraints: Requirements that only limit versions.
        left_out: Requirements that an index does not serve, such as folders and git repositories.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, line: str, *, source: str) -> None:
        """Add a line that is neither empty nor a comment, and names no further file.

        Raises:
            SettingsError: It has credentials, or needs a variable that the machine of the image does not have.
        """
        is_index = bool(_INDEX.match(line))
        if is_index or _KEPT.match(line):
            check_address(line, source=source)
            self.lines.append(line)
        elif is_named(line):
            self.lines.append(line)
        else:
            self.left_out.append(without_tokens(re.sub(r"\s+--hash.*", "", line)))


def is_named(line: str) -> bool:
    """Return whether a requirement has a name and versions of an index, not an address or a path."""
    match = _NAME.fullmatch(line)
    return match is not None and _VERSIONS.fullmatch(match["rest"]) is not None


def check_address(line: str, *, source: str) -> None:
    """Refuse an address that must not, or cannot, stand in a recipe.

    Raises:
        SettingsError: It has credentials, or a variable.
    """
    if _CREDENTIALS.search(line) or _VARIABLE.search(line):
        kind = "a variable in the address of an index, which may hold credentials"
        if _CREDENTIALS.search(line) and not _VARIABLE.search(line):
            kind = "credentials in the address of an index"
        raise SettingsError(
            f"{source} has {kind}: {without_tokens(line)}. A recipe is no place for them: everybody who may describe"
            " the instance reads it.",
            next_step="Write the packages of public indexes into a list of their own, and name that: --project FILE."
            " Each run fetches the others as before.",
        )


def read_list(path: str, read: Callable[[str], str], into: RequirementList) -> None:
    """Read a requirement file, and those that it names, into a list.

    Args:
        read: Returns the text of a file of the project, and raises SettingsError if there is none.
    """
    for line in _all_lines(path, read, ()):
        into.add(line.text, source=line.source) if not line.limits else into.constraints.append(line.text)


def read_constraints(path: str, read: Callable[[str], str], into: RequirementList) -> None:
    """Read a file of constraints into a list."""
    into.constraints.extend(line.text for line in _all_lines(path, read, ()) if is_named(line.text))


@dataclass(frozen=True)
class _Line:
    text: str
    source: str
    limits: bool = False


def _all_lines(path: str, read: Callable[[str], str], around: tuple[str, ...]) -> Iterator[_Line]:
    if path in around:
        return
    text = re.sub(r"\\\n", " ", read(path))
    for raw in text.splitlines():
        line = " ".join(re.sub(r"(?:^|\s)#.*", "", raw).split())
        named = _FILE.fullmatch(line)
        if named is None or "://" in line:
            if line:
                yield _Line(line, path)
            continue
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(path), named["path"].strip("\"'")))
        is_constraint = "c" in (named["short"], (named["long"] or "")[:1])
        for found in _all_lines(inner, read, (*around, path)):
            if not is_constraint:
                yield found
            elif is_named(found.text):
                yield _Line(found.text, found.source, limits=True)
