"""The REST API as one function: who asks, what for, may they, and the answer with GitHub's headers."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Request, Response

from cmlkit.sandbox.github.accounts import Token
from cmlkit.sandbox.github.api.account import account
from cmlkit.sandbox.github.api.call import Answer, Call
from cmlkit.sandbox.github.api.check_runs import checks
from cmlkit.sandbox.github.api.commits import commits
from cmlkit.sandbox.github.api.contents import contents
from cmlkit.sandbox.github.api.git_objects_api import objects
from cmlkit.sandbox.github.api.issues import issues
from cmlkit.sandbox.github.api.pulls import pulls
from cmlkit.sandbox.github.api.refs import refs
from cmlkit.sandbox.github.api.routes import Endpoint, routing_map
from cmlkit.sandbox.github.api.self_hosted_runners import runners
from cmlkit.sandbox.github.api.workflow_runs import runs
from cmlkit.sandbox.github.authentication import token_of
from cmlkit.sandbox.github.hub import Hub
from cmlkit.sandbox.github.refusals import Refusal, not_found
from cmlkit.sandbox.github.repository import Repository

PREFIX = "/api/v3"
API_VERSION = "2022-11-28"

_ROUTES = routing_map(PREFIX, account, checks, commits, contents, issues, objects, pulls, refs, runners, runs)
_log = logging.getLogger(__name__)


class RestApi:
    """The REST API over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def answer(self, request: Request) -> Response:
        """Answer one request; whatever goes wrong is answered as GitHub answers it."""
        request.get_data()
        token: Token | None = None
        needs = ""
        try:
            token = token_of(self._hub, request)
            self._check_request(request, token)
            endpoint, parameters = self._endpoint(request)
            needs = endpoint.needs
            answer = self._call(request, token, endpoint, parameters)
        except Refusal as refusal:
            answer = Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
        except Exception:  # noqa: BLE001 - a defect of the sandbox must look like an outage, and be in the log
            _log.exception("The sandbox's GitHub failed at %s %s", request.method, request.path)
            answer = Answer(status=500, body={"message": "Server Error"})
        return self._response(request, answer, token, needs)

    def _check_request(self, request: Request, token: Token | None) -> None:
        if not request.headers.get("User-Agent"):
            raise Refusal(403, "Request forbidden by administrative rules. The request has no User-Agent header.")
        if not request.path.endswith("/rate_limit") and not self._hub.limits.use(token):
            who = "for user ID" if token else "for"
            raise Refusal(403, f"API rate limit exceeded {who} {token.account.id if token else request.remote_addr}.")

    def _endpoint(self, request: Request) -> tuple[Endpoint, Mapping[str, Any]]:
        try:
            endpoint, parameters = _ROUTES.bind("", "/").match(request.path, method=request.method)
        except (RequestRedirect, HTTPException):
            raise not_found() from None
        assert isinstance(endpoint, Endpoint)
        return endpoint, parameters

    def _call(self, request: Request, token: Token | None, endpoint: Endpoint, parameters: Mapping[str, Any]) -> Answer:
        given = dict(parameters)
        repository: Repository | None = None
        if "owner" in given:
            repository = self._visible(f"{given.pop('owner')}/{given.pop('repo')}", token)
        self._authorise(request, token, endpoint, repository)
        call = Call(hub=self._hub, request=request, token=token, repository_or_none=repository)
        lock = repository.lock if repository is not None and endpoint.locked else contextlib.nullcontext()
        with lock:
            return endpoint.handler(call, **given)

    def _visible(self, full_name: str, token: Token | None) -> Repository:
        repository = self._hub.repository(full_name)
        if repository.private and (token is None or not token.reaches(repository.full_name)):
            raise not_found()
        return repository

    def _authorise(
        self, request: Request, token: Token | None, endpoint: Endpoint, repository: Repository | None
    ) -> None:
        is_read = request.method == "GET"
        if token is None:
            if not is_read or repository is None:
                raise Refusal(401, "Requires authentication")
            return
        if token.kind in endpoint.forbidden:
            only_apps = token.kind == "personal"
            raise Refusal(403, "You must authenticate via a GitHub App." if only_apps else token.refusal())
        if repository is not None and not is_read:
            if not token.reaches(repository.full_name):
                raise Refusal(403, token.refusal())
            if repository.settings.archived:
                raise Refusal(403, "Repository was archived so is read-only.")
        if not token.satisfies(endpoint.needs):
            raise Refusal(403, token.refusal())

    def _response(self, request: Request, answer: Answer, token: Token | None, needs: str) -> Response:
        body = answer.body
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = Response(content, status=answer.status, content_type=answer.content_type)
        if body is None:
            del response.headers["Content-Type"]
        response.headers.update(self._hub.limits.headers(token))
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        response.headers["X-GitHub-Api-Version-Selected"] = request.headers.get("X-GitHub-Api-Version", API_VERSION)
        if needs:
            response.headers["X-Accepted-GitHub-Permissions"] = needs
        response.headers.update(answer.headers)
        return response
