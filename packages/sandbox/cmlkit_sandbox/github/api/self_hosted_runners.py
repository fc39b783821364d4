"""Self-hosted runners of repositories and organisations."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Handler, Routes
from cmlkit_sandbox.github.api.shapes import Json
from cmlkit_sandbox.github.refusals import Refusal, not_found, unprocessable
from cmlkit_sandbox.github.runner_application import (
    ARCHITECTURES,
    RUNNER_VERSION,
    filename,
    tarball_sha256,
)
from cmlkit_sandbox.github.runners import READ_ONLY_LABELS, Runner

runners = Routes()

OF_REPOSITORY = "/repos/<owner>/<repo>/actions/runners"
OF_ORGANISATION = "/orgs/<org>/actions/runners"
NEEDS_OF_REPOSITORY = "administration={}"
NEEDS_OF_ORGANISATION = "organization_self_hosted_runners={}"
# GITHUB_TOKEN has no permission for runners, whatever a workflow asks for.
NO_JOBS = frozenset({"job"})
DEFAULT_GROUP = 1
NAME_LIMIT = 64
# The runner's own limit. https://github.com/actions/runner/blob/main/src/Runner.Listener/Configuration/Validators.cs
LABEL_LIMIT = 256


def _both(method: str, path: str = "") -> Callable[[Handler], Handler]:
    """Add an operation for both repositories and organisations."""
    level = "read" if method == "GET" else "write"

    def decorate(handler: Handler) -> Handler:
        for root, needs in ((OF_REPOSITORY, NEEDS_OF_REPOSITORY), (OF_ORGANISATION, NEEDS_OF_ORGANISATION)):
            add = runners.add(method, root + path, needs=needs.format(level), forbidden=NO_JOBS, locked=False)
            add(handler)
        return handler

    return decorate


def _scope(call: Call, org: str) -> str:
    """Return the runners' owner: the repository's full name, or the organisation's login."""
    if not org:
        return call.repository.full_name
    account = call.hub.accounts.get(org.lower())
    if account is None or account.kind != "Organization":
        raise not_found()
    return account.login


@_both("GET")
def list_runners(call: Call, org: str = "") -> Answer:
    name = call.query("name")
    found = [runner for runner in call.hub.runners.shown(_scope(call, org)) if name in ("", runner.name)]
    return call.page(found, lambda runner: _shown(call, runner), key="runners")


@_both("GET", "/downloads")
def list_downloads(call: Call, org: str = "") -> Answer:
    return Answer(body=[_download(call, architecture) for architecture in ARCHITECTURES])


def _download(call: Call, architecture: str) -> Json:
    return {
        "os": "linux",
        "architecture": architecture,
        "download_url": f"{call.hub.url}/_runner/downloads/{filename(architecture)}",
        "filename": filename(architecture),
        "sha256_checksum": tarball_sha256(),
    }


@_both("POST", "/generate-jitconfig")
def generate_jit_config(call: Call, org: str = "") -> Answer:
    fields, scope = call.fields, _scope(call, org)
    name, labels, group = fields.text("name"), fields.texts("labels"), fields.number("runner_group_id")
    work_folder = fields.optional_text("work_folder", "_work") or "_work"
    if not 1 <= len(labels) <= 100 or not all(label.strip() for label in labels):
        raise unprocessable("Invalid request.\n\n1 to 100 labels are allowed.")
    if any(len(label) > LABEL_LIMIT for label in labels):
        raise unprocessable(f"Invalid request.\n\nLabels must have at most {LABEL_LIMIT} characters.")
    if not name.strip() or len(name) > NAME_LIMIT:
        raise unprocessable(f"Invalid request.\n\nThe name must have 1 to {NAME_LIMIT} characters.")
    if group != DEFAULT_GROUP:
        raise not_found()
    if any(runner.name == name for runner in call.hub.runners.of(scope)):
        raise Refusal(409, "Already exists - A runner with the same name already exists.")
    runner = call.hub.runners.register(
        name=name, scope=scope, labels=tuple(label.lower() for label in labels), group_id=group, work_folder=work_folder
    )
    return Answer(status=201, body={"runner": _shown(call, runner), "encoded_jit_config": _jit_config(call, runner)})


def _jit_config(call: Call, runner: Runner) -> str:
    settings = {
        "agentId": runner.id,
        "agentName": runner.name,
        "gitHubUrl": f"{call.hub.url}/{runner.scope}",
        "serverUrl": f"{call.hub.url}/_runner",
        "workFolder": runner.work_folder,
        "ephemeral": True,
    }
    files = {".runner": settings, ".credentials": {"scheme": "OAuth", "data": {"secret": runner.secret}}}
    return _encoded({name: _encoded(content) for name, content in files.items()})


def _encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode("ascii")


@_both("GET", "/<int:runner_id>")
def get_runner(call: Call, runner_id: int, org: str = "") -> Answer:
    return Answer(body=_shown(call, _runner(call, org, runner_id)))


@_both("DELETE", "/<int:runner_id>")
def delete_runner(call: Call, runner_id: int, org: str = "") -> Answer:
    runner = _runner(call, org, runner_id)
    if runner.busy:
        raise unprocessable(f'Bad request - Runner "{runner.name}" is still running a job"')
    call.hub.runners.remove(runner)
    return Answer(status=204)


@runners.add("GET", "/orgs/<org>/actions/runner-groups", needs=NEEDS_OF_ORGANISATION.format("read"), forbidden=NO_JOBS)
def list_groups(call: Call, org: str) -> Answer:
    _scope(call, org)
    return call.page([DEFAULT_GROUP], lambda group: _group(call, org, group), key="runner_groups")


def _group(call: Call, org: str, group: int) -> Json:
    root = f"{call.hub.api_url}/orgs/{org}/actions/runner-groups/{group}"
    return {
        "id": group,
        "name": "Default",
        "visibility": "all",
        "default": True,
        "runners_url": f"{root}/runners",
        "inherited": False,
        "allows_public_repositories": call.hub.runners.serves_public,
        "restricted_to_workflows": False,
        "selected_workflows": [],
        "workflow_restrictions_read_only": False,
    }


def _runner(call: Call, org: str, runner_id: int) -> Runner:
    for runner in call.hub.runners.shown(_scope(call, org)):
        if runner.id == runner_id:
            return runner
    raise not_found()


def _shown(call: Call, runner: Runner) -> Json:
    working = call.hub.runners.shows_working if runner.busy else ""
    return {
        "id": runner.id,
        "name": runner.name,
        "os": "linux",
        "status": "online" if runner.online and working != "offline" else "offline",
        "busy": working == "busy",
        "ephemeral": True,
        "runner_group_id": runner.group_id,
        "version": RUNNER_VERSION,
        "labels": [
            {"id": index, "name": label, "type": "read-only" if label.lower() in READ_ONLY_LABELS else "custom"}
            for index, label in enumerate(runner.labels, start=1)
        ],
    }
