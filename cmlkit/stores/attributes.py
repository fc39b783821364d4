"""The entry of a model in `.gitattributes`, by which git-lfs knows that its file is a pointer."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import PurePosixPath

from cmlkit.stores.base import ReadTree, with_line

ATTRIBUTES = ".gitattributes"
_VALUES = "filter=lfs diff=lfs merge=lfs -text"


def with_entry(path: str, read: ReadTree) -> dict[str, bytes]:
    """The attributes file with an entry for the model; nothing where it has one that covers it."""
    content = read(ATTRIBUTES) or b""
    if any(_covers(line, path) for line in _lines(content)):
        return {}
    return {ATTRIBUTES: with_line(content, _entry(path))}


def without_entry(path: str, *, there: Mapping[str, str], read: ReadTree) -> dict[str, bytes]:
    """The attributes file without the entry that `with_entry` writes; nothing where it has none.

    Args:
        there: What is known to be in the commit: only then is it read.
    """
    content = (read(ATTRIBUTES) or b"") if ATTRIBUTES in there else b""
    lines = _lines(content)
    if _entry(path) not in lines:
        return {}
    return {ATTRIBUTES: "".join(f"{line}\n" for line in lines if line != _entry(path)).encode()}


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _entry(path: str) -> str:
    return f"{_pattern(path)} {_VALUES}"


def _covers(line: str, path: str) -> bool:
    pattern, _, attributes = line.strip().partition(" ")
    if "filter=lfs" not in attributes.split() or pattern.startswith("#"):
        return False
    name = path if "/" in pattern else PurePosixPath(path).name
    return pattern == _pattern(path) or fnmatch.fnmatchcase(name, pattern.removeprefix("/"))


def _pattern(path: str) -> str:
    # As git lfs track writes it: a space would end the pattern, and brackets and stars would match other names.
    escaped = "".join(f"\\{character}" if character in "[*?\\" else character for character in path)
    return "/" + escaped.replace(" ", "[[:space:]]")
