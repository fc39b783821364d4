"""Answers of HTTP servers, read within bounds: how large one may be, how long it may take, and how slowly it may come.

`requests` and boto3 only limit the time between two bytes. A server that sends a byte a second, a body without an end,
or a packed one that unpacks to gigabytes would otherwise hold a command, and the instance that it runs on, for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cmlkit.errors import AnswerLost, ServiceError
from cmlkit.formats import size as shown_size

if TYPE_CHECKING:
    import requests
    from typing_extensions import Buffer

T = TypeVar("T")

PAGES_LIMIT = 10_000  # of a list of AWS: ten million objects of S3, or images, instances and prices
PIECE_BYTES = 64 * 1024
# A head has at most 100 headers of 64 KiB in Python; those of GitHub and AWS stay below 16 KiB.
HEAD_BYTES = 1024**2
GZIP = 16 + zlib.MAX_WBITS
HEADERS = {"Accept-Encoding": "gzip"}
"""For requests whose answers `content_of` reads: of what `requests` can unpack, the one that needs no library."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The most that an answer may take.

    Attributes:
        size: Bytes, as they are sent and as they are unpacked; None if the reader counts them.
        seconds: For the whole answer from its first byte on; None if only its pace counts, as for large files.
        pace: Bytes a second that must come on average in each `window` of seconds. git's own bound for a dead
            connection is set the same way, by http.lowSpeedLimit and http.lowSpeedTime.
    """

    size: int | None
    seconds: float | None = None
    pace: float = 1000.0
    window: float = 60.0


class TooSlow(TimeoutError):
    """An answer comes more slowly than its bounds allow."""


class TooLarge(OSError):
    """An answer has more bytes than its bounds allow."""


def bounded_session(bounds: Bounds) -> requests.Session:
    """Return a session whose connections keep to the bounds, heads of answers included."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = bounded_pools(self.poolmanager.pool_classes_by_scheme, bounds)

        def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
            manager = super().proxy_manager_for(*args, **options)
            manager.pool_classes_by_scheme = bounded_pools(manager.pool_classes_by_scheme, bounds)
            return manager

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, Adapter())
    return session


def bounded_pools(pools: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """Return urllib3's classes of connection pools with connections that keep to the bounds."""
    return {scheme: _bounded_pool(pool, bounds) for scheme, pool in pools.items()}


def bound_client(client: Any, bounds: Bounds) -> Any:
    """Return a client of boto3 whose connections keep to the bounds, which botocore has no setting for."""
    session = client._endpoint.http_session
    bounded = bounded_pools(session._pool_classes_by_scheme, bounds)
    # Of managers that it makes later, for proxies, and of the one that it has made.
    session._pool_classes_by_scheme = session._manager.pool_classes_by_scheme = bounded
    return client


def bounded_pages(pages: Iterable[T], *, what: str, limit: int = PAGES_LIMIT) -> Iterator[T]:
    """Yield the pages of a list; boto3 itself ends only if a page names itself as the next.

    Raises:
        ServiceError: There are more than `limit`.
    """
    for number, page in enumerate(pages):
        if number >= limit:
            raise ServiceError(f"{what} has more than {limit:,} pages.")
        yield page


def _bounded_pool(pool: Any, bounds: Bounds) -> Any:
    if issubclass(pool.ConnectionCls.response_class, _Response):
        return pool
    answer = type("Response", (_Response,), {"bounds": bounds})
    connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": answer})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _Response(http.client.HTTPResponse):
    """An answer whose every byte, from the status line to the last chunk, is read through `_Watched`."""

    bounds: Bounds

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Watched(raw, sock, self.bounds))


