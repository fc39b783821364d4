"""`cmlkit init --from-cml`: which workflows there are, their new files, and what is printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import SETTINGS_BYTES, read_regular, read_text
from cmlkit.cli.from_cml import calls, remaining
from cmlkit.cli.from_cml.rewriting import NotWorkflow, Rewritten, rewrite
from cmlkit.cli.output import print_json, print_pairs, print_table
from cmlkit.errors import SettingsError
from cmlkit.sinks import printing

SUFFIX = "-cmlkit"
WORKFLOWS = Path(".github/workflows")
# Files of other services, which cmlkit does not serve.
_ELSEWHERE = {".gitlab-ci.yml": "GitLab", ".gitlab-ci.yaml": "GitLab", "bitbucket-pipelines.yml": "Bitbucket"}
# Files that a workflow runs or builds from.
_SCRIPTS = re.compile(r"(.*/)?(Makefile|makefile|Dockerfile|dvc\.yaml|action\.ya?ml|.*\.(sh|bash|mk|py))")

_INSTALLS = re.compile(r"@dvcorg/cml|iterative/setup-cml")


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """A workflow with the one that takes its place."""

    old: Path
    new: Path
    rewritten: Rewritten
    steps: Sequence[str]

    def as_json(self, *, written: bool) -> dict[str, Any]:
        """Return the result for machines."""
        return {
            "workflow": self.old.as_posix(),
            "written": self.new.as_posix() if written else None,
            "lines": [asdict(row) for row in self.rewritten.rows],
            "steps": list(self.steps),
            "text": self.rewritten.text,
        }


def migrated(named: Sequence[Path], *, action: str, listed: Sequence[str]) -> list[Migrated]:
    """Return the workflows that are named, or else those of the repository that use CML, rewritten.

    Args:
        action: Our action, as `OWNER/REPOSITORY@REF`.
        listed: The repository's files, to look for other places that name CML.

    Raises:
        SettingsError: A file is missing, is no workflow of GitHub Actions, or does not use CML.
    """
    others = [place for path in listed if _SCRIPTS.fullmatch(path) for place in _places(Path(path))]
    if named:
        return [_migrated(path, action, others, is_named=True) for path in named]
    found = [_migrated(path, action, others, is_named=False) for path in _workflows()]
    using = [item for item in found if item.rewritten.rows]
    if not using:
        raise SettingsError(f"No workflow in {WORKFLOWS} uses CML.{_other_services()}", next_step=_NAME_ONE)
    return using


_NAME_ONE = "Name the file: cmlkit init --from-cml PATH."


def _workflows() -> list[Path]:
    paths = [path for path in WORKFLOWS.glob("*") if path.suffix in (".yml", ".yaml")]
    return sorted(path for path in paths if not path.stem.endswith(SUFFIX))


def _other_services() -> str:
    there = [(name, service) for name, service in _ELSEWHERE.items() if Path(name).exists()]
    return f" {there[0][0]} is {there[0][1]}'s; cmlkit works with GitHub Actions only." if there else ""


def _migrated(path: Path, action: str, others: Sequence[str], *, is_named: bool) -> Migrated:
    if path.name in _ELSEWHERE:
        raise SettingsError(
            f"{path} is a file of {_ELSEWHERE[path.name]}; cmlkit works with GitHub Actions only.",
            next_step="Stay with CML there, or write the workflow anew: cmlkit init.",
        )
    new = path.with_name(f"{path.stem}{SUFFIX}{path.suffix}")
    try:
        rewritten = rewrite(read_regular(path, SETTINGS_BYTES).decode("utf-8"), action=action)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", next_step=_NAME_ONE) from error
    except NotWorkflow as error:
        raise SettingsError(
            f"{path}: {error}", next_step="docs/how-to/migrate-from-cml.md lists what changes."
        ) from error
    if is_named and not rewritten.rows:
        raise SettingsError(f"{path} does not use CML.", next_step="Name another file, or run cmlkit init.")
    steps = remaining.steps(rewritten, old=str(path), new=str(new), others=others)
    return Migrated(old=path, new=new, rewritten=rewritten, steps=steps)


def _places(path: Path) -> list[str]:
    """Return the lines of a file that name a command of CML, as `PATH:LINE: TEXT`."""
    try:
        text = read_text(path, SETTINGS_BYTES)
    except (OSError, UnicodeDecodeError):
        return []
    places = [*calls.mentions(text), *(found.start() for found in _INSTALLS.finditer(text))]
    lines = {text.count("\n", 0, at) for at in places}
    return [f"{path.as_posix()}:{line + 1}: {text.splitlines()[line].strip()}" for line in sorted(lines)]


def show(found: Sequence[Migrated], *, as_json: bool, written: bool) -> None:
    """Print what each line becomes, and what remains to be done."""
    if as_json:
        print_json({"workflows": [item.as_json(written=written) for item in found]})
        return
    for item in found:
        print_pairs([("workflow", str(item.old)), ("written" if written else "not written", str(item.new))])
        printing.show()
        print_table([_shown(asdict(row)) for row in item.rewritten.rows])
        if not written:
            printing.show(f"\n{item.rewritten.text}".removesuffix("\n"))
        printing.show("\nWhat is left to do:")
        for number, step in enumerate(item.steps, start=1):
            printing.show(f"{number}. {step}")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for the table: of several lines the first, and nothing twice."""
    new = str(row["new"]) if row["new"] != row["old"] else ""
    first, *more = new.splitlines() or [""]
    return {**row, "new": f"{first} … ({len(more) + 1} lines)" if more else first}
