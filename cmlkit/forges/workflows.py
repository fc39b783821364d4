"""Workflow runs: their jobs, resuming after an interruption, and what failed ones cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cmlkit.errors import NotFound, PermissionDenied


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a job; times are in seconds since the epoch, None as long as they are unknown."""

    name: str
    started: float | None = None
    completed: float | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a workflow run.

    Attributes:
        runner_name: The runner that has or had it; empty as long as it waits for one.
        is_over: Whether it has ended, successfully or not.
        name: Its name, for people.
        attempt: The attempt of its run, from 1.
        conclusion: `success`, `failure`, `cancelled` or another word of the forge; empty until it has ended.
        created: When it was queued, in seconds since the epoch, like `started` and `completed`; None if unknown.
        steps: Those that have begun.
    """

    runner_name: str
    is_over: bool
    name: str = ""
    attempt: int = 1
    conclusion: str = ""
    created: float | None = None
    started: float | None = None
    completed: float | None = None
    steps: tuple[Step, ...] = ()


class JobForge(Protocol):
    """The forge as telling whether a runner works needs it."""

    def jobs(self, run_id: str) -> list[Job]:
        """Return the jobs of all attempts of a run. PermissionDenied or NotFound if the token may not read them."""


def readable_jobs(forge: JobForge | None, run_id: str) -> list[Job] | None:
    """Return the jobs of a run; None if they may not be read, or the forge has no such run."""
    if forge is None:
        return None
    try:
        return forge.jobs(run_id)
    except (PermissionDenied, NotFound):
        return None


@dataclass(frozen=True, kw_only=True)
class FailedRun:
    """A workflow run that failed; `seconds` are from its start to its end."""

    run_id: str
    seconds: float


class FailedRunsForge(Protocol):
    """The forge as counting the cost of failed runs needs it."""

    def failed_runs(self, workflow: str, *, since: float) -> list[FailedRun]:
        """Return the last runs of a workflow since a time (seconds since the epoch) that failed; at most 100."""


class WorkflowForge(Protocol):
    """The forge as resuming needs it."""

    def run_attempt(self, run_id: str) -> int:
        """Return the number of a workflow run's latest attempt, from 1."""

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterable[str]:
        """Return the titles of the annotations of an attempt's jobs."""

    def rerun(self, run_id: str) -> None:
        """Run all jobs of the run again, as its next attempt."""
