"""Accounts, tokens, and permissions of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

TokenKind = Literal["personal", "app", "job"]
Level = Literal["read", "write"]

BOT = "github-actions[bot]"
CLASSIC_SCOPES = ("repo", "workflow")


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
        permissions: Name -> level, as GitHub spells them (`contents`, `pull_requests`, …); None for all of them. A
            personal token without any is a classic one, which has scopes.
        scopes: Scopes of a classic token.
        repositories: Full names of the private repositories that it reaches; None for all.
        rate_limit: Requests per hour.
        expires: Seconds since the epoch; None for never.
    """

    value: str = field(repr=False)
    account: Account
    kind: TokenKind = "personal"
    permissions: Mapping[str, Level] | None = None
    scopes: tuple[str, ...] = CLASSIC_SCOPES
    repositories: frozenset[str] | None = None
    rate_limit: int = 5000
    expires: float | None = None

    @property
    def is_classic(self) -> bool:
        return self.kind == "personal" and self.permissions is None

    @property
    def may_change_workflows(self) -> bool:
        """Whether it may create and change workflow files: GITHUB_TOKEN never may."""
        if self.is_classic:
            return "workflow" in self.scopes
        return self.kind != "job" and self.has("workflows", "write")

    @property
    def headers(self) -> dict[str, str]:
        """The response headers about the token."""
        scopes = {"X-OAuth-Scopes": ", ".join(self.scopes)} if self.is_classic else {}
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

    def accepted(self, needs: str) -> dict[str, str]:
        """Return the response header about what an endpoint needs: scopes for a classic token, else permissions.

        https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permission-errors
        """
        if self.is_classic:
            return {"X-Accepted-OAuth-Scopes": "admin:org" if "organization_" in needs else "repo"}
        return {"X-Accepted-GitHub-Permissions": needs}

    def refusal(self) -> str:
        """Return GitHub's refusal for a missing permission."""
        kind = "personal access token" if self.kind == "personal" else "integration"
        return f"Resource not accessible by {kind}"
