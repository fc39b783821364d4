"""Workflow runs, for resuming after an interruption."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class WorkflowForge(Protocol):
    """The forge as resuming needs it."""

    def run_attempt(self, run_id: str) -> int:
        """Return the number of a workflow run's latest attempt, from 1."""

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterable[str]:
        """Return the titles of the annotations of an attempt's jobs."""

    def rerun(self, run_id: str) -> None:
        """Run all jobs of the run again, as its next attempt."""
