"""Write the pages of `docs/reference/` that are generated from the code.

python -m scripts.render_reference --write   write them
python -m scripts.render_reference --check   exit 1 with the names of outdated pages
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cmlkit
from cmlkit import errors
from cmlkit.records.json_text import json_text
from cmlkit.report.markdown import code, table
from cmlkit.settings.json_schema import json_schema
from scripts import render_action_page, render_commands, render_events, render_settings
from scripts.render_settings import in_cell

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
STARS: Mapping[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def error_classes() -> str:
    """Return the page of errors, from the tree of classes."""
    introduction = (
        "# Errors and exit codes\n\nEvery error says what happened, on which resource, and the next step. From Python,"
        " each is an exception of `cmlkit.errors` below `CmlkitError`; a command ends with its exit code, or with 0"
        " on success."
    )
    rows = [[code(str(found.exit_code)), code(found.__name__), in_cell(_summary(found))] for found in _tree()]
    attributes = [
        f"## {found.__name__}\n\n{_docstring(found)}" for found in _tree() if "Attributes:" in _docstring(found)
    ]
    return "\n\n".join([introduction, table(["Exit code", "Error", "When"], rows), *attributes]) + "\n"


def _tree(parent: type[errors.CmlkitError] = errors.CmlkitError) -> Iterator[type[errors.CmlkitError]]:
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


def _summary(item: Any) -> str:
    return (inspect.getdoc(item) or "").partition("\n\n")[0]


def _docstring(item: Any) -> str:
    """Return the docstring, with its sections as text, so that markdown keeps their indentation."""
    summary, _, rest = (inspect.getdoc(item) or "").partition("\n\n")
    return f"{summary}\n\n```text\n{rest}\n```" if rest else summary


def python() -> str:
    """Return the page of the Python API, from the names that cmlkit exports."""
    introduction = "# Python\n\nEverything here is imported from `cmlkit` itself."
    return "\n\n".join([introduction, *(_member(name, getattr(cmlkit, name)) for name in cmlkit.__all__)]) + "\n"


def _member(name: str, member: Any) -> str:
    parts = [f"## {name}", f"```text\n{_signature(name, member)}\n```", _docstring(member)]
    return "\n\n".join([*parts, *(_methods(name, member) if inspect.isclass(member) else [])])


def _methods(name: str, member: type[Any]) -> Iterator[str]:
    for method, value in vars(member).items():
        if inspect.isfunction(value) and not method.startswith("_") and value.__doc__:
            yield f"### {name}.{method}\n\n```text\n{_signature(method, value)}\n```\n\n{_docstring(value)}"


def _signature(name: str, member: Any) -> str:
    """Return the call, one parameter per line."""
    if dataclasses.is_dataclass(member):
        parameters = ["*", *(_field(field) for field in dataclasses.fields(member) if field.init)]
        return _call(name, parameters, "")
    signature = inspect.signature(member)
    returns = "" if inspect.isclass(member) else f" -> {_annotation(signature.return_annotation)}"
    return _call(name, list(_parameters(signature)), returns)


def _call(name: str, parameters: list[str], returns: str) -> str:
    lines = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{name}(\n{lines}){returns}" if parameters else f"{name}(){returns}"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    starred = False
    for parameter in signature.parameters.values():
        starred |= parameter.kind is parameter.VAR_POSITIONAL
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        marks = STARS.get(parameter.kind, "")
        annotation = "" if parameter.annotation is parameter.empty else f": {_annotation(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
        yield f"{marks}{parameter.name}{annotation}{default}"


def _field(field: dataclasses.Field[Any]) -> str:
    """Return a dataclass field with its default; a default from a factory is `...`."""
    missing = dataclasses.MISSING
    default = "" if field.default is missing else f" = {_value(field.default)}"
    return f"{field.name}: {_annotation(field.type)}{default if field.default_factory is missing else ' = ...'}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _value(value: Any) -> str:
    """Return the value as written, or `...` if it shows an address, which changes with each run."""
    return "..." if " at 0x" in repr(value) else repr(value)


def schema() -> str:
    """Return the JSON schema of `cmlkit.yaml`, for editors."""
    return json_text(json_schema(), indent=2, ensure_ascii=False) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": render_settings.page,
    "commands.md": render_commands.page,
    "errors.md": error_classes,
    "events.md": render_events.page,
    "action.md": render_action_page.page,
    "python.md": python,
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
