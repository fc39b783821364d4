"""HTTP to storage: streamed uploads and downloads, limited retries, and errors that name the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from cmlkit.bounds.answers import HEADERS, Bounds, bounded_session, broken, content_of, pieces_of
from cmlkit.clock import Clock
from cmlkit.errors import AnswerLost, CmlkitError, NotFound, PermissionDenied, ServiceError, TooManyRequests
from cmlkit.progress import Say
from cmlkit.records.json_text import json_text, read_json
from cmlkit.stores.base import CHUNK_BYTES, PAUSES_SECONDS, pieces, share

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

TIMEOUT_SECONDS = (10.0, 120.0)  # to connect; between two bytes
MAX_RETRY_AFTER_SECONDS = 60.0  # of a server that has failed
# Of rate limits, for all waits of one request together, as for GitHub's API.
MAX_WAIT_SECONDS = 900.0
LEAST_LIMIT_SECONDS = 1.0  # doubled with each further limit: a server may ask for no wait at all, and never stop
REDIRECTS = 5
# Of the batch API for one object, and of refusals: a few hundred bytes. Files have the size that a pointer announces.
ANSWER_BYTES = 1024**2
# A file of 10 GB takes as long as it takes, if it comes at all: only its pace is bounded.
TRANSFER = Bounds(size=None)
# A piece must leave within the time for a connection, for urllib3 has no other for sending: 6 KiB a second.
SENT_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Place:
    """A URL with its headers, which hold credentials and are never shown."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


def post_json(
    place: Place, body: Mapping[str, object], *, what: str, media_type: str, bounds: Bounds = TRANSFER
) -> Any:
    """Send `body` as JSON; return the JSON of the answer."""
    headers = {**place.headers, **HEADERS, "Accept": media_type, "Content-Type": media_type}
    with _sent("POST", place, headers, what, bounds=bounds, data=json_text(body).encode()) as response:
        content = content_of(response, about=_about(what, place), limit=ANSWER_BYTES)
    try:
        return read_json(content) if content else {}
    except ValueError as error:
        raise ServiceError(f"{what}: {place.host} answered with something other than JSON.") from error


def put_file(place: Place, file: Path, *, size: int, what: str, say: Say, bounds: Bounds = TRANSFER) -> None:
    """Upload a file, streamed from disk."""
    headers = {"Content-Type": "application/octet-stream", **place.headers}
    with _sent("PUT", place, headers, what, bounds=bounds, data=_Watched(file, size, say)):
        return


