"""Workflow runs and their jobs: queued, running, and finished."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cmlkit_sandbox.github.accounts import Account, Level

JobStatus = Literal["queued", "in_progress", "completed"]
POLL_SECONDS = 0.25
LOG_TAIL = 2000

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
LEVELS: Mapping[str, str] = {"error": "failure", "warning": "warning", "notice": "notice"}
_ANNOTATION = re.compile(r"^::(error|warning|notice)(?: title=([^:,]*))?::(.*)$", re.MULTILINE)

# What GITHUB_TOKEN may do in the sandbox unless a job says otherwise: what a workflow that publishes asks for.
JOB_PERMISSIONS: Mapping[str, Level] = {
    "actions": "read",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


@dataclass(kw_only=True)
class StepResult:
    """A step that has begun."""

    name: str
    number: int
    started: str
    conclusion: str | None = None
    completed: str | None = None


@dataclass(kw_only=True, eq=False)
class Job:
    """One job of a workflow run.

    Attributes:
        asked_labels: The labels as requested, with GitHub's expressions.
        steps: bash lines, one string per step.
        environ: Environment variables of all steps.
        repository: Full name; `is_private` says whether only members see it.
        labels: Labels that a runner must all have.
        conclusion: `success`, `failure` or `cancelled`; None until it ends.
        log: The job's output so far.
        summary: The job summary in markdown.
        outputs: Values that the steps wrote to GITHUB_OUTPUT.
    """

    id: int
    name: str
    repository: str
    is_private: bool
    run: WorkflowRun
    attempt: int
    labels: tuple[str, ...]
    asked_labels: tuple[str, ...]
    steps: tuple[str, ...]
    environ: Mapping[str, str]
    permissions: Mapping[str, Level]
    created: str
    changed: threading.Condition
    look: Callable[[], object] = field(repr=False)
    status: JobStatus = "queued"
    conclusion: str | None = None
    started: str | None = None
    completed: str | None = None
    runner_id: int | None = None
    runner_name: str | None = None
    session: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    cancel_asked: bool = False
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    results: list[StepResult] = field(default_factory=list)

    @property
    def run_id(self) -> int:
        return self.run.id

    def annotations(self) -> list[dict[str, str]]:
        """Annotations of the job, from lines such as `::warning title=TITLE::MESSAGE`."""
        return [
            {"annotation_level": LEVELS[level], "title": title or "", "message": message}
            for level, title, message in _ANNOTATION.findall(self.log)
        ]

    def wait(self, timeout: float) -> str:
        """Wait until the job ends; return its conclusion.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: It has not ended by then; the message has the log's tail.
        """
        deadline = time.monotonic() + timeout
        with self.changed:
            while self.conclusion is None:
                if time.monotonic() > deadline:
                    tail = self.log[-LOG_TAIL:]
                    raise TimeoutError(f"Job {self.name!r} is {self.status} after {timeout} s. Log:\n{tail}")
                self.changed.wait(POLL_SECONDS)
                self.look()
        return self.conclusion


@dataclass(kw_only=True, eq=False)
class WorkflowRun:
    """A run of a workflow; `jobs` are those of all attempts."""

    id: int
    number: int
    workflow: str
    event: str
    branch: str
    sha: str
    actor: Account
    created: str
    attempt: int = 1
    jobs: list[Job] = field(default_factory=list)

    def expand(self, text: str) -> str:
        """Return the text with `github.run_id` and `github.run_attempt` expanded."""
        values = {"github.run_id": self.id, "github.run_attempt": self.attempt}
        for name, value in values.items():
            text = text.replace(f"${{{{ {name} }}}}", str(value))
        return text

    def latest_jobs(self) -> list[Job]:
        """Return the last attempt's jobs, and those of earlier attempts that it did not repeat."""
        latest: dict[str, Job] = {job.name: job for job in self.jobs}
        return list(latest.values())

    @property
    def status(self) -> JobStatus:
        statuses: Sequence[JobStatus] = [job.status for job in self.latest_jobs()]
        if all(status == "completed" for status in statuses) and statuses:
            return "completed"
        return "in_progress" if "in_progress" in statuses or "completed" in statuses else "queued"

    @property
    def conclusion(self) -> str | None:
        if self.status != "completed":
            return None
        conclusions = {job.conclusion for job in self.latest_jobs()}
        return next((each for each in ("failure", "cancelled") if each in conclusions), "success")
