"""One case: a project with its workflows, the events that start them, and what must be there afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
_KEYS = {"shows", "quick", "files", "when", "then", "protect", "settings", "issues"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case, as its file has it; README.md beside this module describes the keys."""

    name: str
    shows: str
    files: Mapping[str, Any]
    when: Sequence[Mapping[str, Any]]
    then: Mapping[str, Any]
    quick: bool = False
    protect: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    issues: Sequence[str] = ()

    @property
    def launches(self) -> bool:
        """Whether machines must boot: a job runs on a runner that an earlier one launches."""
        return any("self-hosted" in str(content) for name, content in self.files.items() if name.startswith(".github/"))


def read_case(path: Path) -> Case:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := document.keys() - _KEYS:
        raise ValueError(f"{path.name} has keys that are not known: {unknown}")
    return Case(name=path.stem, **document)


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(CASES.glob("*.yml"))]


def pattern(text: str) -> re.Pattern[str]:
    """Return the pattern that an expectation is: a regular expression over lines, found anywhere."""
    return re.compile(text, re.MULTILINE | re.DOTALL)
