"""Services at the other end of sockets that exist only in this process, a clock that nobody waits for, and faults.

The clients are whole, boto3 and requests with all that is below them: only their sockets and their time are not real.
So a run with a fault costs no more than the work that it does, time-outs included.
"""

from __future__ import annotations

import io
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, NoReturn
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIApplication, WSGIEnvironment

import boto3
import botocore.endpoint
import botocore.retries.quota
import botocore.waiter
import pytest
import urllib3.util.connection
from urllib3.exceptions import NewConnectionError

import cmlkit.clock
from cmlkit_sandbox.aws.call import read_call
from tests.fake_forge import FastClock

Party = Literal["AWS", "GitHub"]


class Died(BaseException):
    """The process was killed: nothing in it may catch that."""


@dataclass(frozen=True, order=True)
class Step:
    """One request: the nth of its kind, at AWS (`RunInstances eu-west-1`) or at GitHub (`GET …/runners/N`)."""

    party: Party
    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.party} {self.call} #{self.nth + 1}"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer.

    Attributes:
        missing: Bytes that its Content-Length counts and that do not come.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    missing: int = 0

    def encoded(self) -> bytes:
        own = ("content-length", "connection", "transfer-encoding")
        kept = {name: value for name, value in self.headers.items() if name.lower() not in own}
        headers = {**kept, "Content-Length": str(len(self.content) + self.missing), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Status\r\n{head}\r\n".encode() + self.content


class Exchange:
    """One request, which a fault answers, or lets the service answer."""

    def __init__(self, wire: Wire, step: Step, environ: WSGIEnvironment, body: bytes) -> None:
        self.wire = wire
        self.step = step
        self.environ = environ
        self.body = body

    @property
    def fresh_environ(self) -> WSGIEnvironment:
        """The request, to be read from its beginning."""
        return {**self.environ, "wsgi.input": io.BytesIO(self.body)}

    def act(self) -> Reply:
        """Return the service's own answer. It is at work in a thread of its own, which no signal interrupts."""
        return self.wire.served(self)

    def served(self, app: WSGIApplication) -> Reply:
        given: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *rest: object) -> Callable[[bytes], object]:
            given.update(status=int(status.split()[0]), headers=dict(headers))
            return lambda chunk: None

        content = b"".join(app(self.fresh_environ, start_response))
        return Reply(status=given["status"], headers=given["headers"], content=content)


Fault = Callable[[Exchange], Reply]
"""Answers an exchange, or raises OSError as a socket does."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The fault of a step, those of the steps that follow at once, and the services at which it goes on afterwards."""

    fault: Fault
    then: tuple[Fault | None, ...] = ()
    lasting: tuple[Party, ...] = ()


def refuse_connection(exchange: Exchange) -> Reply:
    """The connection is refused: nothing was sent."""
    raise NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]


class Wire:
    """The connections to both services, and the fault that each step meets.

    Attributes:
        steps: What was asked of them since `forget`.
        plans: Step -> the faults that begin with it; `met` are the steps at which one came about.
        conditions: The world's own state: what every step meets that has no fault.
    """

    def __init__(self, apps: Mapping[Party, tuple[str, WSGIApplication]], clock: FastClock) -> None:
        self.clock = clock
        self._apps = {party: app for party, (_, app) in apps.items()}
        self._parties = {urlsplit(url).port: party for party, (url, _) in apps.items()}
        self._lock = threading.Lock()
        self._services = ThreadPoolExecutor(max_workers=32, thread_name_prefix="service")
        self._quotas = Quotas()
        self._is_noticing = False
        self.forget()

    def forget(self) -> None:
        """Forget all steps and faults."""
        self.steps: list[Step] = []
        self.plans: dict[Step, Plan] = {}
        self.met: list[Step] = []
        self.conditions: Fault | None = None
        self.is_dead = False
        self._plan: Plan | None = None
        self._following: list[Fault | None] = []
        self._seen: Counter[tuple[str, str]] = Counter()
        self._quotas.refill()

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Notice steps, and let them meet their faults, inside the `with` block."""
        self._is_noticing = True
        try:
            yield
        finally:
            self._is_noticing = self.is_dead = False

    @contextmanager
    def connected(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Connect everything in this process to the services, and its waiting to the clock."""
        shown = SimpleNamespace(time=self.clock.now, sleep=self.clock.sleep)
        patch.setattr(cmlkit.clock, "time", shown)
        patch.setattr(botocore.endpoint, "time", shown)
        patch.setattr(botocore.waiter, "time", shown)
        patch.setattr(botocore.retries.quota, "RetryQuota", self._quotas.make)
        patch.setattr(urllib3.util.connection, "create_connection", self._connect)
        patch.setattr(boto3.session, "Session", Clients().session)
        try:
            yield
        finally:
            self._services.shutdown()

    def _connect(self, address: tuple[str, int], *rest: object, **options: object) -> Socket:
        return Socket(self, self._parties[address[1]])

    def exchange(self, party: Party, request: bytes) -> tuple[Exchange, Fault | None]:
        """Notice a request that was sent; return it with its fault."""
        environ, body = _parsed(request)
        call = _called(party, environ, body)
        with self._lock:
            if self.is_dead:
                raise Died
            step = Step(party, call, self._seen[party, call])
            return Exchange(self, step, environ, body), self._fault(step) or self.conditions

    def _fault(self, step: Step) -> Fault | None:
        if not self._is_noticing:
            return None
        self._seen[step.party, step.call] += 1
        self.steps.append(step)
        if plan := self.plans.get(step):
            self._plan, self._following = plan, list(plan.then)
            fault: Fault | None = plan.fault
        elif self._following:
            fault = self._following.pop(0)
        else:
            fault = self._plan.fault if self._plan and step.party in self._plan.lasting else None
        if fault is not None:
            self.met.append(step)
        return fault

    def served(self, exchange: Exchange) -> Reply:
        app = self._apps[exchange.step.party]
        return self._services.submit(exchange.served, app).result()

    def kill(self) -> NoReturn:
        """End the process: from now on it sends nothing."""
        self.is_dead = True
        raise Died


