"""Write the pages of `docs/reference/` that are generated from the code.

python -m scripts.render_reference --write   write them
python -m scripts.render_reference --check   exit 1 with the names of outdated pages
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cmlkit import errors
from cmlkit.records.json_text import json_text
from cmlkit.report.markdown import code, table
from cmlkit.settings.json_schema import json_schema
from scripts import render_action_page, render_commands, render_events, render_home, render_python, render_settings
from scripts.render_python import docstring
from scripts.render_settings import in_cell

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def error_classes() -> str:
    """Return the page of errors, from the tree of classes."""
    introduction = (
        "# Errors and exit codes\n\nEvery error says what happened, on which resource, and the next step. From Python,"
        " each is an exception of `cmlkit.errors` below `CmlkitError`; a command ends with its exit code, or with 0"
        " on success."
    )
    rows = [[code(str(found.exit_code)), code(found.__name__), in_cell(_summary(found))] for found in _tree()]
    attributes = [
        f"## {found.__name__}\n\n{docstring(found)}" for found in _tree() if "Attributes:" in docstring(found)
    ]
    return "\n\n".join([introduction, table(["Exit code", "Error", "When"], rows), *attributes]) + "\n"


def _tree(parent: type[errors.CmlkitError] = errors.CmlkitError) -> Iterator[type[errors.CmlkitError]]:
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


def _summary(item: Any) -> str:
    return (inspect.getdoc(item) or "").partition("\n\n")[0]


def schema() -> str:
    """Return the JSON schema of `cmlkit.yaml`, for editors."""
    return json_text(json_schema(), indent=2, ensure_ascii=False) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "../README.md": render_home.page,
    "settings.md": render_settings.page,
    "commands.md": render_commands.page,
    "errors.md": error_classes,
    "events.md": render_events.page,
    "action.md": render_action_page.page,
    "python.md": render_python.page,
    "cmlkit.schema.json": schema,
}


def drifted() -> list[str]:
    """Return the names of outdated pages."""
    paths = {name: REFERENCE / name for name in PAGES}
    return [name for name, path in paths.items() if not path.exists() or path.read_text("utf-8") != PAGES[name]()]


def main(arguments: list[str]) -> None:
    if arguments not in (["--write"], ["--check"]):
        sys.exit("Use: python -m scripts.render_reference --write | --check")
    names = drifted()
    if arguments == ["--write"]:
        for name in names:
            (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
    elif names:
        sys.exit(f"{', '.join(names)}: outdated. Run: python -m scripts.render_reference --write")


if __name__ == "__main__":
    main(sys.argv[1:])
