"""Settings of Actions: variables, secrets, and the permissions of workflows."""

from __future__ import annotations

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json
from cmlkit_sandbox.github.refusals import Refusal, not_found

settings = Routes()

ACTIONS = "/repos/<owner>/<repo>/actions"


@settings.add("GET", f"{ACTIONS}/permissions/workflow", needs="administration=read")
def workflow_permissions(call: Call) -> Answer:
    kept = call.repository.settings
    body = {
        "default_workflow_permissions": kept.workflow_permissions,
        "can_approve_pull_request_reviews": kept.can_create_pull_requests,
    }
    return Answer(body=body)


@settings.add("PUT", f"{ACTIONS}/permissions/workflow", needs="administration=write")
def set_workflow_permissions(call: Call) -> Answer:
    kept, fields = call.repository.settings, call.fields
    kept.workflow_permissions = fields.values.get("default_workflow_permissions", kept.workflow_permissions)
    kept.can_create_pull_requests = fields.flag(
        "can_approve_pull_request_reviews", default=kept.can_create_pull_requests
    )
    return Answer(status=204)


@settings.add("GET", f"{ACTIONS}/variables/<name>", needs="variables=read")
def get_variable(call: Call, name: str) -> Answer:
    if name not in call.repository.settings.variables:
        raise not_found()
    return Answer(body={**_named(name), "value": call.repository.settings.variables[name]})


@settings.add("POST", f"{ACTIONS}/variables", needs="variables=write")
def create_variable(call: Call) -> Answer:
    name = call.fields.text("name")
    if name in call.repository.settings.variables:
        raise Refusal(409, "Already exists - Variable already exists")
    call.repository.settings.variables[name] = call.fields.text("value")
    return Answer(status=201, body={})


@settings.add("PATCH", f"{ACTIONS}/variables/<name>", needs="variables=write")
def change_variable(call: Call, name: str) -> Answer:
    if name not in call.repository.settings.variables:
        raise not_found()
    call.repository.settings.variables[name] = call.fields.text("value")
    return Answer(status=204)


@settings.add("GET", f"{ACTIONS}/organization-variables", needs="variables=read")
def shared_variables(call: Call) -> Answer:
    return call.page([], lambda item: item, key="variables")


@settings.add("GET", f"{ACTIONS}/secrets/<name>", needs="secrets=read")
def get_secret(call: Call, name: str) -> Answer:
    if name not in call.repository.settings.secrets:
        raise not_found()
    return Answer(body=_named(name))


@settings.add("GET", f"{ACTIONS}/organization-secrets", needs="secrets=read")
def shared_secrets(call: Call) -> Answer:
    return call.page([], lambda item: item, key="secrets")


def _named(name: str) -> Json:
    moment = "2026-11-30T08:00:00Z"
    return {"name": name, "created_at": moment, "updated_at": moment}
