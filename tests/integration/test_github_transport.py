"""The transport over real sockets: answers that break off, connections that die, and what an import costs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cmlkit.errors import AnswerLost, ServiceError
from cmlkit.forges.github.patience import PAUSES_SECONDS
from cmlkit.forges.github.transport import Transport

REPOSITORY = json.dumps({"full_name": "octo/forest"}).encode()


def answer(body: bytes, *, length: int | None = None) -> bytes:
    announced = len(body) if length is None else length
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {announced}\r\nConnection: close"
    return f"{head}\r\n\r\n".encode() + body


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives one of `answers` to each connection, the last one to all further ones; empty hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(65536))
                connection.sendall(answers[min(len(requests), len(answers)) - 1])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class Clock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def transport(url: str) -> Transport:
    return Transport(token="not-a-token", api_url=url, clock=Clock())


@pytest.mark.parametrize(
    "broken", [b"", answer(b'{"full_', length=400), answer(b'{"full_')], ids=["reset", "short", "cut"]
)
def test_a_read_survives_an_answer_that_breaks_off(broken: bytes) -> None:
    with server(broken, answer(REPOSITORY)) as (url, requests):
        assert transport(url).get("/repos/octo/forest").text("full_name") == "octo/forest"
    assert len(requests) == 2


@pytest.mark.parametrize(
    "broken", [b"", answer(b'{"full_', length=400), answer(b'{"full_')], ids=["reset", "short", "cut"]
)
def test_a_write_whose_answer_breaks_off_is_not_repeated(broken: bytes) -> None:
    with server(broken) as (url, requests), pytest.raises(AnswerLost):
        transport(url).request("POST", "/repos/octo/forest/pulls", body={"title": "t"})
    assert len(requests) == 1


def test_nobody_there_is_an_error_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    client = transport(url)
    with pytest.raises(ServiceError, match=r"No answer to GET /repos/octo/forest from 127\.0\.0\.1:\d+: .*refused"):
        client.get("/repos/octo/forest")
    assert isinstance(client.clock, Clock)
    assert client.clock.slept == list(PAUSES_SECONDS)


def test_importing_the_client_loads_no_http_library() -> None:
    program = "import sys, cmlkit; cmlkit.GitHub(repository='o/r', token='t'); print('requests' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"
