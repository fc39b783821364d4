"""A package index on loopback that gets what it is asked for from the real one, and keeps a log."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT_SECONDS = 60.0


class PackageIndex(ThreadingHTTPServer):
    """Forwards requests below `/simple` and for files; as a proxy it lets nothing through.

    Attributes:
        url: Where it listens.
        log: Path that was asked for -> SHA-256 of what was sent for it, empty if nothing was.
    """

    daemon_threads = True

    def __init__(self, upstream: Mapping[str, str]) -> None:
        """Listen; `upstream` maps the beginning of a path to the host that has it."""
        super().__init__(("127.0.0.1", 0), _Request)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.log: dict[str, str] = {}
        self._upstream = upstream
        self._context = ssl.create_default_context()

    def get(self, path: str) -> tuple[bytes, str]:
        """Return body and content type of what the host of `path` has there."""
        host = next((host for prefix, host in self._upstream.items() if path.startswith(prefix)), None)
        if host is None:
            raise FileNotFoundError(path)
        # Asked for as JSON, the list of a package's files is told from a file by its content type.
        request = urllib.request.Request(
            host + path, headers={"Accept": "application/vnd.pypi.simple.v1+json, */*;q=0.1"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._context) as response:
            body, content_type = response.read(), response.headers["Content-Type"]
        return self._with_links_to_here(body) if "simple" in content_type else body, content_type

    def _with_links_to_here(self, page: bytes) -> bytes:
        for host in self._upstream.values():
            page = page.replace(host.encode(), self.url.encode())
        return page


class _Request(BaseHTTPRequestHandler):
    server: PackageIndex

    def do_GET(self) -> None:
        self.server.log[self.path] = ""
        try:
            body, content_type = self.server.get(self.path)
        except (FileNotFoundError, urllib.error.HTTPError):
            self.send_error(404)
            return
        self.server.log[self.path] = sha256(body).hexdigest()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.server.log[self.path] = ""
        self.send_error(405)

    def do_CONNECT(self) -> None:
        """Refuse what went around the index."""
        self.server.log[self.path] = ""
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Print nothing: the log is kept."""


@contextmanager
def package_index(upstream: Mapping[str, str]) -> Iterator[PackageIndex]:
    """Serve until the block ends."""
    with PackageIndex(upstream) as index:
        threading.Thread(target=index.serve_forever, daemon=True).start()
        try:
            yield index
        finally:
            index.shutdown()
