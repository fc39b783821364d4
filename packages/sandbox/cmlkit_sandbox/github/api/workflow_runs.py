"""Workflow runs and their jobs: get, cancel, run again."""

from __future__ import annotations

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import (
    Json,
    api,
    minimal_repository,
    page,
    user,
)
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.jobs import Job, WorkflowRun
from cmlkit_sandbox.github.refusals import Refusal, not_found
from cmlkit_sandbox.github.repository import Repository

runs = Routes()

ACTIONS = "/repos/<owner>/<repo>/actions"
RUN = f"{ACTIONS}/runs/<int:run_id>"


@runs.add("GET", f"{ACTIONS}/runs", needs="actions=read")
def list_runs(call: Call) -> Answer:
    status = call.query("status")
    found = [
        run
        for run in reversed(list(call.repository.runs.values()))
        if call.query("branch") in ("", run.branch)
        and call.query("event") in ("", run.event)
        and call.query("head_sha") in ("", run.sha)
        and status in ("", run.status, run.conclusion)
        # ISO 8601 in UTC sorts as time does; other forms of GitHub's search for dates are not known here.
        and run.created >= call.query("created").removeprefix(">=")
    ]
    return call.page(found, lambda run: workflow_run(call.hub, call.repository, run), key="workflow_runs")


@runs.add("GET", RUN, needs="actions=read")
def get_run(call: Call, run_id: int) -> Answer:
    return Answer(body=workflow_run(call.hub, call.repository, _run(call, run_id)))


@runs.add("GET", f"{RUN}/jobs", needs="actions=read")
def list_jobs(call: Call, run_id: int) -> Answer:
    run = _run(call, run_id)
    call.hub.runners.look()
    jobs = run.jobs if call.query("filter") == "all" else run.latest_jobs()
    return call.page(jobs, lambda job: _job(call.hub, call.repository, job), key="jobs")


@runs.add("GET", f"{RUN}/attempts/<int:attempt>/jobs", needs="actions=read")
def list_jobs_of_attempt(call: Call, run_id: int, attempt: int) -> Answer:
    run = _run(call, run_id)
    if attempt > run.attempt:
        raise not_found()
    jobs = [job for job in run.jobs if job.attempt == attempt]
    return call.page(jobs, lambda job: _job(call.hub, call.repository, job), key="jobs")


@runs.add("POST", f"{RUN}/cancel", needs="actions=write")
def cancel_run(call: Call, run_id: int) -> Answer:
    run = _run(call, run_id)
    if run.status == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    for job in run.latest_jobs():
        call.hub.runners.cancel(job)
    return Answer(status=202, body={})


@runs.add("POST", f"{RUN}/rerun", needs="actions=write")
def rerun(call: Call, run_id: int) -> Answer:
    return _run_again(call, _run(call, run_id), failed_only=False)


@runs.add("POST", f"{RUN}/rerun-failed-jobs", needs="actions=write")
def rerun_failed_jobs(call: Call, run_id: int) -> Answer:
    return _run_again(call, _run(call, run_id), failed_only=True)


def _run_again(call: Call, run: WorkflowRun, *, failed_only: bool) -> Answer:
    if run.status != "completed":
        raise Refusal(403, "This workflow is already running")
    again = [job for job in run.latest_jobs() if not failed_only or job.conclusion != "success"]
    run.attempt += 1
    for job in again:
        call.hub.queue_job(
            call.repository,
            run,
            name=job.name,
            labels=job.asked_labels,
            steps=job.steps,
            environ=job.environ,
            permissions=job.permissions,
        )
    return Answer(status=201, body={})


def _run(call: Call, run_id: int) -> WorkflowRun:
    call.hub.runners.look()
    found = call.repository.runs.get(run_id)
    if found is None:
        raise not_found()
    return found


def workflow_run(hub: Hub, repository: Repository, run: WorkflowRun) -> Json:
    root = api(hub, repository, f"/actions/runs/{run.id}")
    workflow = api(hub, repository, f"/actions/workflows/{repository.id}")
    return {
        "id": run.id,
        "name": run.workflow,
        "node_id": f"WFR_{run.id}",
        "head_branch": run.branch,
        "head_sha": run.sha,
        "path": f".github/workflows/{run.workflow.lower().replace(' ', '-')}.yml",
        "display_title": run.workflow,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": repository.id,
        "check_suite_id": run.id,
        "check_suite_node_id": f"CS_{run.id}",
        "url": root,
        "html_url": page(hub, repository, f"/actions/runs/{run.id}"),
        "pull_requests": [],
        "created_at": run.created,
        "updated_at": max([run.created, *(job.completed for job in run.jobs if job.completed)]),
        "run_started_at": run.created,
        "actor": user(hub, run.actor),
        "triggering_actor": user(hub, run.actor),
        "jobs_url": f"{root}/jobs",
        "logs_url": f"{root}/logs",
        "check_suite_url": api(hub, repository, f"/check-suites/{run.id}"),
        "artifacts_url": f"{root}/artifacts",
        "cancel_url": f"{root}/cancel",
        "rerun_url": f"{root}/rerun",
        "previous_attempt_url": f"{root}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
        "workflow_url": workflow,
        "head_commit": _head_commit(repository, run),
        "repository": minimal_repository(hub, repository),
        "head_repository": minimal_repository(hub, repository),
    }


def _head_commit(repository: Repository, run: WorkflowRun) -> Json | None:
    if not run.sha:
        return None
    commit = repository.git.commit(run.sha)
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": commit.committer.iso,
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def _job(hub: Hub, repository: Repository, job: Job) -> Json:
    has_runner = job.runner_id is not None
    return {
        "id": job.id,
        "run_id": job.run.id,
        "run_url": api(hub, repository, f"/actions/runs/{job.run.id}"),
        "run_attempt": job.attempt,
        "node_id": f"CR_{job.id}",
        "head_sha": job.run.sha,
        "head_branch": job.run.branch,
        "url": api(hub, repository, f"/actions/jobs/{job.id}"),
        "html_url": page(hub, repository, f"/actions/runs/{job.run.id}/job/{job.id}"),
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": job.created,
        "started_at": job.started or job.created,
        "completed_at": job.completed,
        "name": job.name,
        "workflow_name": job.run.workflow,
        "steps": [
            {
                "name": step.name,
                "number": step.number,
                "status": "completed" if step.conclusion else "in_progress",
                "conclusion": step.conclusion,
                "started_at": step.started,
                "completed_at": step.completed,
            }
            for step in job.results
        ],
        "check_run_url": api(hub, repository, f"/check-runs/{job.id}"),
        "labels": list(job.labels),
        "runner_id": job.runner_id,
        "runner_name": job.runner_name,
        "runner_group_id": 1 if has_runner else None,
        "runner_group_name": "Default" if has_runner else None,
    }
