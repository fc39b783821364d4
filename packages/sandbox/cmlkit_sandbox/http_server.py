"""A threaded HTTP/1.1 server for WSGI applications on loopback, with persistent connections."""

from __future__ import annotations

import io
import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

# More than this of a request that nobody read is not worth reading: the connection is closed instead.
DRAIN_LIMIT_BYTES = 1024 * 1024

_log = logging.getLogger(__name__)


class _Body(io.RawIOBase):
    """The body of one request, which ends with the request and not with the connection."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self.remaining = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self.remaining)
        chunk: bytes = self._stream.read(wanted) if wanted else b""
        self.remaining -= len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


class Handler(WSGIRequestHandler):
    """Serves the requests of one connection.

    werkzeug's own handler closes the connection after each answer, because it does not know where a request ends.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._server.connections.add(self.connection)

    def finish(self) -> None:
        self._server.connections.discard(self.connection)
        super().finish()

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        is_chunked = environ.get("wsgi.input_terminated", False)
        body = _Body(self.rfile, 0 if is_chunked else int(environ.get("CONTENT_LENGTH") or 0))
        if is_chunked:
            self.close_connection = True
        else:
            environ["wsgi.input"] = io.BufferedReader(body)
        try:
            self._run(self.server.app)
        except OSError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - one connection fails, the others go on
            self.close_connection = True
            _log.exception("The server failed at %s %s", self.command, self.path)
        self._drain(body)

    def _run(self, app: WSGIApplication) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *rest: object) -> Callable[[bytes], object]:
            started.append((status, headers))
            return self.wfile.write

        chunks = app(self.environ, start_response)
        try:
            write: Callable[[bytes], None] | None = None
            for chunk in chunks:
                write = write or self._send_head(*started[-1])
                write(chunk)
            write = write or self._send_head(*started[-1])
            self._end(write)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _send_head(self, status: str, headers: list[tuple[str, str]]) -> Callable[[bytes], None]:
        code, _, reason = status.partition(" ")
        names = {name.lower() for name, _ in headers}
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        has_body = self.command != "HEAD" and int(code) not in (204, 304)
        self._is_chunked = has_body and "content-length" not in names
        if self._is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        return self._write if has_body else self._write_nothing

    def _write(self, chunk: bytes) -> None:
        if chunk:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if self._is_chunked else chunk)
            self.wfile.flush()

    def _write_nothing(self, chunk: bytes) -> None:
        """Write no body: answers to HEAD, and those without content, have none."""

    def _end(self, write: Callable[[bytes], None]) -> None:
        if self._is_chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _drain(self, body: _Body) -> None:
        if body.remaining > DRAIN_LIMIT_BYTES:
            self.close_connection = True
        while body.remaining and not self.close_connection:
            if not body.read(body.remaining):
                self.close_connection = True

    def log_request(self, *arguments: object) -> None:
        """Log nothing: the server keeps its own log."""

    def log_error(self, *arguments: object) -> None:
        """Log nothing: a client that goes away is not an error here."""

    @property
    def _server(self) -> Server:
        assert isinstance(self.server, Server)
        return self.server


class Server(ThreadedWSGIServer):
    """Listens on a free port of 127.0.0.1 from its creation; `connections` are the open ones."""

    request_queue_size = 256

    def __init__(self, app: WSGIApplication, *, port: int = 0) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__("127.0.0.1", port, app, handler=Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut the open connections."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def break_connection(environ: WSGIEnvironment) -> None:
    """Make the client see a reset: closing then sends RST instead of FIN."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
