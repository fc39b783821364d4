"""Print the changelog's section for a version tag.

python -m scripts.release_notes v1.2.3   exit 1 if the package has another version, or the section is missing
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(tag: str, *, version: str, changelog: str) -> str:
    """Return the section below the version's heading.

    Raises:
        ValueError: The tag does not match the version, or its section is missing or empty.
    """
    if tag != f"v{version}":
        raise ValueError(f"{tag} is not the tag of {version}, the version in pyproject.toml.")
    section = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing about {version}. Rename [Unreleased] to [{version}] - DATE.")
    return section[1].strip()


def main(arguments: list[str]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        sys.stdout.write(notes(*arguments, version=version, changelog=changelog) + "\n")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
