"""The REST API: authenticates, routes and authorises each request, and answers with GitHub's headers."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.api.account import account
from cmlkit_sandbox.github.api.actions_settings import settings
from cmlkit_sandbox.github.api.apps_api import apps
from cmlkit_sandbox.github.api.attestations import attestations
from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.check_runs import checks
from cmlkit_sandbox.github.api.commits import commits
from cmlkit_sandbox.github.api.contents import contents
from cmlkit_sandbox.github.api.git_objects_api import objects
from cmlkit_sandbox.github.api.issues import issues
from cmlkit_sandbox.github.api.pulls import pulls
from cmlkit_sandbox.github.api.refs import refs
from cmlkit_sandbox.github.api.routes import Endpoint, routing_map
from cmlkit_sandbox.github.api.self_hosted_runners import runners
from cmlkit_sandbox.github.api.workflow_runs import runs
from cmlkit_sandbox.github.apps import App, app_of
from cmlkit_sandbox.github.authentication import token_of
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.refusals import Refusal, not_found
from cmlkit_sandbox.github.repository import Repository

PREFIX = "/api/v3"
API_VERSION = "2022-11-28"

_ROUTES = routing_map(
    PREFIX,
    account,
    apps,
    attestations,
    checks,
    commits,
    contents,
    issues,
    objects,
    pulls,
    refs,
    runners,
    runs,
    settings,
)
_log = logging.getLogger(__name__)


# What anybody may read of a public repository, whatever the token.
PUBLIC = frozenset({"metadata", "contents", "pull_requests", "issues", "checks", "statuses", "actions", "attestations"})


class RestApi:
    """The REST API over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def answer(self, request: Request) -> Response:
        """Answer one request; errors are answered as GitHub answers them."""
        request.get_data()
        token: Token | None = None
        needs = ""
        try:
            endpoint, parameters = self._endpoint(request)
            needs = endpoint.needs
            token = None if endpoint.by_app else token_of(self._hub, request)
            self._check_limits(request, token, by_app=endpoint.by_app)
            answer = self._call(request, token, endpoint, parameters)
        except Refusal as refusal:
            answer = Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
        except Exception:  # noqa: BLE001 - a defect of the sandbox must look like an outage, and be in the log
            _log.exception("The sandbox's GitHub failed at %s %s", request.method, request.path)
            answer = Answer(status=500, body={"message": "Server Error"})
        return self._response(request, answer, token, needs)

    def _endpoint(self, request: Request) -> tuple[Endpoint, Mapping[str, Any]]:
        try:
            endpoint, parameters = _ROUTES.bind("", "/").match(self._path(request), method=request.method)
        except HTTPException:
            raise not_found() from None
        assert isinstance(endpoint, Endpoint)
        return endpoint, parameters

    def _path(self, request: Request) -> str:
        """Return the path, with a repository's id, as used after a rename, replaced by its name."""
        match = re.match(rf"{PREFIX}/repositories/(\d+)", request.path)
        for repository in list(self._hub.repositories.values()) if match else ():
            if match and repository.id == int(match[1]):
                return f"{PREFIX}/repos/{repository.full_name}{request.path[match.end() :]}"
        return request.path

    def _check_limits(self, request: Request, token: Token | None, *, by_app: bool) -> None:
        if not request.headers.get("User-Agent"):
            raise Refusal(403, "Request forbidden by administrative rules. The request has no User-Agent header.")
        # An App that asks for a token is nobody's address, whose 60 requests an hour it would soon have used.
        if by_app or request.path == f"{PREFIX}/rate_limit":
            return
        if not self._hub.limits.use(token):
            whom = f"user ID {token.account.id}" if token else request.remote_addr
            raise Refusal(403, f"API rate limit exceeded for {whom}.")
        wait = self._hub.limits.secondary(token, writes=request.method != "GET")
        if wait:
            message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            raise Refusal(403, message, headers={"Retry-After": str(wait)})

    def _call(self, request: Request, token: Token | None, endpoint: Endpoint, parameters: Mapping[str, Any]) -> Answer:
        given = dict(parameters)
        app = self._app(request) if endpoint.by_app else None
        repository: Repository | None = None
        if "owner" in given:
            full_name = f"{given.pop('owner')}/{given.pop('repo')}"
            repository = self._visible(full_name, token) if app is None else self._hub.repository(full_name)
            self._redirect_former_name(request, repository, full_name)
        if app is None:
            authorise(token, endpoint, repository, is_read=request.method == "GET")
        call = Call(hub=self._hub, request=request, token=token, repository_or_none=repository, app_or_none=app)
        lock = repository.lock if repository is not None and endpoint.locked else contextlib.nullcontext()
        with lock:
            return endpoint.handler(call, **given)

    def _app(self, request: Request) -> App:
        assertion = request.headers.get("Authorization", "").removeprefix("Bearer ")
        app = app_of(self._hub.apps, assertion, now=self._hub.now())
        if app is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        return app

    def _visible(self, full_name: str, token: Token | None) -> Repository:
        repository = self._hub.repository(full_name)
        if repository.private and (token is None or not token.reaches(repository.full_name)):
            raise not_found()
        return repository

    def _redirect_former_name(self, request: Request, repository: Repository, full_name: str) -> None:
        if repository.full_name.lower() == full_name.lower():
            return
        rest = request.path.removeprefix(f"{PREFIX}/repos/{full_name}")
        query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
        location = f"{self._hub.api_url}/repositories/{repository.id}{rest}{query}"
        status = 301 if request.method == "GET" else 307
        raise Refusal(status, "Moved Permanently", headers={"Location": location})

    def _response(self, request: Request, answer: Answer, token: Token | None, needs: str) -> Response:
        body = answer.body
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = Response(content, status=answer.status, content_type=answer.content_type)
        if body is None:
            del response.headers["Content-Type"]
        response.headers.update(self._hub.limits.headers(token))
        response.headers.update({} if token is None else token.headers)
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        response.headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", API_VERSION)
        if needs:
            named = {"X-Accepted-GitHub-Permissions": needs}
            response.headers.update(named if token is None else token.accepted(needs))
        response.headers.update(answer.headers)
        return response


def authorise(token: Token | None, endpoint: Endpoint, repository: Repository | None, *, is_read: bool) -> None:
    """Check that the call's token may do this.

    Raises:
        Refusal: 401 if a token is needed and missing; 403 if it lacks the permission.
    """
    is_public = repository is not None and not repository.private and is_read and _is_public(endpoint.needs)
    if token is None:
        if is_public:
            return
        raise Refusal(401, "Requires authentication")
    if token.kind in endpoint.forbidden:
        only_apps = token.kind == "personal"
        raise Refusal(403, "You must authenticate via a GitHub App." if only_apps else token.refusal())
    if repository is not None and not is_read:
        if not token.reaches(repository.full_name):
            raise Refusal(403, token.refusal())
        if repository.settings.archived:
            raise Refusal(403, "Repository was archived so is read-only.")
    if not is_public and not token.satisfies(endpoint.needs):
        raise Refusal(403, token.refusal())


def _is_public(needs: str) -> bool:
    return all(each.split("=")[0].strip() in PUBLIC for each in re.split("[;,]", needs))
