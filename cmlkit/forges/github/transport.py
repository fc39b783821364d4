"""HTTP to GitHub: time-outs, bounded retries, rate limits, pages, and explained errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from cmlkit.bounds.answers import HEADERS, Bounds, bounded_session, broken, content_of
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import AnswerLost, CmlkitError, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.github import API_URL
from cmlkit.forges.github.pace import Pace
from cmlkit.forges.github.patience import MAX_WAIT_SECONDS, PAUSES_SECONDS, Patience
from cmlkit.forges.github.permissions import Kind, kind_of
from cmlkit.forges.github.refusal import graphql_refusal, may_settle, rate_limit_wait, refusal, said
from cmlkit.records.fields import Fields
from cmlkit.records.json_text import json_text, read_json
from cmlkit.sinks.secrets import Secrets

if TYPE_CHECKING:
    import requests

API_VERSION = "2022-11-28"
JSON = "application/vnd.github+json"
RAW = "application/vnd.github.raw+json"

TIMEOUT_SECONDS = (10.0, 60.0)  # to connect; between two bytes of the answer
HURRIED_SECONDS = (2.0, 3.0)  # the same for the first answer, if that is to show whether anybody is there
# The largest is a file of 100 MB as it is, or in base64 with line ends. A tree of 100,000 entries has at most 7 MB.
# https://docs.github.com/en/rest/repos/contents#get-repository-content
# https://docs.github.com/en/rest/git/trees#get-a-tree
BOUNDS = Bounds(size=160 * 1024**2, seconds=600.0)
REDIRECTS = 3
PAGE_SIZE = 100
PAGES_LIMIT = 1000  # of 100 items each, more than GitHub lists of anything that cmlkit asks for

# Keys of texts that people read, in bodies of requests and variables of GraphQL.
_PROSE = frozenset({"title", "body", "message", "headline", "summary", "text", "description"})
_IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A usable answer to the request `what`. `document` is its JSON; None if it is empty or raw."""

    what: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    document: Any

    @property
    def fields(self) -> Fields:
        """The document, whose fields are typed; a missing or mistyped one raises ServiceError."""
        return Fields(self.document, unfit=self._unfit)

    def _unfit(self, problem: str) -> ServiceError:
        return ServiceError(
            f"GitHub's answer to {self.what} is not what its API promises: {problem}.",
            next_step="Check that GITHUB_API_URL is a GitHub API of version 3.",
            status=self.status,
        )


class _RateLimited(Exception):
    def __init__(self, wait: float, error: CmlkitError) -> None:
        super().__init__(str(error))
        self.wait = wait
        self.error = error


