"""The project that is to be retrained: its files, and what git ignores."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

DATA_FOLDERS = ("data", "dataset", "datasets", "input", "inputs")
_NOT_OURS = {"test", "tests", "doc", "docs", "third_party", "vendor", "node_modules", "site-packages"}


def _ignores_nothing(paths: Collection[str]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project, as far as it can be known without running anything.

    Attributes:
        files: Paths relative to the working directory, with slashes.
        read: Path of one of them -> its text.
        ignored: Files and folders that are there and that git ignores; a folder ends with a slash.
        ignores: Returns those of some paths that git would ignore, whether they are there or not.
    """

    files: Collection[str]
    read: Callable[[str], str]
    ignored: tuple[str, ...] = ()
    ignores: Callable[[Collection[str]], frozenset[str]] = _ignores_nothing

    def text(self, path: str) -> str:
        """Return the text of a file; empty if it is missing."""
        return self.read(path) if path in self.files else ""

    def first(self, wanted: Callable[[str], bool]) -> str:
        """Return the first of the files, those with the fewest folders first; empty without one."""
        return next(iter(self.all(wanted)), "")

    def all(self, wanted: Callable[[str], bool]) -> list[str]:
        """Return the files that are wanted, those with the fewest folders first."""
        return sorted(filter(wanted, self.files), key=lambda path: (path.count("/"), path))

    def code(self, wanted: Callable[[str], bool]) -> list[str]:
        """Return the files that are wanted and that are neither tests, nor documentation, nor hidden, nor others'."""
        return self.all(lambda path: wanted(path) and _is_code_of_project(path))

    def named(self, *names: str) -> str:
        """Return the first of some files at the project's root that is there; empty if none is."""
        return next((name for name in names if name in self.files), "")

    def has(self, path: str) -> bool:
        """Return whether there is a file or a folder at a path."""
        folder = path.rstrip("/") + "/"
        return path in self.files or any(file.startswith(folder) for file in self.files)

    def installs(self) -> bool:
        """Return whether `pip install .` would install the project: its files say how it is built."""
        return "setup.py" in self.files or any(
            f"[{table}" in self.text("pyproject.toml") for table in ("project]", "build-system]", "tool.poetry]")
        )


def around_all(path: str, others: Iterable[str]) -> bool:
    """Return whether all other files are in the folder of a file, or below it."""
    folder = posixpath.dirname(path)
    return all(not folder or other.startswith(f"{folder}/") for other in others)


def _is_code_of_project(path: str) -> bool:
    *folders, name = PurePosixPath(path).parts
    return not any(part.startswith(".") or part in _NOT_OURS for part in folders) and not name.startswith("test_")
