"""Write the tables of docs/how-to/migrate-from-cml.md from the data that the translator uses.

python -m scripts.render_guide --write   write them
python -m scripts.render_guide --check   exit 1 if one is outdated
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cmlkit.cli.cml.commands import COMMANDS, EVERY
from cmlkit.cli.cml.flags import Becomes, Flag, Nothing, Refused, Repository, Same, Token
from cmlkit.report.markdown import code, table

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "migrate-from-cml.md"
REGION = re.compile(
    r"(?P<begin><!-- flags of (?P<command>[a-z -]+) -->\n).*?(?P<end><!-- end of flags -->\n)", re.DOTALL
)


def rendered(text: str) -> str:
    """Return the guide with each table rendered anew."""
    tables = {" ".join(command.path): command.flags for command in COMMANDS} | {"every command": EVERY}
    return REGION.sub(lambda match: f"{match['begin']}\n{_table(tables[match['command']])}\n\n{match['end']}", text)


def _table(flags: tuple[Flag, ...]) -> str:
    return table(["CML", "cmlkit"], [[_names(flag), _fate(flag)] for flag in flags])


def _names(flag: Flag) -> str:
    names = ", ".join(code(name) for name in flag.names)
    return f"{names} (before 0.20)" if flag.older else names


def _fate(flag: Flag) -> str:
    match flag.fate:
        case Same():
            return code(flag.name) if flag.aliases else "the same"
        case Becomes(shown=shown, takes=takes):
            return f"{shown}: {takes}" if takes else shown
        case Nothing(why=why):
            return f"accepted, without effect: {_continued(why)}"
        case Refused(why=why, instead=instead):
            return f"an error: {_continued(f'{why} {instead}')}"
        case Token():
            return "accepted, with a warning, as others can read arguments; the variable REPO_TOKEN is better"
        case Repository():
            return "accepted for the repository of the run, in any form; another one is an error"


def _continued(text: str) -> str:
    """Return sentences as the end of one, with the first letter small unless it belongs to a name."""
    text = text.strip().removesuffix(".")
    return text if text.startswith(("CML", "TensorBoard", "`")) else text[0].lower() + text[1:]


def main(arguments: list[str]) -> None:
    if arguments not in (["--write"], ["--check"]):
        sys.exit("Use: python -m scripts.render_guide --write | --check")
    text = GUIDE.read_text(encoding="utf-8")
    if arguments == ["--write"]:
        GUIDE.write_text(rendered(text), encoding="utf-8")
    elif text != rendered(text):
        sys.exit(f"{GUIDE.name}: outdated. Run: python -m scripts.render_guide --write")


if __name__ == "__main__":
    main(sys.argv[1:])
