"""A server on loopback that misbehaves: answers that never end, trickle, loop, or are not what they announce."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Reply = Callable[[str], Iterable[bytes]]
"""Returns the pieces of an answer to the request whose head it is given."""

TRICKLE_SECONDS = 0.05


@dataclass
class HostileServer:
    """A server.

    Attributes:
        url: Its address.
        requests: The heads of the requests so far.
        sent: Bytes that it has sent to clients which took them.
    """

    url: str = ""
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket, reply: Reply) -> None:
        # A client that has had enough hangs up.
        with connection, suppress(OSError):
            head = connection.recv(65536).decode("latin-1")
            self.requests.append(head)
            for piece in reply(head):
                connection.sendall(piece)
                self.sent += len(piece)
                if self.over.is_set():
                    return

    def slowly(self, content: bytes) -> Iterator[bytes]:
        """Yield one byte after another, with a pause before each."""
        for byte in content:
            self.over.wait(TRICKLE_SECONDS)
            yield bytes([byte])


@contextmanager
def hostile_server(reply_of: Callable[[HostileServer], Reply]) -> Iterator[HostileServer]:
    """Start a server that answers each request on a connection and a thread of its own."""
    there = HostileServer()
    reply = reply_of(there)
    listener = socket.create_server(("127.0.0.1", 0))
    there.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=there.serve, args=(connection, reply)))
            threads[-1].start()

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        yield there
    finally:
        there.over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (listening, *threads):
            thread.join()


def head(status: str = "200 OK", **headers: object) -> bytes:
    """Return the head of an answer of JSON on a connection that ends with it."""
    named = {"Content-Type": "application/json", "Connection": "close"}
    named |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(document: object, status: str = "200 OK", **headers: object) -> list[bytes]:
    """Return an honest answer."""
    body = json.dumps(document).encode()
    return [head(status, Content_Length=len(body), **headers) + body]


def endless() -> Iterator[bytes]:
    """Yield the bytes of a body that has no end."""
    yield from itertools.repeat(b" " * 65536)


def bomb(size: int) -> bytes:
    """Return so many zeros, packed a thousandfold."""
    return gzip.compress(bytes(size))


def target_of(request: str) -> str:
    """Return the path and query that a request is for."""
    return request.split(" ", 2)[1]


def headers_of(request: str) -> Mapping[str, str]:
    """Return the headers of a request, their names in lower case."""
    lines = request.split("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def without_end(there: HostileServer) -> Reply:
    """Return an answer that goes on for ever."""

    def reply(request: str) -> Iterable[bytes]:
        yield head()
        yield from endless()

    return reply
