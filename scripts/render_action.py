"""Write the inputs of `action.yml`, and their environment variables, from the settings schema.

python -m scripts.render_action           print action.yml as it should be
python -m scripts.render_action --write   write it
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cmlkit.settings.schema import SCHEMA
from cmlkit.settings.setting import Setting

ACTION = Path(__file__).resolve().parent.parent / "action.yml"
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


def main(arguments: list[str]) -> None:
    text = rendered(ACTION.read_text(encoding="utf-8"))
    if arguments == ["--write"]:
        ACTION.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