class Transport:
    """Sends requests to one GitHub with one token.

    Args:
        token: Never shown: not in messages, not in `repr`.
        api_url: Root of the REST API, such as `https://api.github.com` or `https://HOST/api/v3`.
        graphql_url: Derived from `api_url` if empty.
        session: A `requests.Session`; a new one if None.
        clock: Tells the time and waits.
        notify: Called with one line before a wait for a rate limit, and about what is left behind.
        max_wait: Seconds for all waits for rate limits of one request together.
        is_of_app: Whether the token is known to be that of a GitHub App, not GITHUB_TOKEN.
        bounds: Of each answer. The connections of a `session` of the caller's keep to its size only.
        hurried: Whether the first request is tried once, and not for long, as it is to show whether anybody is there.
        secrets: Those that no text for people may show, whoever wrote it.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str = API_URL,
        graphql_url: str = "",
        session: requests.Session | None = None,
        clock: Clock | None = None,
        notify: Callable[[str], None] = lambda text: None,
        max_wait: float = MAX_WAIT_SECONDS,
        is_of_app: bool = False,
        bounds: Bounds = BOUNDS,
        hurried: bool = False,
        secrets: Secrets | None = None,
    ) -> None:
        self._hurried = hurried
        self.api_url = _checked_url(api_url)
        self.graphql_url = graphql_url or _graphql_url(self.api_url)
        self.token = _checked_token(token)
        self.kind: Kind = "app" if is_of_app else kind_of(self.token)
        self._session = session
        self._opening = threading.Lock()
        self._pace = Pace()
        self.clock = clock or SystemClock()
        self.notify = notify
        self._max_wait = max_wait
        self._bounds = bounds
        self._secrets = secrets or Secrets()

    def __repr__(self) -> str:
        return f"Transport(api_url={self.api_url!r})"

    def get(self, path: str, **query: object) -> Fields:
        """Return the JSON document at `path`."""
        return self.request("GET", path, query=query).fields

    def pages(self, path: str, *, key: str = "", pages_limit: int = PAGES_LIMIT, **query: object) -> Iterator[Fields]:
        """Return every item of a list, page by page; `key` names the list if GitHub wraps it in an object.

        Raises:
            ServiceError: The pages lead in a circle, or do not end.
        """
        answer = self.request("GET", path, query={"per_page": PAGE_SIZE, **query})
        seen: set[str] = set()
        while True:
            yield from answer.fields.listed(key) if key else answer.fields.items()
            if not (following := _joined("", _next_page(answer.headers))):
                return
            if following in seen:
                raise ServiceError(
                    f"GitHub's pages of {path} lead in a circle: {urlsplit(following).query} comes again."
                )
            seen.add(following)
            if len(seen) >= pages_limit:
                raise ServiceError(f"GitHub's list {path} has more than {pages_limit:,} pages.")
            answer = self.request("GET", following)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        accept: str = JSON,
        repeatable: bool | None = None,
        writes: bool | None = None,
    ) -> Answer:
        """Send one request until it is answered.

        Args:
            path: Path below the API's root, percent-encoded by `encoded`, or a full URL of the same host.
            query: Query parameters; empty values are left out.
            repeatable: Whether a repetition is harmless; by default if the method is not POST.
            writes: Whether it changes something, for the pace; by default if the method is not GET.

        Raises:
            AnswerLost: No usable answer came, and the request may have worked: look before repeating it.
            PermissionDenied, NotFound, Conflict: GitHub refused it.
            ServiceError: GitHub refused it for another reason, or no try was answered.
        """
        url = self._url(path, query or {})
        safe = method in _IDEMPOTENT if repeatable is None else repeatable
        patience = Patience(self._max_wait, clock=self.clock, pauses=() if self._hurried else PAUSES_SECONDS)
        while True:
            self._keep_pace(method, path, writes=method != "GET" if writes is None else writes)
            try:
                return self._attempt(method, url, body, accept, patience.limits)
            except AnswerLost as lost:
                if not safe:
                    raise
                wait = patience.after_loss(lost)
            except _RateLimited as limit:
                wait = patience.after_limit(limit.wait, limit.error)
                self.notify(f"GitHub's rate limit: waiting {wait:.0f} s before {method} {path}")
            except CmlkitError as error:
                if not may_settle(error.message):
                    raise
                wait = patience.after_refusal(error)
            self.clock.sleep(wait)

    def _keep_pace(self, method: str, path: str, *, writes: bool) -> None:
        """Wait until GitHub takes one more request without finding them too many."""
        if wait := self._pace.wait(self.clock.now(), writes=writes):
            self.notify(f"GitHub takes no more writes for now: waiting {wait:.0f} s before {method} {path}")
            self.clock.sleep(wait)

    def graphql(self, query: str, *, needs: str = "", repeatable: bool = True, **variables: object) -> Fields:
        """Return the `data` of a GraphQL query or mutation.

        Args:
            needs: The permissions that it needs, for advice: `contents=write,pull_requests=write`.
            repeatable: Whether a repetition is harmless.

        Raises:
            AnswerLost: No usable answer came, and it is not repeatable.
            PermissionDenied: The token may not do it.
            Conflict: Something has changed since it was read.
            ServiceError: GitHub refused it for another reason.
        """
        body = {"query": query, "variables": variables}
        writes = query.lstrip().startswith("mutation")
        answer = self.request("POST", self.graphql_url, body=body, repeatable=repeatable, writes=writes).fields
        if errors := answer.any_listed("errors"):
            message = "; ".join(error.text("message", "it gives no reason") for error in errors)
            types = {error.text("type", "") for error in errors}
            raise graphql_refusal(types, message, kind=self.kind, needs=needs)
        return answer.inside("data")

    def _attempt(
        self, method: str, url: str, body: Mapping[str, object] | None, accept: str, earlier_limits: int
    ) -> Answer:
        what = f"{method} {urlsplit(url).path}"
        answer = self._follow(what, method, url, body, accept)
        if answer.status < 400:
            return answer
        message = said(answer.document, answer.content).replace(self.token, "***")
        if answer.status >= 500:
            raise AnswerLost(f"GitHub failed at {what}: {answer.status} {message}".rstrip(), status=answer.status)
        error = refusal(what, status=answer.status, headers=answer.headers, message=message, kind=self.kind)
        wait = rate_limit_wait(answer.status, answer.headers, message, now=self.clock.now(), earlier=earlier_limits)
        if wait is not None:
            raise _RateLimited(wait, error)
        raise error

    def _follow(self, what: str, method: str, url: str, body: Mapping[str, object] | None, accept: str) -> Answer:
        """Send a request and follow the redirects of a renamed repository with the same method and body."""
        for _ in range(REDIRECTS + 1):
            answer = self._exchange(what, method, url, body, accept)
            if answer.status not in (301, 302, 307, 308):
                return answer
            url = _joined(url, answer.headers.get("location", ""))
            if urlsplit(url)[:2] != urlsplit(self.api_url)[:2]:
                raise ServiceError(f"GitHub redirected {what} to another host, {urlsplit(url).netloc!r}; not followed.")
        raise ServiceError(f"GitHub redirected {what} more than {REDIRECTS} times.")

    def _exchange(self, what: str, method: str, url: str, body: Mapping[str, object] | None, accept: str) -> Answer:
        import requests

        about = f"The answer to {what} from {urlsplit(url).netloc}"
        try:
            response = self._open_session().request(
                method,
                url,
                data=None if body is None else json_text(_without_secrets(body, self._secrets)).encode(),
                headers={"Accept": accept, **HEADERS, **({} if body is None else {"Content-Type": "application/json"})},
                auth=self._authorize,
                timeout=HURRIED_SECONDS if self._hurried else TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
        except requests.exceptions.SSLError as error:
            raise ServiceError(
                f"The certificate of {urlsplit(url).netloc} is not trusted: {error}.",
                next_step="Set REQUESTS_CA_BUNDLE to the file of the authority that signed it.",
            ) from error
        except (ValueError, requests.exceptions.InvalidURL) as error:
            raise SettingsError(f"{self.api_url!r} is no URL of a GitHub API: {error}.") from error
        except requests.RequestException as error:
            raise broken(error, about=about, lost=f"No answer to {what} from {urlsplit(url).netloc}") from error
        self._hurried = False
        content = content_of(response, about=about, limit=self._bounds.size or 0)
        return _usable(what, response, content, accept)

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not as a header: a header would lose against an entry in ~/.netrc.
        request.headers["Authorization"] = f"Bearer {self.token}"
        request.headers["X-GitHub-Api-Version"] = API_VERSION
        request.headers["User-Agent"] = "cmlkit"
        return request

    def _open_session(self) -> requests.Session:
        with self._opening:
            if self._session is None:
                self._session = bounded_session(self._bounds)
                # Its connections may be used by several threads at once, its cookies may not; the API needs none.
                self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return self._session

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        url = path if "://" in path else f"{self.api_url}{path}"
        if urlsplit(url)[:2] not in {urlsplit(self.api_url)[:2], urlsplit(self.graphql_url)[:2]}:
            raise ServiceError(f"GitHub named another host, {urlsplit(url).netloc!r}; the token is not sent there.")
        pairs = [f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value not in ("", None)]
        return f"{url}?{'&'.join(pairs)}" if pairs else url


def _without_secrets(value: Any, secrets: Secrets) -> Any:
    """Return the body of a request with `***` for secrets in texts for people; contents of files and names stay."""
    if isinstance(value, Mapping):
        return {
            key: secrets.hidden(item) if key in _PROSE and isinstance(item, str) else _without_secrets(item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(item, secrets) for item in value]
    return value


def encoded(*segments: str | int) -> str:
    """Join segments into a path, each percent-encoded; slashes within one stay, as in branch names and file paths."""
    return "".join("/" + quote(str(segment), safe="/") for segment in segments)


def _usable(what: str, response: requests.Response, content: bytes, accept: str) -> Answer:
    """Return the answer with its JSON parsed. AnswerLost if a good status has a body that is not the API's."""
    document: Any = None
    is_json = "json" in response.headers.get("content-type", "json")
    if accept == RAW and response.status_code < 300 and not _is_file(response.headers, content):
        raise AnswerLost(
            f"The answer to {what} from {urlsplit(response.url).netloc} is not the file that was asked for.",
            status=response.status_code,
        )
    if content and (accept != RAW or response.status_code >= 400):
        try:
            document = read_json(content)
        except ValueError:
            if response.status_code < 300:
                kind = "broken JSON" if is_json else response.headers["content-type"].partition(";")[0] + ", not JSON"
                raise AnswerLost(
                    f"The answer to {what} from {urlsplit(response.url).netloc} is {kind}.",
                    next_step="Check that GITHUB_API_URL is the root of an API, such as https://HOST/api/v3.",
                    status=response.status_code,
                ) from None
    return Answer(
        what=what,
        status=response.status_code,
        headers=response.headers,
        content=content,
        document=document,
    )


