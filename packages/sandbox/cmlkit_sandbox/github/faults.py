"""Faults on demand, injected into the requests that a test names."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from cmlkit_sandbox.http_server import break_connection

# What runners and the server tell each other: long polls, and a line of the log at a time.
UNLOGGED = ("/_runner/sessions", "/_runner/messages", "/_runner/jobs/")
UNICORN = b"<!DOCTYPE html>\n<html><body><h1>Unicorn!</h1><p>This page is taking too long to load.</p></body></html>\n"


class RequestRecord(NamedTuple):
    """One request and the status of its answer; None if the connection broke first.

    `depth` is its place in the longest chain of requests that waited for each other: one more than that of the deepest
    request that was answered before it came.
    """

    method: str
    path: str
    status: int | None
    depth: int = 0


def trips(requests: Sequence[RequestRecord]) -> int:
    """Return how many round trips these successive requests took, with those that overlap counted as one."""
    depths = [request.depth for request in requests]
    return max(depths) - min(depths) + 1 if depths else 0


@dataclass(kw_only=True)
class Fault:
    """A fault for requests of one method whose path matches. Unless `acted`, the server does nothing else.

    Attributes:
        method: `GET`, …, or `*`.
        path: Regular expression searched in the path, including `/api/v3`.
        times: How many requests it hits, after letting `skip` requests pass.
        status, headers, body: The answer.
        acted: Whether the server carries out the request before it answers with the fault.
        drop: Break the connection instead of answering.
        truncate: Break the connection in the middle of the real answer.
        latency: Seconds before the request is looked at.
        before, after: Callbacks for when the request arrives, and when the server has acted.
    """

    method: str
    path: str
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "Server Error"}'
    acted: bool = False
    drop: bool = False
    truncate: bool = False
    latency: float = 0.0
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def hits(self, method: str, path: str) -> bool:
        """Return whether this request is hit, and count it."""
        if self.method not in ("*", method) or not re.search(self.path, path) or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Faults:
    """The faults that are still pending."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        method: str,
        path: str,
        *,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        acted: bool = False,
        html: bool = False,
        drop_connection_before: bool = False,
        drop_connection_after: bool = False,
        truncate: bool = False,
        latency: float = 0.0,
        before: Callable[[], None] | None = None,
        after: Callable[[], None] | None = None,
    ) -> Fault:
        """Inject a fault into the next requests of a method and path; see Fault.

        Args:
            html: Answer with a web page; status 502 unless given.
            drop_connection_before: Break the connection before the server has done anything.
            drop_connection_after: Break it after the server has acted, before it answers.
        """
        media_type = "text/html; charset=utf-8" if html else "application/json; charset=utf-8"
        fault = Fault(
            method=method,
            path=path,
            times=times,
            skip=skip,
            status=502 if html and status is None else status,
            headers={"Content-Type": media_type, **(headers or {})},
            body=body if body is not None else UNICORN if html else Fault.body,
            acted=acted or drop_connection_after,
            drop=drop_connection_before or drop_connection_after,
            truncate=truncate,
            latency=latency,
            before=before,
            after=after,
        )
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request; the oldest wins."""
        with self._lock:
            return next((fault for fault in self._waiting if fault.hits(method, path)), None)


@dataclass(kw_only=True)
class FaultLayer:
    """WSGI middleware that logs, delays and injects faults.

    Attributes:
        latency: Delay of every request to the API, in seconds.
        answered: Depth of the deepest request that was answered.
    """

    app: WSGIApplication
    faults: Faults
    requests: list[RequestRecord]
    sleep: Callable[[float], None] = time.sleep
    latency: float = 0.0
    answered: int = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith(UNLOGGED):
            return self.app(environ, start_response)
        depth = self.answered + 1
        fault = self.faults.take(method, path)
        wait = self.latency + (fault.latency if fault else 0.0)
        if wait:
            self.sleep(wait)
        status, answer = self._answer(fault, environ, start_response)
        self.answered = max(self.answered, depth)
        self.requests.append(RequestRecord(method, path, status, depth))
        return answer

    def _answer(
        self, fault: Fault | None, environ: WSGIEnvironment, start_response: StartResponse
    ) -> tuple[int | None, Iterable[bytes]]:
        if fault is None:
            return self._true_answer(environ, start_response)
        if fault.before:
            fault.before()
        if (fault.drop or fault.status is not None) and not fault.acted:
            return _wrong_answer(fault, environ, start_response)
        if fault.drop or fault.status is not None:
            status, chunks = self._true_answer(environ, _ignore)
            b"".join(chunks)
            if fault.after:
                fault.after()
            return _wrong_answer(fault, environ, start_response)
        status, chunks = self._true_answer(environ, start_response)
        if fault.after:
            fault.after()
        return status, _truncated(chunks, environ) if fault.truncate else chunks

    def _true_answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> tuple[int, Iterable[bytes]]:
        statuses: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], *rest: object) -> Callable[[bytes], object]:
            statuses.append(int(status.split()[0]))
            return start_response(status, headers)

        chunks = self.app(environ, start)
        return statuses[-1], chunks


def _ignore(status: str, headers: list[tuple[str, str]], *rest: object) -> Callable[[bytes], object]:
    return lambda chunk: None


def _wrong_answer(
    fault: Fault, environ: WSGIEnvironment, start_response: StartResponse
) -> tuple[int | None, Iterable[bytes]]:
    if fault.drop:
        return None, _Dropped(environ)
    response = Response(fault.body, status=fault.status)
    response.headers.update(fault.headers)
    return fault.status, response(environ, start_response)


class _Dropped:
    """An answer that breaks the connection."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        break_connection(self._environ)
        raise ConnectionResetError


def _truncated(chunks: Iterable[bytes], environ: WSGIEnvironment) -> Iterator[bytes]:
    body = b"".join(chunks)
    yield body[: len(body) // 2]
    raise ConnectionResetError
