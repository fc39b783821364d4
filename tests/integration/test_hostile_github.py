"""A GitHub that misbehaves: a proxy or an attacker answers without end, slowly, or in circles."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable

import pytest

from cmlkit.bounds.answers import Bounds
from cmlkit.errors import ServiceError
from cmlkit.forges.github.transport import PAGES_LIMIT, Transport
from tests.fake_forge import FastClock
from tests.hostile_server import (
    HostileServer,
    Reply,
    bomb,
    head,
    hostile_server,
    target_of,
    whole,
    without_end,
)

QUICK = Bounds(size=1024**2, seconds=0.4, pace=1000, window=0.2)


def transport(there: HostileServer, bounds: Bounds = QUICK) -> Transport:
    return Transport(token="not-a-token", api_url=there.url, clock=FastClock(), bounds=bounds)


def always(*pieces: bytes) -> Callable[[HostileServer], Reply]:
    return lambda there: lambda request: pieces


def slow_head(there: HostileServer) -> Reply:
    return lambda request: there.slowly(head(Content_Length=10_000))


def slow_body(there: HostileServer) -> Reply:
    def reply(request: str) -> Iterable[bytes]:
        yield head(Content_Length=10_000)
        yield from there.slowly(b" " * 10_000)

    return reply


def slow_chunks(there: HostileServer) -> Reply:
    def reply(request: str) -> Iterable[bytes]:
        yield head(Transfer_Encoding="chunked")
        yield from there.slowly(b"1\r\n \r\n" * 10_000)

    return reply


def packed(there: HostileServer) -> Reply:
    body = bomb(8 * 1024**2)
    return lambda request: [head(Content_Encoding="gzip", Content_Length=len(body)) + body]


@pytest.mark.parametrize("reply", [slow_head, slow_body, slow_chunks])
def test_an_answer_that_trickles_is_given_up(reply: Callable[[HostileServer], Reply]) -> None:
    with hostile_server(reply) as there, pytest.raises(ServiceError, match="slow"):
        transport(there).request("POST", "/repos/octo/forest/pulls", body={})
    assert len(there.requests) == 1


@pytest.mark.parametrize("reply", [without_end, packed])
def test_an_answer_that_is_too_large_is_refused_without_another_try(reply: Callable[[HostileServer], Reply]) -> None:
    with hostile_server(reply) as there, pytest.raises(ServiceError, match=r"more than 1 MiB"):
        transport(there, Bounds(size=1024**2)).get("/repos/octo/forest")
    assert len(there.requests) == 1


def test_a_packed_answer_is_read() -> None:
    body = gzip.compress(json.dumps({"full_name": "octo/forest"}).encode())
    with hostile_server(always(head(Content_Encoding="gzip", Content_Length=len(body)) + body)) as there:
        assert transport(there).request("GET", "/repos/octo/forest").document == {"full_name": "octo/forest"}


def test_json_nested_without_end_is_no_answer() -> None:
    body = b"[" * 200_000
    reply = always(head(Content_Length=len(body)) + body)
    with hostile_server(reply) as there, pytest.raises(ServiceError, match="broken JSON"):
        transport(there).get("/repos/octo/forest")


@pytest.mark.parametrize("after", ["0", "1"])
def test_a_rate_limit_that_never_ends_is_given_up(after: str) -> None:
    answers = whole({"message": "API rate limit exceeded"}, "429 Too Many Requests", Retry_After=after)
    with hostile_server(always(*answers)) as there, pytest.raises(ServiceError, match="rate limit"):
        transport(there).get("/repos/octo/forest")
    assert len(there.requests) <= 12


def test_pages_that_lead_in_a_circle_are_refused() -> None:
    def reply_of(there: HostileServer) -> Reply:
        return lambda request: whole([{"id": 1}], Link=f'<{there.url}/items?page=2>; rel="next"')

    with hostile_server(reply_of) as there, pytest.raises(ServiceError, match=r"in a circle"):
        list(transport(there).pages("/items"))
    assert len(there.requests) <= 3


def test_pages_without_end_are_refused() -> None:
    def reply_of(there: HostileServer) -> Reply:
        return lambda request: whole([{"id": 1}], Link=f'<{there.url}/items?page={len(there.requests)}>; rel="next"')

    with hostile_server(reply_of) as there, pytest.raises(ServiceError, match="more than 20 pages"):
        list(transport(there).pages("/items", pages_limit=20))
    assert len(there.requests) == 20
    assert PAGES_LIMIT >= 1000


@pytest.mark.parametrize("place", ["{url}/a", "https://127.0.0.1:9/a", "file:///etc/passwd"])
def test_redirects_end_and_lead_to_no_other_host(place: str) -> None:
    def reply_of(there: HostileServer) -> Reply:
        return lambda request: [head("301 Moved Permanently", Location=place.format(url=there.url), Content_Length=0)]

    with hostile_server(reply_of) as there, pytest.raises(ServiceError, match="redirected"):
        transport(there).get("/repos/octo/forest")
    assert len(there.requests) <= 4
    assert target_of(there.requests[0]) == "/repos/octo/forest"
