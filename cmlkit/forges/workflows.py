"""What resuming needs of a forge: workflow runs, and running them again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class WorkflowForge(Protocol):
    """What resuming needs."""

    def run_attempt(self, run_id: str) -> int:
        """The number of a workflow run's latest attempt, from 1."""

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterable[str]:
        """Titles of what the jobs of an attempt have put on the run's page."""

    def rerun(self, run_id: str) -> None:
        """Run all jobs of the run again, as its next attempt."""
