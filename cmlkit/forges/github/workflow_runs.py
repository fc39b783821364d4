"""Workflow runs: their jobs and annotations, running them again, and those that failed."""

from __future__ import annotations

import functools
from datetime import UTC, datetime

from cmlkit.forges.github.client import Client
from cmlkit.forges.github.transport import PAGE_SIZE
from cmlkit.forges.workflows import FailedRun, Job, Step
from cmlkit.records.fields import Fields
from cmlkit.together import together


class WorkflowRuns:
    """Runs of the repository's workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run_attempt(self, run_id: str) -> int:
        """Return the number of the latest attempt, from 1."""
        return self._client.http.get(self._client.path("actions", "runs", run_id)).whole("run_attempt")

    def jobs(self, run_id: str) -> list[Job]:
        found = self._client.http.pages(self._client.path("actions", "runs", run_id, "jobs"), key="jobs", filter="all")
        return [_job(answer) for answer in found]

    def annotation_titles(self, run_id: str, *, attempt: int) -> list[str]:
        """Return the titles of an attempt's annotations, such as those from `::warning title=…::`."""
        jobs = self._client.path("actions", "runs", run_id, "attempts", attempt, "jobs")

        def titles(job: Fields) -> list[str]:
            path = self._client.path("check-runs", _check_run_id(job), "annotations")
            return [annotation.text("title", "") for annotation in self._client.http.pages(path)]

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
        return [_failed(run) for run in answer.listed("workflow_runs") if run.text("name", "") == workflow]

    def rerun(self, run_id: str) -> None:
        """Run all jobs again. Conflict or PermissionDenied until the run has ended."""
        self._client.http.request("POST", self._client.path("actions", "runs", run_id, "rerun"), body={})


def _job(answer: Fields) -> Job:
    # https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run
    return Job(
        runner_name=answer.text("runner_name", ""),
        is_over=answer.text("status") == "completed",
        name=answer.text("name", ""),
        attempt=answer.whole("run_attempt", 1),
        conclusion=answer.text("conclusion", ""),
        created=_moment(answer, "created_at"),
        started=_moment(answer, "started_at"),
        completed=_moment(answer, "completed_at"),
        steps=tuple(
            Step(
                name=step.text("name", ""),
                started=_moment(step, "started_at"),
                completed=_moment(step, "completed_at"),
            )
            for step in answer.any_listed("steps")
            if step.has("started_at")
        ),
    )


def _moment(answer: Fields, name: str) -> float | None:
    return answer.moment(name) if answer.has(name) else None


def _failed(run: Fields) -> FailedRun:
    seconds = run.moment("updated_at") - run.moment("run_started_at")
    return FailedRun(run_id=str(run.whole("id")), seconds=max(seconds, 0.0))


def _check_run_id(job: Fields) -> int:
    """Return the id of the job's check run, which only its address contains."""
    number = job.text("check_run_url").rpartition("/")[2]
    if not number.isdecimal():
        raise job.problem("check_run_url", "ends with no number")
    return int(number)
