"""git over HTTP: `git http-backend` behind the sandbox's tokens."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import IO, cast

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.authentication import token_of
from cmlkit_sandbox.github.git_repository import isolated_environment
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.protection import push_rules
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Repository
from cmlkit_sandbox.github.workflow_files import refused_words

SERVICES = "/info/refs|/git-upload-pack|/git-receive-pack"
PATH = re.compile(rf"/(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?(?P<rest>{SERVICES})")
CHUNK_BYTES = 64 * 1024


def is_git(request: Request) -> bool:
    return PATH.fullmatch(request.path) is not None


def answer(hub: Hub, request: Request) -> Response:
    """Answer a git client's request, or ask it for a token."""
    match = PATH.fullmatch(request.path)
    assert match is not None
    is_push = "git-receive-pack" in (request.args.get("service"), match["rest"].lstrip("/"))
    try:
        token = token_of(hub, request)
        repository = allowed_repository(hub, f"{match['owner']}/{match['name']}", token, is_push=is_push)
    except Refusal as refusal:
        return _refused(refusal)
    return _run_backend(hub, request, repository, match["rest"], token, is_push=is_push)


def allowed_repository(hub: Hub, full_name: str, token: Token | None, *, is_push: bool) -> Repository:
    """Return the repository if the token may read it, or write to it if `is_push`.

    Raises:
        Refusal: 401 if a token is needed, 403 if it does not suffice, 404 if it may not see the repository.
    """
    if token is None and (is_push or full_name.lower() not in hub.repositories):
        raise Refusal(401, "Requires authentication")
    repository = hub.repository(full_name)
    if token is None and repository.private:
        raise Refusal(401, "Requires authentication")
    if token is not None and repository.private and not token.reaches(repository.full_name):
        raise Refusal(404, "Repository not found.")
    if token is not None and not _may(token, repository, is_push=is_push):
        raise Refusal(403, f"Permission to {repository.full_name}.git denied to {token.account.login}.")
    return repository


def _may(token: Token, repository: Repository, *, is_push: bool) -> bool:
    if is_push:
        return token.reaches(repository.full_name) and token.has("contents", "write")
    return not repository.private or token.has("contents", "read")


def _refused(refusal: Refusal) -> Response:
    response = Response(f"{refusal.message}\n", status=refusal.status, content_type="text/plain")
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
    return response


def _run_backend(
    hub: Hub, request: Request, repository: Repository, rest: str, token: Token | None, *, is_push: bool
) -> Response:
    variables = {
        "GIT_PROJECT_ROOT": str(repository.git.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.git.path.name}{rest}",
        "QUERY_STRING": request.query_string.decode("latin-1"),
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "" if token is None else token.account.login,
        "REMOTE_ADDR": "127.0.0.1",
        "CMLKIT_SANDBOX_RULES": push_rules(repository),
        "CMLKIT_SANDBOX_WORKFLOWS": "" if token is None or token.may_change_workflows else refused_words(token),
    }
    if request.content_length is not None:
        variables["CONTENT_LENGTH"] = str(request.content_length)
    backend = subprocess.Popen(
        ["git", "http-backend"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=isolated_environment(variables),
    )
    _feed(backend, request)
    status, headers = _head(cast("IO[bytes]", backend.stdout))
    return Response(_body(hub, repository, backend, is_push=is_push), status=status, headers=headers)


def _feed(backend: subprocess.Popen[bytes], request: Request) -> None:
    """Pass the request's body on. git reads all of it before it answers, so this comes first."""
    source, target = request.stream, cast("IO[bytes]", backend.stdin)
    with target:
        while chunk := source.read(CHUNK_BYTES):
            try:
                target.write(chunk)
            except BrokenPipeError:
                return


def _head(output: IO[bytes]) -> tuple[int, Headers]:
    """Return the status and headers before the body of a CGI program's output."""
    headers = Headers()
    status = 200
    while line := output.readline().strip():
        name, _, value = line.decode("latin-1").partition(": ")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.add(name, value)
    return status, headers


def _body(hub: Hub, repository: Repository, backend: subprocess.Popen[bytes], *, is_push: bool) -> Iterator[bytes]:
    output = cast("IO[bytes]", backend.stdout)
    try:
        while chunk := output.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
            yield chunk
    finally:
        output.close()
        backend.wait()
        if is_push:
            after_push(hub, repository)
