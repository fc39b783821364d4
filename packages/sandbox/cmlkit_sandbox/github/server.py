"""The sandbox's GitHub as one server on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github import git_http
from cmlkit_sandbox.github.accounts import (
    CLASSIC_SCOPES,
    Account,
    Level,
    Token,
    TokenKind,
)
from cmlkit_sandbox.github.api import PREFIX, RestApi
from cmlkit_sandbox.github.apps import App
from cmlkit_sandbox.github.faults import FaultLayer, Faults, RequestRecord
from cmlkit_sandbox.github.graphql import GraphQlApi
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.jobs import JOB_PERMISSIONS, Job, WorkflowRun
from cmlkit_sandbox.github.lfs import LfsApi
from cmlkit_sandbox.github.pages import Web
from cmlkit_sandbox.github.repository import Protection, Repository
from cmlkit_sandbox.github.runner_link import RunnerLink
from cmlkit_sandbox.http_server import Server


def _unchanged(app: WSGIApplication) -> WSGIApplication:
    return app


class GitHubServer:
    """A GitHub on a free port of 127.0.0.1: REST, GraphQL, git over HTTP, web pages, and runners' jobs.

    Repositories are bare git repositories below `directory`; everything else lives in memory.

        with GitHubServer(directory) as github:
            github.add_repository("octo/random-forest", source)
            github.add_token("ghp_sandbox", "octo")
            … GITHUB_SERVER_URL=github.url GITHUB_API_URL=github.api_url …

    Args:
        directory: An empty folder, or one that is to be made.
        port: 0 for any free port.
        now: The server's clock, in seconds since the epoch.
        sleep: Waits for `latency`, in seconds.
        wrap: Wraps the application in WSGI middleware, such as a contract check.

    Attributes:
        hub: The server's state; the functions of `seeding` change it as people would.
        faults: The pending faults.
        requests: Every request so far with its status, except those of runners.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        wrap: Callable[[WSGIApplication], WSGIApplication] = _unchanged,
    ) -> None:
        self.hub = Hub(directory, now=now)
        self.faults = Faults()
        self.requests: list[RequestRecord] = []
        self._application = Application(self.hub)
        self._layer = FaultLayer(app=wrap(self._application), faults=self.faults, requests=self.requests, sleep=sleep)
        self._server = Server(self._layer, port=port)
        self.hub.url = self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hub.runners.shut_down()
        self._server.stop()

    @property
    def url(self) -> str:
        """GITHUB_SERVER_URL."""
        return self.hub.url

    @property
    def api_url(self) -> str:
        """GITHUB_API_URL."""
        return self.hub.api_url

    @property
    def latency(self) -> float:
        """Delay of each request, in seconds."""
        return self._layer.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._layer.latency = seconds

    def add_repository(self, full_name: str, source: Path | None = None, *, private: bool = False) -> Repository:
        """Create a repository with a folder's files in one commit on `main`; empty without a folder."""
        return self.hub.add_repository(full_name, source=source, private=private)

    def add_token(
        self,
        value: str,
        login: str = "octo",
        *,
        kind: TokenKind = "personal",
        permissions: Mapping[str, Level] | None = None,
        scopes: Sequence[str] = CLASSIC_SCOPES,
        repositories: Sequence[str] | None = None,
        rate_limit: int = 5000,
        expires: float | None = None,
    ) -> Token:
        """Add a valid token; see Token for its fields."""
        return self.hub.add_token(
            value,
            login,
            kind=kind,
            permissions=permissions,
            scopes=scopes,
            repositories=repositories,
            rate_limit=rate_limit,
            expires=expires,
        )

    def add_organization(self, login: str) -> Account:
        """Create an organisation's account, before its repositories, whose owner would be a user otherwise."""
        return self.hub.account(login, kind="Organization")

    def add_app(self, app_id: int, public_key: str, *, owner: str, permissions: Mapping[str, Level]) -> App:
        """Register a GitHub App, installed on an account; `public_key` is the PEM of the key for its JWTs."""
        return self.hub.add_app(app_id, public_key, owner=owner, permissions=permissions)

    def protect(self, full_name: str, branch: str, protection: Protection | None = None) -> None:
        """Protect a branch by a rule; by default, changes need a pull request."""
        self.hub.repository(full_name).protections[branch] = protection or Protection()

    def start_run(
        self, full_name: str, *, workflow: str = "Train", event: str = "schedule", branch: str = "", actor: str = ""
    ) -> WorkflowRun:
        """Start a run of a workflow, to which jobs can be added."""
        return self.hub.start_run(full_name, workflow=workflow, event=event, branch=branch, actor=actor)

    def queue_job(
        self,
        full_name: str,
        *,
        labels: Sequence[str],
        steps: Sequence[str],
        environ: Mapping[str, str] | None = None,
        name: str = "train",
        run: WorkflowRun | None = None,
        permissions: Mapping[str, Level] = JOB_PERMISSIONS,
    ) -> Job:
        """Queue a job for the first runner that has all `labels`; in a new run unless one is given.

        Args:
            labels: May contain `${{ github.run_id }}` and `${{ github.run_attempt }}`, as may values of `environ`.
            steps: bash lines, one string per step; GITHUB_TOKEN is in their environment.
            permissions: Permissions of GITHUB_TOKEN.
        """
        return self.hub.queue_job(
            self.hub.repository(full_name),
            run or self.start_run(full_name),
            name=name,
            labels=labels,
            steps=steps,
            environ=environ or {},
            permissions=permissions,
        )

    def hosted_job(self, run: WorkflowRun, full_name: str, *, name: str, step: str) -> AbstractContextManager[Job]:
        """Show a job of the run on a machine of GitHub's while the block lasts, whose work the block does itself."""
        return self.hub.hosted_job(self.hub.repository(full_name), run, name=name, step=step)

    def pull_request_html(self, full_name: str, number: int) -> str:
        """Return the pull request's page as one file with styles and images embedded."""
        return self._application.web.pull_request_page(full_name, number, inline=True)


class Application:
    """The WSGI application over a hub."""

    def __init__(self, hub: Hub) -> None:
        self.web = Web(hub)
        self._hub = hub
        self._rest = RestApi(hub)
        self._graphql = GraphQlApi(hub)
        self._lfs = LfsApi(hub)
        self._runners = RunnerLink(hub)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(f"{PREFIX}/") or request.path == PREFIX:
            response = self._rest.answer(request)
        elif request.path == "/api/graphql":
            response = self._graphql.answer(request)
        elif request.path.startswith("/_runner/"):
            return self._runners.answer(request)
        elif self._lfs.serves(request):
            response = self._lfs.answer(request)
        elif git_http.is_git(request):
            response = git_http.answer(self._hub, request)
        else:
            response = self.web.answer(request)
        return _with_common_headers(self._hub, response)


def _with_common_headers(hub: Hub, response: Response) -> Response:
    response.date = hub.moment()
    response.headers["Server"] = "github.com"
    response.headers["X-GitHub-Request-Id"] = f"SAND:{hub.next_id():X}"
    return response
