"""Workflow runs: their annotations, and running them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cmlkit.forges.github.client import Client, parsed


class WorkflowRuns:
    """Runs of the repository's workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run_attempt(self, run_id: str) -> int:
        """Return the number of the latest attempt, from 1."""
        return parsed(
            lambda answer: int(answer["run_attempt"]),
            self._client.http.get(self._client.path("actions", "runs", run_id)),
        )

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterator[str]:
        """Return the titles of an attempt's annotations, such as those from `::warning title=…::`."""
        jobs = self._client.path("actions", "runs", run_id, "attempts", attempt, "jobs")
        for job in self._client.http.pages(jobs, key="jobs"):
            for annotation in self._client.http.pages(
                self._client.path("check-runs", parsed(_check_run_id, job), "annotations")
            ):
                yield str(annotation.get("title") or "")

    def rerun(self, run_id: str) -> None:
        """Run all jobs again. Conflict or PermissionDenied until the run has ended."""
        self._client.http.request("POST", self._client.path("actions", "runs", run_id, "rerun"), body={})


def _check_run_id(job: Any) -> int:
    """Return the id of the job's check run, which only its address contains."""
    return int(str(job["check_run_url"]).rpartition("/")[2])
