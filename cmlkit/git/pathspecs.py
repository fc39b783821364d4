"""git's pathspecs for the paths and patterns that people give to a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_WILD = re.compile(r"[*?\[{]")
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Named:
    """The paths and patterns of one command.

    Attributes:
        paths: Names of files and folders, to be taken literally.
        patterns: Pathspecs that may match nothing.
        excluded: Pathspecs of what to leave out.
    """

    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def specs(self) -> tuple[str, ...]:
        """Pathspecs for git; empty if nothing is included."""
        included = [*(f":(literal){path}" for path in self.paths), *self.patterns]
        return (*included, *self.excluded) if included else ()


def named(given: Iterable[str], *, directory: Path) -> Named:
    """Return what each argument means: a path, a pattern, a pattern to exclude after `!`, or a pathspec of git.

    A name that exists is that file, whatever characters it has. In a pattern, `*` stays within a folder, `**` does
    not, and `{a,b}` stands for both, as in a shell and in CML; git's own pathspecs begin with a colon.
    """
    paths: list[str] = []
    patterns: list[str] = []
    excluded: list[str] = []
    for text in given:
        if _exists(directory / text):
            paths.append(text)
        elif text.startswith((":!", ":^", ":(exclude")):
            excluded.append(text)
        elif text.startswith(":"):
            patterns.append(text)
        elif text.startswith("!"):
            excluded += [f":(exclude,glob){spec}" for spec in _with_folders(text[1:], directory)]
        elif _WILD.search(text):
            patterns += [f":(glob){spec}" for spec in without_braces(text)]
        else:
            paths.append(text)
    return Named(paths=tuple(dict.fromkeys(paths)), patterns=tuple(patterns), excluded=tuple(excluded))


def without_braces(pattern: str) -> list[str]:
    """Return the patterns that a pattern with `{a,b}` stands for, as a shell expands it."""
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    start, end = pattern[: found.start()], pattern[found.end() :]
    return [each for choice in found[1].split(",") for each in without_braces(f"{start}{choice}{end}")]


def _with_folders(pattern: str, directory: Path) -> Sequence[str]:
    # `**` at the end of a glob pattern matches files only below a folder, so a folder's own name is not enough.
    return [f"{each}/**" if (directory / each).is_dir() else each for each in without_braces(pattern)]


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):  # too long for a name, or with a null byte
        return False
