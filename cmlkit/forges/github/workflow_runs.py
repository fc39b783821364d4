"""Workflow runs: what their jobs warned of, and running them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cmlkit.forges.github.client import Client, parsed


class WorkflowRuns:
    """Runs of the repository's workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run_attempt(self, run_id: str) -> int:
        """The number of the latest attempt, from 1."""
        return parsed(
            lambda answer: int(answer["run_attempt"]),
            self._client.http.get(self._client.path("actions", "runs", run_id)),
        )

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterator[str]:
        """Titles of what the jobs of an attempt have put on the run's page, such as by `::warning title=…::`."""
        jobs = self._client.path("actions", "runs", run_id, "attempts", attempt, "jobs")
        for job in self._client.http.pages(jobs, key="jobs"):
            for annotation in self._client.http.pages(
                self._client.path("check-runs", parsed(_check_run_id, job), "annotations")
            ):
                yield str(annotation.get("title") or "")

    def rerun(self, run_id: str) -> None:
        """Run all jobs again. Conflict or PermissionDenied while the run is not over."""
        self._client.http.request("POST", self._client.path("actions", "runs", run_id, "rerun"), body={})


def _check_run_id(job: Any) -> int:
    """The job's check run, whose id only its address has."""
    return int(str(job["check_run_url"]).rpartition("/")[2])