class Socket:
    """A connection for one request and its answer."""

    def __init__(self, wire: Wire, party: Party) -> None:
        self._wire = wire
        self._party: Party = party
        self._sent = b""
        self._exchange: tuple[Exchange, Fault | None] | None = None

    def sendall(self, data: bytes) -> None:
        self._sent += bytes(data)
        if _is_whole(self._sent):
            self._exchange = self._wire.exchange(self._party, self._sent)
            if self._exchange[1] is refuse_connection:
                refuse_connection(self._exchange[0])

    def makefile(self, *mode: object) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self.answered))

    def answered(self) -> bytes:
        assert self._exchange is not None, "an answer is read before the request was sent"
        exchange, fault = self._exchange
        reply = exchange.act() if fault is None else fault(exchange)
        if self._wire.is_dead:
            raise Died
        return reply.encoded()

    def settimeout(self, seconds: float | None) -> None:
        """Faults time out by themselves."""

    def gettimeout(self) -> float | None:
        return None

    def setsockopt(self, *option: object) -> None:
        """There is nothing to set."""

    def shutdown(self, how: int) -> None:
        """There is nothing to shut down."""

    def close(self) -> None:
        """There is nothing to close."""


class _Incoming(io.RawIOBase):
    """The bytes of an answer, which the service makes when they are first read."""

    def __init__(self, answered: Callable[[], bytes]) -> None:
        self._answered = answered
        self._bytes: io.BytesIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._bytes is None:
            self._bytes = io.BytesIO(self._answered())
        return self._bytes.readinto(buffer)


def _is_whole(request: bytes) -> bool:
    head, blank, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(blank) and len(body) >= (int(length[1]) if length else 0)


def _parsed(request: bytes) -> tuple[WSGIEnvironment, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(parts.path),
        "QUERY_STRING": parts.query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input": io.BytesIO(body),
    }
    for line in lines:
        name, _, value = line.partition(":")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.strip()
    environ["SERVER_NAME"], _, environ["SERVER_PORT"] = str(environ["HTTP_HOST"]).partition(":")
    return environ, body


def _called(party: Party, environ: WSGIEnvironment, body: bytes) -> str:
    if party == "GitHub":
        path = re.sub(r"[0-9]+", "N", str(environ["PATH_INFO"]).removeprefix("/api/v3"))
        return f"{environ['REQUEST_METHOD']} {path}"
    call = read_call({**environ, "wsgi.input": io.BytesIO(body)})
    return f"{call.action} {call.region}"


class Clients:
    """boto3's sessions, of which there is one: making a client takes as long as a launch of this sweep."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._session = boto3.session.Session()
        self._make = self._session.client
        self._session.client = self._client

    def session(self, *credentials: str) -> Any:
        return self._session

    def _client(self, service: str, **options: Any) -> Any:
        config = options.pop("config", None)
        key = f"{service} {sorted(options.items())} {config and sorted(vars(config)['_user_provided_options'].items())}"
        if key not in self._made:
            self._made[key] = self._make(service, config=config, **options)
        return self._made[key]


class Quotas:
    """boto3's quotas of retries, which are of a client, and so of the process."""

    def __init__(self) -> None:
        self._all: list[Any] = []
        self._make = botocore.retries.quota.RetryQuota

    def make(self, *arguments: Any) -> Any:
        self._all.append(self._make(*arguments))
        return self._all[-1]

    def refill(self) -> None:
        for quota in self._all:
            quota.release(quota.INITIAL_CAPACITY)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a signal that nobody catches end the command in this process, and not the process."""

    def end(number: int, frame: object) -> None:
        raise Died

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def send_signal(number: int) -> None:
    """Send this process a signal, which its main thread handles, whatever it waits for."""
    os.kill(os.getpid(), number)
