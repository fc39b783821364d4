"""Access: the token's kind and rights, as far as GitHub tells, and the repository's settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cmlkit.errors import PermissionDenied
from cmlkit.forges.access import Access
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.permissions import NAMES, OF_INSTALLATIONS, SCOPED, Kind, Needs, advice, scopes_in
from cmlkit.forges.github.refusal import server_time
from cmlkit.records.fields import Fields

_VIEWER = "query { viewer { login } }"

# The permissions that publishing needs. Only Apps create checks, and a status stands in for one.
_PUBLISHING = "contents=write,pull_requests=write,statuses=write"
_PUBLISHING_OF_APPS = "contents=write,pull_requests=write,checks=write"

WORKFLOW_LOGIN = "github-actions[bot]"  # whom GITHUB_TOKEN acts as


class Account:
    """The account that the token belongs to."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._login = ""

    def access(self) -> Access:
        answer = self._client.http.request("GET", self._client.path())
        return _access(self._client.http.kind, answer.headers, answer.fields)

    def actions_may_create_pull_requests(self) -> bool:
        answer = self._client.http.get(self._client.path("actions", "permissions", "workflow"))
        return answer.flag("can_approve_pull_request_reviews")

    def known(self, login: str) -> None:
        """Take the login from an answer that had it beside others."""
        self._login = login

    def login(self) -> str:
        if not self._login:
            self._login = self._installation_login() if self._is_of_installation else self._person_login()
        return self._login

    def token_note(self) -> str:
        # https://docs.github.com/en/actions/concepts/security/github_token
        if self.login() != WORKFLOW_LOGIN:
            return ""
        return (
            "Opened with the workflow's own `GITHUB_TOKEN`: workflows on this pull request wait for an approval."
            " With the token of a GitHub App or of a person in `CMLKIT_TOKEN` they start by themselves."
        )

    @property
    def _is_of_installation(self) -> bool:
        """Whether the token is GITHUB_TOKEN or a GitHub App's."""
        return self._client.http.kind in OF_INSTALLATIONS

    def _person_login(self) -> str:
        try:
            return self._client.http.get("/user").filled("login")
        except PermissionDenied:
            return self._installation_login()

    def _installation_login(self) -> str:
        # These may not ask for the user, but GraphQL tells them who they are.
        return self._client.http.graphql(_VIEWER).inside("viewer").filled("login")


def _access(kind: Kind, headers: Mapping[str, str], repository: Fields) -> Access:
    owner = repository.within("owner")
    left, permissions = headers.get("x-ratelimit-remaining", ""), repository.within("permissions")
    return Access(
        repository=repository.filled("full_name"),
        kind=NAMES[kind],
        is_workflows=kind == "installation",
        advice=advice(kind, Needs.parse(_PUBLISHING_OF_APPS if kind in OF_INSTALLATIONS else _PUBLISHING)),
        scopes=_scopes(headers) if kind in SCOPED else None,
        expires=_expiry(headers.get("github-authentication-token-expiration", "")),
        requests_left=int(left) if left.isdecimal() else None,
        server_time=server_time(headers),
        archived=repository.flag("archived", False),
        may_push=permissions.flag("push") if permissions.has("push") else None,
        branch=repository.filled("default_branch"),
        ids=(owner.whole("id"), repository.whole("id")) if owner.has("id") and repository.has("id") else None,
    )


def _scopes(headers: Mapping[str, str]) -> tuple[str, ...] | None:
    listed = headers.get("x-oauth-scopes")
    return None if listed is None else scopes_in(listed)


def _expiry(text: str) -> float | None:
    """Parse `2026-12-01 08:00:00 UTC`, or with an offset such as `+0000`; return seconds since the epoch."""
    moment, _, zone = text.rpartition(" ")
    if not moment:
        return None
    offset = "+0000" if zone == "UTC" else zone
    try:
        return datetime.strptime(f"{moment} {offset}", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC).timestamp()
    except ValueError:
        return None
