"""The page `docs/reference/python.md`: the names that cmlkit exports, by task, with the examples of a file."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cmlkit
from cmlkit.report.markdown import code

EXAMPLES = Path(__file__).resolve().parent / "python_examples.md"
INTRODUCTION = """\
# Python

Everything here is imported from `cmlkit` itself; [Use it from Python](../how-to/use-from-python.md) shows the whole
way. Examples that begin with `import cmlkit` run as they stand; the others are parts of
[whole scripts](../../examples/python-api)."""
# Names that stand in no group come last, so that a new one is never left out.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Run, forge and cloud": ("from_env", "Project", "workflow_run", "WorkflowRun", "GitHub", "regions"),
    "Launching": ("launch_runner", "RunnerSpec"),
    "Training": ("train", "TrainSpec", "TrainingRun"),
    "Judging": ("compare", "Verdict", "GateSpec", "paired_interval", "Interval", "Report"),
    "Publishing": ("publish", "PublishSpec", "Publication"),
    "Model files": ("save_model", "load_model", "ModelManifest"),
    "Versions of a model": (
        *("list_versions", "Versions", "ModelVersion", "diff_models", "Comparison"),
        *("promote", "Promotion", "pull_model", "Pulled"),
    ),
}
STARS: Mapping[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def page() -> str:
    """Return the whole page."""
    shown = examples()
    parts = [INTRODUCTION, _overview()]
    for title, names in groups().items():
        parts += [f"## {title}", *(_member(name, getattr(cmlkit, name), shown.get(name, "")) for name in names)]
    return "\n\n".join(parts) + "\n"


def groups() -> dict[str, tuple[str, ...]]:
    """Return the exported names by group: those of `GROUPS`, the errors, and all others."""
    exported = [name for name in sorted(cmlkit._HOMES) if callable(getattr(cmlkit, name))]
    found = {title: tuple(name for name in names if name in exported) for title, names in GROUPS.items()}
    listed = {name for names in found.values() for name in names}
    errors = tuple(name for name in exported if _is_error(getattr(cmlkit, name)))
    others = tuple(name for name in exported if name not in {*listed, *errors})
    return {title: names for title, names in {**found, "Errors": errors, "Further": others}.items() if names}


def examples() -> dict[str, str]:
    """Return the example of each name, as blocks of markdown."""
    parts = re.split(r"^## (\w+)\n", EXAMPLES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _is_error(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, Exception)


def _overview() -> str:
    lines = [
        f"- {title}: {', '.join(f'[{code(name)}](#{name.lower()})' for name in names)}"
        for title, names in groups().items()
    ]
    return "\n".join(lines)


def docstring(item: Any) -> str:
    """Return the docstring, with its sections as text, so that markdown keeps their indentation."""
    summary, _, rest = (inspect.getdoc(item) or "").partition("\n\n")
    return f"{summary}\n\n```text\n{rest}\n```" if rest else summary


def _member(name: str, member: Any, example: str) -> str:
    parts = [f"### {name}", docstring(member), *([example] if example else [])]
    parts.append(f"```text\n{_signature(name, member)}\n```")
    return "\n\n".join([*parts, *(_methods(name, member) if inspect.isclass(member) else [])])


def _methods(name: str, member: type[Any]) -> Iterator[str]:
    for method, value in vars(member).items():
        if inspect.isfunction(value) and not method.startswith("_") and value.__doc__:
            yield f"#### {name}.{method}\n\n```text\n{_signature(method, value)}\n```\n\n{docstring(value)}"


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