class _Watched(io.RawIOBase):
    """A socket's file that stops when its answer is larger or slower than the bounds allow."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, bounds: Bounds) -> None:
        self._raw, self._connection, self._bounds = raw, connection, bounds
        self._began: float | None = None
        self._window, self._in_window, self._done = 0.0, 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        self._check()
        left = self._left()
        usual = self._connection.gettimeout()
        if left is None or (usual is not None and usual <= left):
            count = self._raw.readinto(buffer)
        else:
            count = self._within(left, usual, buffer)
        now = time.monotonic()
        if self._began is None:
            self._began = self._window = now
        self._done += count or 0
        self._in_window += count or 0
        return int(count)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _within(self, left: float, usual: float | None, buffer: Buffer) -> int:
        self._connection.settimeout(max(left, 0.001))
        try:
            return int(self._raw.readinto(buffer))
        except TimeoutError as error:
            self._check()
            raise TooSlow(self._slow()) from error
        finally:
            self._connection.settimeout(usual)

    def _left(self) -> float | None:
        """Return the seconds until the next moment at which the answer may be too slow; None before its first byte."""
        if self._began is None:
            return None
        ends = [self._window + self._bounds.window]
        ends += [self._began + self._bounds.seconds] if self._bounds.seconds is not None else []
        return min(ends) - time.monotonic()

    def _check(self) -> None:
        bounds = self._bounds
        if bounds.size is not None and self._done > bounds.size + HEAD_BYTES:
            raise TooLarge(_large(bounds.size))
        if self._began is None:
            return
        now = time.monotonic()
        if bounds.seconds is not None and now - self._began >= bounds.seconds:
            raise TooSlow(f"is too slow: not complete after {bounds.seconds:g} s")
        if now - self._window >= bounds.window:
            if self._in_window < bounds.pace * bounds.window:
                raise TooSlow(self._slow())
            self._window, self._in_window = now, 0

    def _slow(self) -> str:
        bounds = self._bounds
        return f"is too slow: fewer than {bounds.pace:,.0f} bytes a second for {bounds.window:g} s"


def content_of(response: requests.Response, *, about: str, limit: int) -> bytes:
    """Return the body of an answer, unpacked. The request must have been sent with `stream=True` and `HEADERS`.

    Args:
        about: The answer in messages, such as `The answer to GET /user from api.github.com`.
        limit: Bytes.

    Raises:
        AnswerLost: It breaks off, or comes too slowly.
        ServiceError: It is larger, or packed in another way than by gzip.
    """
    if getattr(response, "_content_consumed", False):
        return response.content  # read already by a hook of the caller's session
    content = bytearray()
    for piece in pieces_of(response, about=about):
        content += piece
        if len(content) > limit:
            response.close()
            raise ServiceError(f"{about} {_large(limit)}.")
    response.raw.release_conn()
    # For hooks and other readers of the response, which find its bytes here as they would have without us.
    response.raw = io.BytesIO(content)
    return bytes(content)


def pieces_of(response: requests.Response, *, about: str, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the body of an answer in pieces of at most `size` bytes, unpacked.

    Raises:
        AnswerLost, ServiceError: As from `content_of`; the caller counts the bytes.
    """
    from urllib3.exceptions import HTTPError

    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        response.close()
        raise ServiceError(f"{about} is packed in a way that was not asked for, {encoding[:40]!r}.")
    try:
        sent: Iterable[bytes] = response.raw.stream(size, decode_content=False)
        yield from _unpacked(sent, size) if encoding.endswith("gzip") else sent
    except (HTTPError, OSError, EOFError, zlib.error) as error:
        response.close()
        raise broken(error, about=about) from error


def broken(error: Exception, *, about: str, lost: str = "") -> ServiceError:
    """Return the error for an answer that did not come, or not to its end.

    Args:
        about: The answer, as for `content_of`.
        lost: What the message says before the cause if that is none of the bounds; else that it broke off.
    """
    if why := exceeded(error):
        is_large = any(isinstance(cause, TooLarge) for cause in _causes(error))
        return (ServiceError if is_large else AnswerLost)(f"{about} {why}.")
    *_, cause = _causes(error)
    shown = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    return AnswerLost(f"{lost or f'{about} broke off'}: {shown}.")


def exceeded(error: BaseException) -> str:
    """Return which bound an answer exceeds, behind its name, if that is the cause of an error; else nothing."""
    return next((str(cause) for cause in _causes(error) if isinstance(cause, TooLarge | TooSlow)), "")


def _large(limit: int) -> str:
    return f"has more than {shown_size(limit)}, the most that is read of it"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it wraps: `requests` wraps urllib3, which wraps the socket's own."""
    while isinstance(error, Exception):
        yield error
        error = error.__cause__ or error.__context__


def _unpacked(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield what gzip packed, never more than `size` bytes at once, however small the piece that it is in."""
    unpacker, is_within = zlib.decompressobj(GZIP), False
    for piece in pieces:
        while piece:
            if found := unpacker.decompress(piece, size):
                yield found
            is_within = not unpacker.eof
            piece = unpacker.unconsumed_tail
            if unpacker.eof:
                piece, unpacker = unpacker.unused_data, zlib.decompressobj(GZIP)
    while is_within and (found := unpacker.decompress(b"", size)):
        yield found
    if is_within and not unpacker.eof:
        raise EOFError("the packed body breaks off")
