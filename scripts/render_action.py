"""Write the inputs of `action.yml`, and the variables that they travel in, from the settings schema.

python scripts/render_action.py           print what action.yml should be
python scripts/render_action.py --write   make it so
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
    """The text of an `action.yml` with its two regions of settings as the schema has them."""
    regions = iter(("".join(_inputs()), "".join(_variables())))
    return REGION.sub(lambda match: f"{match['begin']}{next(regions)}{match['end']}", text)


def inputs() -> dict[str, tuple[Setting, ...]]:
    """Name of each input, with the settings that it sets: `labels` are both the runner's and the pull request's."""
    keys = dict.fromkeys(declaration.key for declaration in SETTINGS)
    return {key: tuple(declaration for declaration in SETTINGS if declaration.key == key) for key in keys}


def _inputs() -> Iterator[str]:
    for key, declarations in inputs().items():
        # JSON's quoting is YAML's too, and the words need it: they have colons and braces in them.
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
