"""The stand-in runner's server side: a session, messages by long polling, and its job's reports.

Private to the sandbox, below `/_runner/`:

    GET    downloads/FILE               the runner application
    POST   sessions                     {"secret", "version"} -> {"session"}: the runner is online from now on
    GET    messages[?busy=1]            a job, or for a busy runner its cancellation; 204 after some seconds without;
                                        403 for a runner that is too old, in the words that GitHub has for it
    DELETE sessions                     the runner says goodbye
    POST   jobs/ID/log                  text, as it comes
    POST   jobs/ID/steps                {"number", "name", "conclusion"}: a step begins (null), or has ended
    POST   jobs/ID/end                  {"conclusion", "summary", "outputs"}

All but the first two carry the session as a bearer token.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.jobs import Job, StepResult
from cmlkit_sandbox.github.runner_application import tarball
from cmlkit_sandbox.github.runners import Runner

PREFIX = "/_runner"
POLL_SECONDS = 20.0
# How often a waiting poll looks whether the runner is still there.
LOOK_SECONDS = 0.2

_ROUTES = Map(
    [
        Rule(f"{PREFIX}/downloads/<filename>", methods=["GET"], endpoint="download"),
        Rule(f"{PREFIX}/sessions", methods=["POST"], endpoint="open_session"),
        Rule(f"{PREFIX}/sessions", methods=["DELETE"], endpoint="close_session"),
        Rule(f"{PREFIX}/messages", methods=["GET"], endpoint="message"),
        Rule(f"{PREFIX}/jobs/<int:job_id>/log", methods=["POST"], endpoint="log"),
        Rule(f"{PREFIX}/jobs/<int:job_id>/steps", methods=["POST"], endpoint="step"),
        Rule(f"{PREFIX}/jobs/<int:job_id>/end", methods=["POST"], endpoint="end"),
    ]
)


class RunnerLink:
    """Answers the stand-in runners of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pool = hub.runners

    def answer(self, request: Request) -> Response:
        try:
            endpoint, parameters = _ROUTES.bind("", "/").match(request.path, method=request.method)
        except HTTPException as error:
            return Response(status=error.code)
        handler: Callable[..., Response] = getattr(self, f"_{endpoint}")
        if endpoint in ("download", "open_session"):
            return handler(request, **parameters)
        session = request.headers.get("Authorization", "").removeprefix("Bearer ")
        runner = self._pool.by_session(session)
        if "job_id" in parameters:
            job = self._pool.jobs.get(parameters["job_id"])
            if job is None or job.session != session:
                return Response(status=404)
            return handler(request, job)
        return Response(status=404) if runner is None else handler(request, runner)

    def _download(self, request: Request, filename: str) -> Response:
        return Response(tarball(), content_type="application/octet-stream")

    def _open_session(self, request: Request) -> Response:
        asked = _json(request)
        runner = self._pool.open_session(str(asked.get("secret", "")), version=str(asked.get("version", "")))
        if runner is None:
            return Response("The configuration of this runner is used up, or the runner is not registered.", status=403)
        return _answer({"session": runner.session})

    def _close_session(self, request: Request, runner: Runner) -> Response:
        self._pool.close_session(runner)
        return Response(status=204)

    def _message(self, request: Request, runner: Runner) -> Response:
        if not self._pool.accepts(runner):
            # https://github.com/actions/runner/issues/2246: after its session, at its first message
            words = f"Runner version v{runner.version} is deprecated and cannot receive messages."
            return Response(words, status=403)
        is_busy = "busy" in request.args
        connection: socket.socket = request.environ["werkzeug.socket"]
        with self._pool.polling(runner):
            return self._wait_for_message(runner, connection, is_busy=is_busy)

    def _wait_for_message(self, runner: Runner, connection: socket.socket, *, is_busy: bool) -> Response:
        deadline = time.monotonic() + POLL_SECONDS
        with self._pool.changed:
            while time.monotonic() < deadline and not _is_gone(connection):
                if runner.id not in self._pool.runners:
                    return Response(status=404)
                if is_busy and runner.job is not None and runner.job.cancel_asked:
                    return _answer({"cancel": True})
                job = None if is_busy else self._pool.take_job(runner)
                if job is not None:
                    return _answer({"job": self._description(job)})
                self._pool.changed.wait(LOOK_SECONDS)
        return Response(status=204)

    def _description(self, job: Job) -> dict[str, object]:
        run = job.run
        return {
            "id": job.id,
            "name": job.name,
            "token": self._hub.job_token(job),
            "repository": job.repository,
            "sha": run.sha,
            "branch": run.branch,
            "workflow": run.workflow,
            "event": run.event,
            "run_id": run.id,
            "run_number": run.number,
            "run_attempt": job.attempt,
            "actor": run.actor.login,
            "server_url": self._hub.url,
            "api_url": self._hub.api_url,
            "graphql_url": f"{self._hub.url}/api/graphql",
            "steps": list(job.steps),
            "environ": {name: run.expand(value) for name, value in job.environ.items()},
            "cancel_grace": list(self._hub.cancel_grace_seconds),
        }

    def _log(self, request: Request, job: Job) -> Response:
        with self._pool.changed:
            job.log += request.get_data().decode("utf-8", "replace")
            self._pool.changed.notify_all()
        return Response(status=204)

    def _step(self, request: Request, job: Job) -> Response:
        report = _json(request)
        number, now = int(report["number"]), self._hub.timestamp()
        with self._pool.changed:
            if report.get("conclusion") is None:
                job.results.append(StepResult(name=str(report["name"]), number=number, started=now))
            for step in job.results:
                if step.number == number and report.get("conclusion") is not None:
                    step.conclusion, step.completed = str(report["conclusion"]), now
            self._pool.changed.notify_all()
        return Response(status=204)

    def _end(self, request: Request, job: Job) -> Response:
        report = _json(request)
        with self._pool.changed:
            job.summary = str(report.get("summary", ""))
            job.outputs.update(report.get("outputs", {}))
            self._pool.finish(job, str(report["conclusion"]))
        return Response(status=204)


def _json(request: Request) -> dict[str, Any]:
    body = json.loads(request.get_data() or b"{}")
    assert isinstance(body, dict)
    return body


def _answer(body: object) -> Response:
    return Response(json.dumps(body), content_type="application/json")


def _is_gone(connection: socket.socket) -> bool:
    """Return whether the other side has closed the connection; it sends nothing while it waits."""
    readable, _, _ = select.select([connection], [], [], 0)
    try:
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
