"""Workflow runs: their jobs and annotations, running them again, and those that failed."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from cmlkit.forges.github.client import Client, parsed
from cmlkit.forges.github.transport import PAGE_SIZE
from cmlkit.forges.workflows import FailedRun, Job
from cmlkit.together import together


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

    def jobs(self, run_id: str) -> list[Job]:
        found = self._client.http.pages(self._client.path("actions", "runs", run_id, "jobs"), key="jobs", filter="all")
        return [parsed(_job, answer) for answer in found]

    def annotation_titles(self, run_id: str, *, attempt: int) -> list[str]:
        """Return the titles of an attempt's annotations, such as those from `::warning title=…::`."""
        jobs = self._client.path("actions", "runs", run_id, "attempts", attempt, "jobs")

        def titles(job: Any) -> list[str]:
            path = self._client.path("check-runs", parsed(_check_run_id, job), "annotations")
            return [str(annotation.get("title") or "") for annotation in self._client.http.pages(path)]

        reads = [functools.partial(titles, job) for job in self._client.http.pages(jobs, key="jobs")]
        return [title for found in together(*reads) for title in found]

    def failed_runs(self, workflow: str, *, since: float) -> list[FailedRun]:
        """Return the last failed runs of the workflow with that name, from one page of all workflows' runs.

        https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
        """
        day = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = self._client.http.get(
            self._client.path("actions", "runs"),
            status="failure",
            created=f">={day}",
            exclude_pull_requests="true",
            per_page=PAGE_SIZE,
        )
        return parsed(lambda found: [_failed(run) for run in found["workflow_runs"] if run["name"] == workflow], answer)

    def rerun(self, run_id: str) -> None:
        """Run all jobs again. Conflict or PermissionDenied until the run has ended."""
        self._client.http.request("POST", self._client.path("actions", "runs", run_id, "rerun"), body={})


def _job(answer: Any) -> Job:
    # https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run
    return Job(runner_name=str(answer.get("runner_name") or ""), is_over=answer["status"] == "completed")


def _failed(run: Any) -> FailedRun:
    started = datetime.fromisoformat(str(run["run_started_at"]).replace("Z", "+00:00"))
    ended = datetime.fromisoformat(str(run["updated_at"]).replace("Z", "+00:00"))
    return FailedRun(run_id=str(run["id"]), seconds=max((ended - started).total_seconds(), 0.0))


def _check_run_id(job: Any) -> int:
    """Return the id of the job's check run, which only its address contains."""
    return int(str(job["check_run_url"]).rpartition("/")[2])
