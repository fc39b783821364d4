"""The entry of a model in `.gitattributes`, which tells git-lfs that its file is a pointer."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from cmlkit.stores.base import ReadTree, with_line

ATTRIBUTES = ".gitattributes"
_VALUES = "filter=lfs diff=lfs merge=lfs -text"


def with_entry(path: str, read: ReadTree) -> dict[str, bytes]:
    """Return the attributes file with an entry for the model; empty if an entry covers it already."""
    content = read(ATTRIBUTES) or b""
    if any(_covers(line, path) for line in _lines(content)):
        return {}
    return {ATTRIBUTES: with_line(content, _entry(path))}


def has_entry(path: str, content: bytes) -> bool:
    """Return whether an attributes file has the entry of `with_entry`."""
    return _entry(path) in _lines(content)


def are_alike_but_for_entries(path: str, before: bytes, after: bytes) -> bool:
    """Return whether two attributes files differ in no more than entries of the model, or of files in it."""
    return _others(path, _lines(before)) == _others(path, _lines(after))


def without_entry(path: str, *, there: Mapping[str, str], read: ReadTree) -> dict[str, bytes]:
    """Return the attributes file without the entries of the model, or of files in it; empty if it has none.

    Args:
        there: Paths in the commit; the attributes file is read only if it is among them.
    """
    content = (read(ATTRIBUTES) or b"") if ATTRIBUTES in there else b""
    lines = _lines(content)
    left = _others(path, lines)
    return {} if left == lines else {ATTRIBUTES: "".join(f"{line}\n" for line in left).encode()}


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _others(path: str, lines: Sequence[str]) -> list[str]:
    inside = f"{_pattern(path)}/"
    return [line for line in lines if line != _entry(path) and not (line.startswith(inside) and line.endswith(_VALUES))]


def _entry(path: str) -> str:
    return f"{_pattern(path)} {_VALUES}"


def _covers(line: str, path: str) -> bool:
    pattern, _, attributes = line.strip().partition(" ")
    if "filter=lfs" not in attributes.split() or pattern.startswith("#"):
        return False
    name = path if "/" in pattern else PurePosixPath(path).name
    return pattern == _pattern(path) or fnmatch.fnmatchcase(name, pattern.removeprefix("/"))


def _pattern(path: str) -> str:
    return "/" + escaped(path)


def escaped(path: str) -> str:
    """Return a path as a pattern that matches it alone, as `git lfs track` writes it.

    A space would end the pattern, and brackets and stars would match other names.
    """
    characters = "".join(f"\\{character}" if character in "[*?\\" else character for character in path)
    return characters.replace(" ", "[[:space:]]")