def _is_file(headers: Mapping[str, str], content: bytes) -> bool:
    """Return whether an answer may be a file as it is; a page of a proxy, or an empty answer of another type, is none.

    The type of such an answer is https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types
    """
    media_type = headers.get("content-type", "")
    return "raw" in media_type or not ("html" in media_type or ("json" in media_type and not content))


def _joined(url: str, address: str) -> str:
    """Return an address that GitHub gave, which may be relative to `url`; raise ServiceError if it is none."""
    try:
        return urljoin(url, address)
    except ValueError as error:
        raise ServiceError(f"GitHub named an address that is none: {error}.") from error


def _next_page(headers: Mapping[str, str]) -> str:
    from requests.utils import parse_header_links

    links: Sequence[Mapping[str, str]] = parse_header_links(headers.get("link", ""))
    return next((link["url"] for link in links if link.get("rel") == "next"), "")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or "@" in parts.netloc:
        raise SettingsError(
            f"The API URL {url!r} is not one.", next_step="Set GITHUB_API_URL to such as https://api.github.com."
        )
    return url.rstrip("/")


def _graphql_url(api_url: str) -> str:
    # GitHub Enterprise Server: https://HOST/api/v3 and https://HOST/api/graphql.
    return api_url.removesuffix("/v3") + "/graphql"


def _checked_token(token: str) -> str:
    text = token.strip()
    if not text:
        raise PermissionDenied("There is no token for GitHub.", next_step="Set CMLKIT_TOKEN, or GITHUB_TOKEN.")
    # An error of the HTTP library about such a header would show the token.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise PermissionDenied(
            "The token for GitHub has characters that no token has: blanks, line ends or non-ASCII letters.",
            next_step="Paste the secret again, without anything around it.",
        )
    return text
