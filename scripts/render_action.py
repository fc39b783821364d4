"""Write the inputs of `action.yml`, and their environment variables, from the settings schema; and `action-types.yml`.

python -m scripts.render_action           print action.yml as it should be
python -m scripts.render_action --write   write both
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import FLAG, INTEGER, LIST, NUMBER, Kind, Setting

ACTION = Path(__file__).resolve().parent.parent / "action.yml"
TYPES = ACTION.with_name("action-types.yml")
SETTINGS = tuple(declaration for section in SCHEMA.values() for declaration in section)
REGION = re.compile(r"(?P<begin> *# Settings, as [^\n]*\n).*?(?P<end> *# End of settings\.\n)", re.DOTALL)


def rendered(text: str) -> str:
    """Return the text of an `action.yml` with both regions of settings rendered from the schema."""
    regions = iter(("".join(_inputs()), "".join(_variables())))
    return REGION.sub(lambda match: f"{match['begin']}{next(regions)}{match['end']}", text)


def inputs() -> dict[str, tuple[Setting, ...]]:
    """Map each input to the settings that it sets: `labels` sets the runner's and the pull request's."""
    keys = dict.fromkeys(declaration.key for declaration in SETTINGS)
    return {key: tuple(declaration for declaration in SETTINGS if declaration.key == key) for key in keys}


def _inputs() -> Iterator[str]:
    for key, declarations in inputs().items():
        # JSON strings are valid YAML, and the texts need quotes: they contain colons and braces.
        text = json.dumps(" ".join(declaration.help for declaration in declarations), ensure_ascii=False)
        yield f"  {key}:\n    description: {text}\n    required: false\n"


def _variables() -> Iterator[str]:
    for declaration in SETTINGS:
        # An input that is left out must not hide the variable that a job sets.
        value = f"inputs.{declaration.key} || env.{declaration.variable}"
        yield f"        {declaration.variable}: ${{{{ {value} }}}}\n"


HEADER = """\
# Types of inputs and outputs, as scripts/render_action.py writes them, for programs that write or check workflows.
# The format: https://github.com/typesafegithub/github-actions-typing
"""
# Outputs that may be empty, such as a price, are text: a reader must look before it computes.
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "integer": ("expires", "peak-memory-bytes", "kept", "rewritten", "size"),
    "float": ("cpu-seconds", "seconds"),
}
TRUTHS = ("due", "trained", "published", "interrupted", "rerun", "changed", "unshallowed", "promoted")


def types(action: str) -> str:
    """Return the text of `action-types.yml` for an `action.yml`."""
    declared = yaml.safe_load(action)
    known = inputs()
    typed = {
        "inputs": {
            name: _input_type(known[name][0].kind) if name in known else _own_type(item["description"])
            for name, item in declared["inputs"].items()
        },
        "outputs": {name: {"type": _output_type(name)} for name in declared["outputs"]},
    }
    return HEADER + yaml.safe_dump(typed, sort_keys=False, allow_unicode=True)


def _input_type(kind: Kind) -> dict[str, Any]:
    if kind.choices:
        return {"type": "enum", "allowed-values": list(filter(None, kind.choices))}
    if kind is LIST:
        return {"type": "list", "separator": ",", "list-item": {"type": "string"}}
    return {"type": {FLAG.name: "boolean", INTEGER.name: "integer", NUMBER.name: "float"}.get(kind.name, "string")}


def _own_type(description: str) -> dict[str, Any]:
    return {"type": "boolean" if description.endswith("true or false.") else "string"}


def _output_type(name: str) -> str:
    if name in TRUTHS:
        return "boolean"
    return next((kind for kind, names in NUMBERS.items() if name in names), "string")


def main(arguments: list[str]) -> None:
    text = rendered(ACTION.read_text(encoding="utf-8"))
    if arguments == ["--write"]:
        ACTION.write_text(text, encoding="utf-8")
        TYPES.write_text(types(text), encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
