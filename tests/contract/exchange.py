"""The contract around real HTTP: a hook for `requests` sessions, a check for `responses` calls, a WSGI middleware.

A client's side, with or without `responses` in between, and a server's side:

    session.hooks["response"].append(session_hook(contract, "https://api.github.com"))
    check_calls(contract, responses.calls, "https://api.github.com")
    violations = []; server = make_server(host, port, ContractMiddleware(app, contract, violations))
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import requests
import responses

from tests.contract.contract import JSON, Contract, ContractViolation


def parse_body(body: bytes) -> object:
    """A body as `Contract` takes it: None when empty, the JSON value, or the bytes when they are not JSON."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body


def parse_query(query: str) -> dict[str, str]:
    """A query string as `Contract` takes it; of a repeated name the last counts, as at GitHub."""
    return dict(parse_qsl(query, keep_blank_values=True))


def check_exchange(contract: Contract, response: requests.Response, api_url: str) -> None:
    """Raise ContractViolation unless this answer, and the request that it is for, keep the contract.

    Requests to other places than `api_url`, such as a download, are not looked at.
    """
    check_sent(contract, response.request, api_url)
    path = _api_path(response.request, api_url)
    if path is not None:
        method = response.request.method or ""
        media_type = response.headers.get("content-type", JSON)
        contract.check_response(method, path, response.status_code, parse_body(response.content), media_type)


def check_sent(contract: Contract, request: requests.PreparedRequest, api_url: str) -> None:
    """Raise ContractViolation unless this request keeps the contract, whatever came back."""
    path = _api_path(request, api_url)
    if path is not None:
        sent = request.body.encode() if isinstance(request.body, str) else request.body or b""
        query = parse_query(urlsplit(request.url or "").query)
        contract.check_request(request.method or "", path, query, parse_body(sent))


def check_calls(contract: Contract, calls: Iterable[responses.Call], api_url: str) -> None:
    """Raise ContractViolation at the first recorded call that breaks the contract; a lost answer does not."""
    for call in calls:
        answer: object = call.response
        if isinstance(answer, requests.Response):
            check_exchange(contract, answer, api_url)
        else:
            check_sent(contract, call.request, api_url)


def _api_path(request: requests.PreparedRequest, api_url: str) -> str | None:
    root = api_url.rstrip("/")
    url = request.url or ""
    return url.removeprefix(root).partition("?")[0] if url.startswith(root + "/") else None


def session_hook(contract: Contract, api_url: str) -> Callable[..., None]:
    """A `response` hook for a `requests` session that checks every exchange with `api_url`."""

    def check(response: requests.Response, *_arguments: object, **_options: object) -> None:
        check_exchange(contract, response, api_url)

    return check


class ContractMiddleware:
    """A WSGI application that passes everything on unchanged, and records each violation instead of raising it.

    Only paths below `prefix` for which `covers` (given the path after the prefix) is true are checked: a server may
    also hold web pages and git repositories.
    """

    def __init__(
        self,
        app: WSGIApplication,
        contract: Contract,
        violations: list[ContractViolation],
        *,
        prefix: str = "",
        covers: Callable[[str], bool] = lambda path: True,
    ) -> None:
        self._app = app
        self._contract = contract
        self._violations = violations
        self._prefix = prefix.rstrip("/")
        self._covers = covers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        full_path = request_path(environ)
        path = full_path.removeprefix(self._prefix)
        if not full_path.startswith(self._prefix + "/") or not self._covers(path):
            return self._app(environ, start_response)
        return self._checked(path, environ, start_response)

    def _checked(self, path: str, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        method = environ["REQUEST_METHOD"]
        sent = take_body(environ)
        query = parse_query(environ.get("QUERY_STRING", ""))
        self._record(self._contract.check_request, method, path, query, parse_body(sent))
        status, headers, answer = _run(self._app, environ, start_response)
        media_type = headers.get("content-type", JSON)
        self._record(self._contract.check_response, method, path, status, parse_body(answer), media_type)
        return [answer]

    def _record(self, check: Callable[..., None], *arguments: object) -> None:
        try:
            check(*arguments)
        except ContractViolation as violation:
            self._violations.append(violation)


def request_path(environ: WSGIEnvironment) -> str:
    """The request's path, percent-encoded as the client sent it where the server kept that (werkzeug does)."""
    sent = str(environ.get("RAW_URI", ""))
    if sent.startswith("/"):
        return sent.partition("?")[0]
    return quote(str(environ.get("PATH_INFO", "")).encode("latin-1"))


def take_body(environ: WSGIEnvironment) -> bytes:
    """Read the request's body, and put it back for whoever reads next."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _run(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> tuple[int, Mapping[str, str], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
        started.append((status, headers))
        return start_response(status, headers, *rest)

    chunks = app(environ, start)
    try:
        answer = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return int(status.split()[0]), {name.lower(): value for name, value in headers}, answer


def assert_contract_kept(violations: list[ContractViolation]) -> None:
    """Raise AssertionError that lists the violations that a ContractMiddleware recorded, each once; return if none."""
    assert not violations, "GitHub's contract was broken:\n" + "\n".join(dict.fromkeys(map(str, violations)))
