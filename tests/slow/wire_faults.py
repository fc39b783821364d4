"""The faults that a request can meet on its way, at the service, and on the way back."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from cmlkit_sandbox.aws.answer import Refusal
from cmlkit_sandbox.aws.call import read_call
from cmlkit_sandbox.github.faults import UNICORN
from tests.slow.wire import Exchange, Fault, Party, Plan, Reply, Step, Wire, refuse_connection, send_signal

# Longer than either client waits for an answer, and shorter.
TOO_LONG_SECONDS, LONG_SECONDS = 61.0, 15.0
PORTAL = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head><body><p>Welcome</p></body></html>\n"
)
SECONDARY_LIMIT = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An answer of either service.

    Attributes:
        code: AWS's error code; `status` its status.
        github: GitHub's status, with `headers` and `message`.
    """

    code: str
    status: int
    github: int
    message: bytes = b'{"message": "Server Error"}'
    headers: Mapping[str, str] | None = None

    def __call__(self, exchange: Exchange) -> Reply:
        if exchange.step.party == "GitHub":
            return Reply(status=self.github, headers={**JSON, **(self.headers or {})}, content=self.message)
        answer = Refusal(self.code, "Asked for by the sweep.", status=self.status).answer(
            read_call(exchange.fresh_environ)
        )
        headers = {"Content-Type": answer.media_type, **dict(answer.headers)}
        return Reply(status=answer.status, headers=headers, content=answer.content)


error_500 = Refused(code="InternalError", status=500, github=500)
throttled = Refused(
    code="RequestLimitExceeded", status=503, github=403, message=SECONDARY_LIMIT, headers={"Retry-After": "1"}
)
denied = Refused(
    code="UnauthorizedOperation",
    status=403,
    github=403,
    message=b'{"message": "Resource not accessible by personal access token"}',
)
expired_credentials = Refused(code="RequestExpired", status=400, github=401, message=b'{"message": "Bad credentials"}')
invalid_request = Refused(
    code="InvalidParameterValue", status=400, github=422, message=b'{"message": "Validation Failed"}'
)
not_found = Refused(code="ResourceNotFoundException", status=404, github=404, message=b'{"message": "Not Found"}')


def reset(exchange: Exchange) -> Reply:
    raise ConnectionResetError("Connection reset by peer")


def reset_after_it_acted(exchange: Exchange) -> Reply:
    exchange.act()
    raise ConnectionResetError("Connection reset by peer")


def timeout(exchange: Exchange) -> Reply:
    exchange.wire.clock.sleep(TOO_LONG_SECONDS)
    raise TimeoutError("timed out")


def timeout_after_it_acted(exchange: Exchange) -> Reply:
    exchange.act()
    return timeout(exchange)


def error_502_after_it_acted(exchange: Exchange) -> Reply:
    exchange.act()
    return Reply(status=502, headers=HTML, content=UNICORN)


def web_page(exchange: Exchange) -> Reply:
    """A network that lets nobody out before they have signed in."""
    return Reply(status=200, headers=HTML, content=PORTAL)


def web_page_after_it_acted(exchange: Exchange) -> Reply:
    exchange.act()
    return web_page(exchange)


def truncated(exchange: Exchange) -> Reply:
    reply = exchange.act()
    half = len(reply.content) // 2
    return replace(reply, content=reply.content[:half], missing=len(reply.content) - half or 1)


def empty(exchange: Exchange) -> Reply:
    return replace(exchange.act(), content=b"")


def slow(exchange: Exchange) -> Reply:
    exchange.wire.clock.sleep(LONG_SECONDS)
    return exchange.act()


def interrupted(exchange: Exchange) -> Reply:
    """SIGINT, as a cancelled step gets it first."""
    send_signal(signal.SIGINT)
    return exchange.act()


def terminated(exchange: Exchange) -> Reply:
    send_signal(signal.SIGTERM)
    return exchange.act()


def killed(exchange: Exchange) -> Reply:
    exchange.wire.kill()


def killed_after_it_acted(exchange: Exchange) -> Reply:
    exchange.act()
    exchange.wire.kill()


@dataclass(frozen=True, kw_only=True)
class Injection:
    """A kind of fault: what happens at a step, and at those that follow.

    Attributes:
        then: Faults of the steps that follow at once; None lets one pass.
        lasting: Whether the fault goes on afterwards: at the same service only, or at both.
        is_whole: Whether nothing may stay after it, because the command itself can remove everything.
    """

    name: str
    fault: Fault
    then: tuple[Fault | None, ...] = ()
    lasting: Literal["", "same", "both"] = ""
    is_whole: bool = True

    def arm(self, wire: Wire, step: Step) -> None:
        parties: tuple[Party, ...] = {"": (), "same": (step.party,), "both": ("AWS", "GitHub")}[self.lasting]
        wire.plans[step] = Plan(fault=self.fault, then=self.then, lasting=parties)

    def has_fired(self, wire: Wire, step: Step) -> bool:
        """Return whether all of it came about, as far as it does not last."""
        return step in wire.met and len(wire.met) > len([fault for fault in self.then if fault])

    def __str__(self) -> str:
        return self.name


def _lasting(name: str, fault: Fault, where: Literal["same", "both"] = "both") -> Injection:
    return Injection(name=name, fault=fault, lasting=where, is_whole=False)


PASSING = (
    Injection(name="connection refused", fault=refuse_connection),
    Injection(name="reset", fault=reset),
    Injection(name="reset after it acted", fault=reset_after_it_acted),
    Injection(name="timeout", fault=timeout),
    Injection(name="timeout after it acted", fault=timeout_after_it_acted),
    Injection(name="error 500", fault=error_500),
    Injection(name="error 502 after it acted", fault=error_502_after_it_acted),
    Injection(name="throttled", fault=throttled),
    Injection(name="slow", fault=slow),
)
WRONG = (
    Injection(name="web page", fault=web_page),
    Injection(name="web page after it acted", fault=web_page_after_it_acted),
    Injection(name="truncated", fault=truncated),
    Injection(name="empty", fault=empty),
)
REFUSALS = (
    Injection(name="denied", fault=denied, is_whole=False),
    Injection(name="credentials expired", fault=expired_credentials, is_whole=False),
    Injection(name="invalid request", fault=invalid_request, is_whole=False),
    Injection(name="not found", fault=not_found, is_whole=False),
)
TWO = (
    Injection(name="reset after it acted, then error 500", fault=reset_after_it_acted, then=(error_500,)),
    Injection(name="timeout, later denied", fault=timeout, then=(None, denied), is_whole=False),
    Injection(name="invalid request, then reset", fault=invalid_request, then=(reset,), is_whole=False),
    Injection(name="truncated, later throttled", fault=truncated, then=(None, throttled)),
)
OUTAGES = (
    _lasting("refused from then on", refuse_connection),
    _lasting("error 500 of that service from then on", error_500, "same"),
    _lasting("denied by that service from then on", denied, "same"),
    _lasting("no answer from then on, though it acts", reset_after_it_acted),
    Injection(name="five time-outs", fault=timeout, then=(timeout,) * 4, is_whole=False),
)
SIGNALS = (
    Injection(name="SIGINT", fault=interrupted),
    Injection(name="SIGTERM", fault=terminated),
    Injection(name="SIGINT, then SIGTERM", fault=interrupted, then=(terminated,)),
    Injection(name="SIGINT, SIGTERM, SIGKILL", fault=interrupted, then=(terminated, killed), is_whole=False),
)
DEATHS = (
    Injection(name="killed", fault=killed, is_whole=False),
    Injection(name="killed after it acted", fault=killed_after_it_acted, is_whole=False),
)