def read_from(place: Place, offset: int, *, what: str, bounds: Bounds = TRANSFER) -> Iterator[bytes]:
    """Yield the bytes from `offset` on; if the server ignores the offset, an empty piece, then all bytes.

    The caller counts them: a server may send more than it should.
    """
    own = {"Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
    with _followed(place, own, what, bounds) as response:
        if offset and response.status_code != 206:
            yield b""
        yield from pieces_of(response, about=_about(what, place), size=CHUNK_BYTES)


def patiently(act: Callable[[], T], *, clock: Clock) -> T:
    """Call `act`; if no answer came, call it again after pauses, and after a rate limit when the server allows it."""
    pauses, limits = iter(PAUSES_SECONDS), RateLimits(clock)
    while True:
        try:
            return act()
        except TooManyRequests as limited:
            limits.wait(limited)
        except AnswerLost as lost:
            if (pause := next(pauses, None)) is None:
                raise
            clock.sleep(max(pause, min(lost.wait, MAX_RETRY_AFTER_SECONDS)))


class RateLimits:
    """The waits of one request for rate limits, which have a bound together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited, self._least = 0.0, LEAST_LIMIT_SECONDS

    def wait(self, limited: TooManyRequests) -> None:
        """Wait as long as the server asks; raise ServiceError if that is longer than the bound."""
        wait = max(limited.wait, self._least)
        self._least *= 2
        self._waited += wait
        if self._waited > MAX_WAIT_SECONDS:
            raise ServiceError(
                f"{limited.message.rstrip('.')}. The rate limit asks for {self._waited:.0f} s in all, more than cmlkit"
                f" waits ({MAX_WAIT_SECONDS:.0f} s).",
                next_step="Run again after that time.",
                status=limited.status,
            ) from limited
        self._clock.sleep(wait)


def _followed(place: Place, own: Mapping[str, str], what: str, bounds: Bounds) -> requests.Response:
    """Ask for a file and follow redirects; the headers of a place go to no other."""
    headers, origin = {**own, **place.headers}, urlsplit(place.url)[:2]
    for _ in range(REDIRECTS + 1):
        response = _sent("GET", place, headers, what, bounds=bounds)
        if response.status_code < 300:
            return response
        response.close()
        following = urlsplit(urljoin(place.url, response.headers.get("location", "")))
        if following.scheme not in ("https", urlsplit(place.url).scheme):
            raise ServiceError(f"{what}: {place.host} redirects to an address of {following.scheme}; not followed.")
        place = Place(url=following.geturl(), headers=place.headers if following[:2] == origin else {})
        headers = {**own, **place.headers}
    raise ServiceError(f"{what}: {place.host} redirects more than {REDIRECTS} times.")


def _sent(
    method: str, place: Place, headers: Mapping[str, str], what: str, *, bounds: Bounds, data: object = None
) -> requests.Response:
    """Return the answer, whose body is still to be read; of a GET, it may be a redirect."""
    import requests

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not as headers alone: an entry in ~/.netrc would replace them.
        request.headers.update(headers)
        return request

    if urlsplit(place.url).scheme not in ("http", "https"):
        raise ServiceError(f"{what}: the server names an address that is not one of HTTP.")
    try:
        with bounded_session(bounds) as session:
            response = session.request(
                method,
                place.url,
                headers={"User-Agent": "cmlkit"},
                data=data,  # type: ignore[arg-type]
                auth=authorize,
                stream=True,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
    except requests.exceptions.SSLError as error:
        raise ServiceError(
            f"{what}: the certificate of {place.host} is not trusted.",
            next_step="Set REQUESTS_CA_BUNDLE to the file of the authority that signed it.",
        ) from error
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader) as error:
        raise ServiceError(f"{what}: the server names an address that cannot be used.") from error
    except requests.RequestException as error:
        raise broken(error, about=_about(what, place), lost=f"{what}: no answer from {place.host}") from error
    if response.status_code >= (400 if method == "GET" and "location" in response.headers else 300):
        with response:
            raise _refused(response, place, what)
    return response


def _about(what: str, place: Place) -> str:
    return f"{what}: the answer of {place.host}"


def _refused(response: requests.Response, place: Place, what: str) -> CmlkitError:
    status = response.status_code
    text = f"{what}: {place.host} answered {status} {_message(response, place, what)}".rstrip()
    after = _retry_after(response.headers)
    # GitHub answers a rate limit with 403, too.
    if status == 429 or (status == 403 and after is not None):
        return TooManyRequests(text, wait=after or 0.0, status=status)
    if 500 <= status < 507:
        lost = AnswerLost(text, status=status)
        lost.wait = after or 0.0
        return lost
    if status in (401, 403):
        return PermissionDenied(
            text, next_step="The token needs contents: write to upload, and contents: read to download."
        )
    if status == 404:
        return NotFound(text, status=status, next_step="It was deleted, or the token may not see it.")
    if status in (507, 509):
        return ServiceError(
            text,
            status=status,
            next_step="The account's Git LFS storage or bandwidth is used up: see its billing settings, or set"
            " publish.store to s3://bucket/prefix.",
        )
    return ServiceError(text, status=status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, as it names them or the moment; None if it names neither.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdecimal():
        return float(after)
    try:
        moment = parsedate_to_datetime(after)
        now = parsedate_to_datetime(headers.get("date", ""))  # the server's clock counts, not this machine's
        return max(0.0, (moment - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _message(response: requests.Response, place: Place, what: str) -> str:
    try:
        content = content_of(response, about=_about(what, place), limit=ANSWER_BYTES)
    except ServiceError as error:
        return f"and its answer cannot be read: {error.message}"
    try:
        text = str(read_json(content).get("message", ""))
    except (ValueError, AttributeError):
        text = content[:200].decode("utf-8", "replace")
    for value in place.headers.values():
        text = text.replace(value, "***")
    return text


class _Watched:
    """A file that reports how much of it was read; requests takes its length from `__len__` and streams it."""

    def __init__(self, file: Path, size: int, say: Say) -> None:
        self._file, self._size, self._say = file, size, say

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        for piece in pieces(self._file):
            for start in range(0, len(piece), SENT_BYTES):
                yield piece[start : start + SENT_BYTES]
            done += len(piece)
            self._say(share(done, self._size))
