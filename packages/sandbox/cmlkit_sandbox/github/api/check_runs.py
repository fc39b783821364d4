"""Check runs and commit statuses."""

from __future__ import annotations

from collections.abc import Mapping

from cmlkit_sandbox.github.api.call import Answer, Call, Fields
from cmlkit_sandbox.github.api.commits import resolved
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import (
    Json,
    api,
    minimal_repository,
    page,
    user,
)
from cmlkit_sandbox.github.checks import CheckOutput, CheckRun, CommitStatus
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.merging import merge_if_ready
from cmlkit_sandbox.github.refusals import invalid, not_found, unprocessable
from cmlkit_sandbox.github.repository import Repository

checks = Routes()

REPOSITORY = "/repos/<owner>/<repo>"
APPS_ONLY = frozenset({"personal"})
STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)
# https://docs.github.com/en/rest/checks/runs#create-a-check-run
SUMMARY_LIMIT = 65_535
ANNOTATIONS_LIMIT = 50
# https://docs.github.com/en/rest/commits/statuses: a longer description is refused.
DESCRIPTION_LIMIT = 140


@checks.add("POST", f"{REPOSITORY}/check-runs", needs="checks=write", forbidden=APPS_ONLY)
def create_check_run(call: Call) -> Answer:
    fields = call.fields
    name, sha = fields.text("name"), fields.text("head_sha")
    if call.repository.git.kind(sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {sha}")
    run = CheckRun(
        id=call.hub.next_id(),
        name=name,
        sha=sha,
        status="queued",
        conclusion=None,
        started=None,
        completed=None,
        details_url=None,
        external_id=None,
    )
    _apply(call, run, fields)
    call.repository.check_runs[run.id] = run
    _settle(call, sha)
    return Answer(status=201, body=check_run(call.hub, call.repository, run))


@checks.add("PATCH", f"{REPOSITORY}/check-runs/<int:check_run_id>", needs="checks=write", forbidden=APPS_ONLY)
def update_check_run(call: Call, check_run_id: int) -> Answer:
    run, fields = _check_run(call, check_run_id), call.fields
    run.name = fields.optional_text("name", run.name) or run.name
    _apply(call, run, fields)
    _settle(call, run.sha)
    return Answer(body=check_run(call.hub, call.repository, run))


@checks.add("GET", f"{REPOSITORY}/check-runs/<int:check_run_id>/annotations", needs="checks=read")
def list_annotations(call: Call, check_run_id: int) -> Answer:
    jobs = [job for run in call.repository.runs.values() for job in run.jobs if job.id == check_run_id]
    found = jobs[0].annotations() if jobs else _check_run(call, check_run_id).output.annotations
    return call.page(list(found), lambda annotation: _annotation(call, annotation))


def _annotation(call: Call, annotation: object) -> Json:
    assert isinstance(annotation, Mapping)
    empty = {"path": ".github", "start_line": 1, "end_line": 1, "title": None, "message": None, "raw_details": None}
    found = {name: annotation.get(name, value) for name, value in empty.items()}
    columns = {name: annotation.get(name) for name in ("start_column", "end_column")}
    level = annotation.get("annotation_level", "warning")
    return {
        **found,
        **columns,
        "annotation_level": level,
        "blob_href": page(call.hub, call.repository, "/blob/main/.github"),
    }


def _apply(call: Call, run: CheckRun, fields: Fields) -> None:
    if "conclusion" in fields:
        run.conclusion = fields.one_of("conclusion", CONCLUSIONS)
        run.status = "completed"
        run.completed = fields.optional_text("completed_at", call.hub.timestamp())
    elif "status" in fields:
        run.status = fields.one_of("status", STATUSES)
        if run.status == "completed":
            raise unprocessable('Invalid request.\n\n"conclusion" wasn\'t supplied.')
        run.conclusion = run.completed = None
    run.started = fields.optional_text("started_at", run.started or call.hub.timestamp())
    # Ignored for GITHUB_TOKEN: https://github.com/actions/github-script/issues/143
    if call.token is None or call.token.kind != "job":
        run.details_url = fields.optional_text("details_url", run.details_url)
    run.external_id = fields.optional_text("external_id", run.external_id)
    if "output" in fields:
        run.output = _output(fields.object("output"), run.output)


def _output(fields: Fields, before: CheckOutput) -> CheckOutput:
    summary, text = fields.text("summary"), fields.optional_text("text", before.text)
    for name, value in {"summary": summary, "text": text or ""}.items():
        if len(value.encode()) > SUMMARY_LIMIT:
            message = f"Only {SUMMARY_LIMIT} characters are allowed; {len(value.encode())} were supplied."
            raise unprocessable(f"Invalid request.\n\nFor 'properties/{name}', {message}")
    annotations = [each.values for each in fields.objects("annotations")]
    if len(annotations) > ANNOTATIONS_LIMIT:
        raise unprocessable(f"Invalid request.\n\nNo more than {ANNOTATIONS_LIMIT} items are allowed.")
    return CheckOutput(
        title=fields.optional_text("title", before.title),
        summary=summary,
        text=text,
        annotations=(*before.annotations, *annotations),
    )


def _settle(call: Call, sha: str) -> None:
    for pull in call.repository.pulls:
        if pull.state == "open" and pull.head_sha == sha:
            merge_if_ready(call.hub, call.repository, pull)


@checks.add("GET", f"{REPOSITORY}/check-runs/<int:check_run_id>", needs="checks=read")
def get_check_run(call: Call, check_run_id: int) -> Answer:
    return Answer(body=check_run(call.hub, call.repository, _check_run(call, check_run_id)))


@checks.add("GET", f"{REPOSITORY}/commits/<path:ref>/check-runs", needs="checks=read")
def list_check_runs(call: Call, ref: str) -> Answer:
    sha, name, status = resolved(call.repository, ref), call.query("check_name"), call.query("status")
    found = [
        run
        for run in list(call.repository.check_runs.values())
        if run.sha == sha and name in ("", run.name) and status in ("", run.status)
    ]
    if call.query("filter", "latest") == "latest":
        found = list({run.name: run for run in found}.values())
    return call.page(
        sorted(found, key=lambda run: -run.id),
        lambda run: check_run(call.hub, call.repository, run),
        key="check_runs",
    )


def _check_run(call: Call, check_run_id: int) -> CheckRun:
    found = call.repository.check_runs.get(check_run_id)
    if found is None:
        raise not_found()
    return found


def check_run(hub: Hub, repository: Repository, run: CheckRun) -> Json:
    root = api(hub, repository, f"/check-runs/{run.id}")
    html = page(hub, repository, f"/runs/{run.id}")
    on = [pull for pull in repository.pulls if pull.state == "open" and pull.head_sha == run.sha]
    return {
        "id": run.id,
        "node_id": f"CR_{run.id}",
        "name": run.name,
        "head_sha": run.sha,
        "external_id": run.external_id,
        "url": root,
        "html_url": html,
        "details_url": run.details_url or html,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.started,
        "completed_at": run.completed,
        "output": {
            "title": run.output.title,
            "summary": run.output.summary,
            "text": run.output.text,
            "annotations_count": len(run.output.annotations),
            "annotations_url": f"{root}/annotations",
        },
        "check_suite": {"id": run.id},
        "app": actions_app(hub),
        "pull_requests": [
            {
                "id": pull.id,
                "number": pull.number,
                "url": api(hub, repository, f"/pulls/{pull.number}"),
                "head": _pull_end(hub, pull.head_repository, pull.head, pull.head_sha),
                "base": _pull_end(hub, repository, pull.base, pull.base_sha),
            }
            for pull in on
        ],
    }


def _pull_end(hub: Hub, repository: Repository, branch: str, sha: str) -> Json:
    repo = {"id": repository.id, "name": repository.name, "url": api(hub, repository)}
    return {"ref": branch, "sha": sha, "repo": repo}


def actions_app(hub: Hub) -> Json:
    """Return the App that GITHUB_TOKEN belongs to."""
    return {
        "id": 15368,
        "slug": "github-actions",
        "node_id": "A_15368",
        "owner": user(hub, hub.account("github", kind="Organization")),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": f"{hub.url}/features/actions",
        "html_url": f"{hub.url}/apps/github-actions",
        "created_at": "2018-07-30T09:30:17Z",
        "updated_at": "2018-07-30T09:30:17Z",
        "permissions": {"checks": "write", "contents": "write", "metadata": "read"},
        "events": [],
    }


@checks.add("POST", f"{REPOSITORY}/statuses/<sha>", needs="statuses=write")
def create_status(call: Call, sha: str) -> Answer:
    fields = call.fields
    if call.repository.git.kind(sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {sha}")
    state = fields.text("state")
    if state not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "custom", field="state", message="state is not included in the list")
    description = fields.optional_text("description")
    if description is not None and len(description) > DESCRIPTION_LIMIT:
        message = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid("Status", "custom", field="description", message=message)
    status = CommitStatus(
        id=call.hub.next_id(),
        sha=sha,
        state=state,
        context=fields.optional_text("context", "default") or "default",
        description=description,
        target_url=fields.optional_text("target_url"),
        creator=call.actor,
        created=call.hub.timestamp(),
    )
    call.repository.statuses.append(status)
    _settle(call, sha)
    return Answer(status=201, body=_status(call, status))


@checks.add("GET", f"{REPOSITORY}/commits/<path:ref>/statuses", needs="statuses=read")
@checks.add("GET", f"{REPOSITORY}/statuses/<path:ref>", needs="statuses=read")
def list_statuses(call: Call, ref: str) -> Answer:
    """List the statuses of a commit, newest first, those that were replaced included."""
    sha = resolved(call.repository, ref)
    found = [each for each in reversed(call.repository.statuses) if each.sha == sha]
    return call.page(found, lambda each: _status(call, each))


@checks.add("GET", f"{REPOSITORY}/commits/<path:ref>/status", needs="statuses=read")
def combined_status(call: Call, ref: str) -> Answer:
    """Return the latest status of each context, and what they amount to."""
    sha = resolved(call.repository, ref)
    latest = list({each.context: each for each in call.repository.statuses if each.sha == sha}.values())
    states = {each.state for each in latest}
    failed = states & {"error", "failure"}
    body = {
        "state": "failure" if failed else "success" if states == {"success"} else "pending",
        "sha": sha,
        "total_count": len(latest),
        "statuses": call.page(latest, lambda each: _short_status(call, each)).body,
        "repository": minimal_repository(call.hub, call.repository),
        "commit_url": api(call.hub, call.repository, f"/commits/{sha}"),
        "url": api(call.hub, call.repository, f"/commits/{sha}/status"),
    }
    return Answer(body=body)


def _status(call: Call, status: CommitStatus) -> Json:
    return {**_short_status(call, status), "creator": user(call.hub, status.creator)}


def _short_status(call: Call, status: CommitStatus) -> Json:
    return {
        "url": api(call.hub, call.repository, f"/statuses/{status.sha}"),
        "avatar_url": f"{call.hub.url}/avatars/{status.creator.id}",
        "id": status.id,
        "node_id": f"SC_{status.id}",
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created,
        "updated_at": status.created,
    }
