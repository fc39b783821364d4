"""Accounts, tokens, and permissions of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

TokenKind = Literal["personal", "app", "job"]
Level = Literal["read", "write"]

BOT = "github-actions[bot]"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user, an organisation or a bot."""

    id: int
    login: str
    kind: Literal["User", "Organization", "Bot"] = "User"

    @property
    def email(self) -> str:
        """The address that GitHub writes into this account's commits."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token.

    Attributes:
        kind: `personal` for a person's own token, `app` for an installation of a GitHub App, `job` for GITHUB_TOKEN.
        permissions: Name -> level, as GitHub spells them (`contents`, `pull_requests`, …); None for all of them.
        repositories: Full names of the private repositories that it reaches; None for all.
        rate_limit: Requests per hour.
        expires: Seconds since the epoch; None for never.
    """

    value: str = field(repr=False)
    account: Account
    kind: TokenKind = "personal"
    permissions: Mapping[str, Level] | None = None
    repositories: frozenset[str] | None = None
    rate_limit: int = 5000
    expires: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The response headers about the token."""
        is_classic = self.kind == "personal" and self.permissions is None
        scopes = {"X-OAuth-Scopes": "repo, workflow"} if is_classic else {}
        if self.expires is None:
            return scopes
        moment = datetime.fromtimestamp(self.expires, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return {**scopes, "GitHub-Authentication-Token-Expiration": moment}

    def reaches(self, full_name: str) -> bool:
        return self.repositories is None or full_name.lower() in self.repositories

    def has(self, permission: str, level: str) -> bool:
        """Return whether the token has a permission; `write` includes `read`, and everyone may read metadata."""
        if self.permissions is None or permission == "metadata":
            return True
        granted = self.permissions.get(permission)
        return granted == "write" or (granted is not None and granted == level)

    def satisfies(self, needs: str) -> bool:
        """Return whether it satisfies an endpoint's needs in GitHub's notation: `a=read,b=read; c=read`."""
        return any(all(self.has(*each.strip().split("=")) for each in choice.split(",")) for choice in needs.split(";"))

    def refusal(self) -> str:
        """Return GitHub's refusal for a missing permission."""
        kind = "personal access token" if self.kind == "personal" else "integration"
        return f"Resource not accessible by {kind}"
