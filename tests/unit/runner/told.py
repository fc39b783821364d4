"""The progress that a person sees, kept for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cmlkit.progress import Say


@dataclass
class Told:
    """Keeps the titles of the stages, what they said at the end, and the notes and warnings."""

    stages: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[Say]:
        said = [""]
        self.stages.append(title)
        yield said.append
        self.ends.append(said[-1])

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
