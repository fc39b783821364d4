"""A training script's text: the files that it names, the packages that it imports, and where it has to be started."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from cmlkit.records.json_text import read_json
from cmlkit.scaffold.project import Project

_STRING = re.compile(r"""["']([\w./-]+\.\w+)["']""")
_FOLDER = re.compile(r"""Path\(["']([\w/-]+)["']\)""")
_UPWARDS = re.compile(r"""["'](?:\.\./)+\w""")
_RELATIVE_IMPORT = re.compile(r"(?m)^[ \t]*from \.+\w* import ")
_DEFINITION = re.compile(r"(?m)^(?:async )?(?:def|class) ")
# A line at the left margin that calls something, besides what a module is made of.
_CALL = re.compile(r"(?m)^(?!(?:async )?def |class |import |from |@|#|[\"')\]}\s])[^#\n]*\(")
_ARGUMENTS = re.compile(r"""add_argument\(\s*["'][^-"']|required\s*=\s*True|@click\.argument\(""")


def source(project: Project, path: str) -> str:
    """Return the code of a script or of a notebook's cells; empty for a notebook that is none."""
    text = project.text(path)
    if not path.endswith(".ipynb"):
        return text
    cells = notebook(text).get("cells")
    return "\n".join(_cell(cell) for cell in cells if isinstance(cell, dict)) if isinstance(cells, list) else ""


def notebook(text: str) -> dict[str, Any]:
    """Return the document of a notebook; empty if it is none."""
    try:
        found = read_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cell(cell: dict[str, Any]) -> str:
    lines = cell.get("source") if cell.get("cell_type") == "code" else ""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")


def named_files(text: str, folder: str = "") -> list[str]:
    """Return the files that a script names, as paths from the project's root.

    Args:
        folder: Where the script is started. Bare names are put below the folder that the script names, if it names one.
    """
    folders = list(dict.fromkeys(_FOLDER.findall(text)))
    inner = folders[0] if len(folders) == 1 else ""
    names = (name if "/" in name else posixpath.join(inner, name) for name in _STRING.findall(text))
    places = (posixpath.normpath(posixpath.join(folder, name)) for name in names)
    return [place for place in dict.fromkeys(places) if not place.startswith("../")]


def started_in(project: Project, path: str) -> str:
    """Return the folder that a script's own paths start from; empty for the project's root."""
    folder, text = posixpath.dirname(path), source(project, path)
    if not folder:
        return ""
    if path.endswith(".ipynb") or _UPWARDS.search(text):
        return folder
    names = named_files(text)
    at_root, beside = (any(_is_there(project, place, name) for name in names) for place in ("", folder))
    return folder if beside and not at_root else ""


def _is_there(project: Project, place: str, name: str) -> bool:
    """Return whether a file that a script names, or the folder that it names it in, is below a place."""
    parts = (name, posixpath.dirname(name)) if "/" in name else (name,)
    return any(project.has(posixpath.join(place, part)) for part in parts)


def as_module(project: Project, path: str) -> tuple[str, str] | None:
    """Return a script's name as a module, and the folder that its package is in; None if it is started as a file.

    A script that imports from its own package fails as a file: Python looks beside it for what it imports.
    """
    parts = PurePosixPath(path).with_suffix("").parts
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return None
    text = project.text(path)
    roots = [index for index, part in enumerate(parts[:-1]) if _imports(text, part)]
    if not roots and _RELATIVE_IMPORT.search(text):
        inits = ["/".join(parts[: count + 1]) + "/__init__.py" in project.files for count in range(len(parts) - 1)]
        roots = [inits.index(True)] if True in inits else [len(parts) - 2]
    return (".".join(parts[roots[0] :]), "/".join(parts[: roots[0]])) if roots else None


def _imports(text: str, package: str) -> bool:
    return bool(re.search(rf"(?m)^[ \t]*(?:from|import) {re.escape(package)}\b", text))


def does_something(text: str) -> bool:
    """Return whether a script does more than define what others import; true for one that defines nothing."""
    return not _DEFINITION.search(text) or "__main__" in text or bool(_CALL.search(text))


def needs_arguments(text: str) -> bool:
    """Return whether a script has arguments without which it stops."""
    return bool(_ARGUMENTS.search(text))


def third_party(text: str, is_own: Callable[[str], bool]) -> Iterator[str]:
    """Yield the packages that a Python script imports and that are neither Python's nor the project's own."""
    import sys

    for name in dict.fromkeys(re.findall(r"(?m)^[ \t]*(?:from|import) (\w+)", text)):
        if name not in sys.stdlib_module_names and not is_own(name):
            yield name
