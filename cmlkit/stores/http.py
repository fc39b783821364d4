"""HTTP to storage: streamed uploads and downloads, limited retries, and errors that name the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from cmlkit.clock import Clock
from cmlkit.errors import AnswerLost, CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.progress import Say
from cmlkit.records.json_text import json_text
from cmlkit.stores.base import CHUNK_BYTES, PAUSES_SECONDS, pieces, share

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

TIMEOUT_SECONDS = (10.0, 120.0)  # to connect; between two bytes
MAX_RETRY_AFTER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A URL with its headers, which hold credentials and are never shown."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class _Busy(AnswerLost):
    wait: float = 0.0


def post_json(place: Place, body: Mapping[str, object], *, what: str, media_type: str) -> Any:
    """Send `body` as JSON; return the JSON of the answer."""
    headers = {**place.headers, "Accept": media_type, "Content-Type": media_type}
    with _sent("POST", place, headers, what, data=json_text(body).encode()) as response:
        try:
            return response.json() if response.content else {}
        except ValueError as error:
            raise ServiceError(f"{what}: {place.host} answered with something other than JSON.") from error


def put_file(place: Place, file: Path, *, size: int, what: str, say: Say) -> None:
    """Upload a file, streamed from disk."""
    headers = {"Content-Type": "application/octet-stream", **place.headers}
    with _sent("PUT", place, headers, what, data=_Watched(file, size, say)):
        return


def read_from(place: Place, offset: int, *, what: str) -> Iterator[bytes]:
    """Yield the bytes from `offset` on; if the server ignores the offset, an empty piece, then all bytes."""
    import requests

    ranged = {"Range": f"bytes={offset}-"} if offset else {}
    headers = {"Accept-Encoding": "identity", **place.headers, **ranged}
    with _sent("GET", place, headers, what, stream=True) as response:
        if offset and response.status_code != 206:
            yield b""
        try:
            yield from response.iter_content(CHUNK_BYTES)
        except requests.RequestException as error:
            raise AnswerLost(f"{what}: the connection to {place.host} broke off.") from error


def patiently(act: Callable[[], T], *, clock: Clock) -> T:
    """Call `act`; if no answer came, call it again after pauses."""
    for pause in PAUSES_SECONDS:
        try:
            return act()
        except AnswerLost as lost:
            clock.sleep(max(pause, getattr(lost, "wait", 0.0)))
    return act()


def _sent(
    method: str, place: Place, headers: Mapping[str, str], what: str, *, data: object = None, stream: bool = False
) -> requests.Response:
    import requests

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not as headers alone: an entry in ~/.netrc would replace them.
        request.headers.update(headers)
        return request

    try:
        response = requests.request(
            method,
            place.url,
            headers={"User-Agent": "cmlkit"},
            data=data,  # type: ignore[arg-type]
            auth=authorize,
            stream=stream,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=method == "GET",
        )
    except requests.exceptions.SSLError as error:
        raise ServiceError(
            f"{what}: the certificate of {place.host} is not trusted.",
            next_step="Set REQUESTS_CA_BUNDLE to the file of the authority that signed it.",
        ) from error
    except requests.RequestException as error:
        raise AnswerLost(f"{what}: no answer from {place.host} ({type(error).__name__}).") from error
    if response.status_code >= 300:
        with response:
            raise _refused(response, place, what)
    return response


def _refused(response: requests.Response, place: Place, what: str) -> CmlkitError:
    status = response.status_code
    text = f"{what}: {place.host} answered {status} {_message(response, place)}".rstrip()
    if status == 429 or 500 <= status < 507:
        busy = _Busy(text, status=status)
        after = response.headers.get("retry-after", "")
        busy.wait = min(float(after), MAX_RETRY_AFTER_SECONDS) if after.isdigit() else 0.0
        return busy
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


def _message(response: requests.Response, place: Place) -> str:
    try:
        text = str(json.loads(response.content).get("message", ""))
    except (ValueError, AttributeError):
        text = response.text[:200]
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
            done += len(piece)
            self._say(share(done, self._size))
            yield piece
