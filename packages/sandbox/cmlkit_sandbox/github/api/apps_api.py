"""GitHub Apps: the App itself, its installations, and their tokens."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, user
from cmlkit_sandbox.github.apps import TOKEN_SECONDS, App
from cmlkit_sandbox.github.refusals import not_found, unprocessable

apps = Routes()


@apps.add("GET", "/app", by_app=True)
def get_app(call: Call) -> Answer:
    app = call.app
    body = {
        "id": app.id,
        "slug": app.slug,
        "node_id": f"A_{app.id}",
        "owner": user(call.hub, app.owner),
        "name": app.slug,
        "description": None,
        "external_url": f"{call.hub.url}/apps/{app.slug}",
        "html_url": f"{call.hub.url}/apps/{app.slug}",
        "created_at": app.created,
        "updated_at": app.created,
        "permissions": dict(app.permissions),
        "events": [],
        "installations_count": 1,
    }
    return Answer(body=body)


@apps.add("GET", "/repos/<owner>/<repo>/installation", by_app=True)
def get_installation(call: Call) -> Answer:
    app = call.app
    if call.repository.owner != app.owner:
        raise not_found()
    return Answer(body=_installation(call, app))


def _installation(call: Call, app: App) -> Json:
    root = f"{call.hub.api_url}/app/installations/{app.installation_id}"
    return {
        "id": app.installation_id,
        "account": user(call.hub, app.owner),
        "access_tokens_url": f"{root}/access_tokens",
        "repositories_url": f"{call.hub.api_url}/installation/repositories",
        "html_url": f"{call.hub.url}/settings/installations/{app.installation_id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": app.owner.id,
        "target_type": app.owner.kind,
        "permissions": dict(app.permissions),
        "events": [],
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "repository_selection": "all",
        "created_at": app.created,
        "updated_at": app.created,
        "suspended_by": None,
        "suspended_at": None,
    }


@apps.add("POST", "/app/installations/<int:installation_id>/access_tokens", by_app=True)
def create_token(call: Call, installation_id: int) -> Answer:
    app, fields = call.app, call.fields
    if installation_id != app.installation_id:
        raise not_found()
    wanted = fields.object("permissions").values or app.permissions
    if any(not _grants(app, name, level) for name, level in wanted.items()):
        raise unprocessable("The permissions requested are not granted to this installation.")
    names = fields.texts("repositories")
    owned = [each for each in list(call.hub.repositories.values()) if each.owner == app.owner]
    if not {name.lower() for name in names} <= {each.name.lower() for each in owned}:
        raise unprocessable("There is at least one repository that does not exist or is not accessible to the parent.")
    chosen = [each.full_name for each in owned if not names or each.name.lower() in {name.lower() for name in names}]
    expires = int(call.hub.now()) + TOKEN_SECONDS
    token = call.hub.add_token(
        f"ghs_sandbox{secrets.token_hex(12)}",
        app.bot.login,
        kind="app",
        permissions=dict(wanted),
        repositories=chosen,
        expires=expires,
    )
    body = {
        "token": token.value,
        "expires_at": datetime.fromtimestamp(expires, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": dict(wanted),
        "repository_selection": "selected" if names else "all",
    }
    return Answer(status=201, body=body)


def _grants(app: App, name: str, level: object) -> bool:
    granted = app.permissions.get(name)
    return granted == "write" or (granted is not None and granted == level)
