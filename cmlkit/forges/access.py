"""Access: the token and its rights, for the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Access:
    """A token, its rights, and the repository's state.

    Attributes:
        kind: For people, such as `a fine-grained token`.
        is_workflows: Whether it is an App's token, such as GITHUB_TOKEN, to which the settings of Actions apply.
        advice: How to let a token of this kind publish.
        scopes: Scopes of a classic token; None for other kinds.
        expires, server_time: Seconds since the epoch; None if unknown.
        requests_left: Requests left in this hour; None without a limit.
        may_push: Whether the token may push; None if unknown.
        branch: The default branch.
        ids: Of the owner and of the repository, which stay when they are renamed; None if unknown.
    """

    repository: str
    kind: str
    is_workflows: bool
    advice: str
    scopes: tuple[str, ...] | None
    expires: float | None
    requests_left: int | None
    server_time: float | None
    archived: bool
    may_push: bool | None
    branch: str
    ids: tuple[int, int] | None = None


class AccessForge(Protocol):
    """The forge as the doctor needs it."""

    def access(self) -> Access:
        """Return the token's kind and rights."""

    def variable(self, name: str) -> str | None:
        """Return a variable that workflows get; None without it. PermissionDenied if the token may not look."""

    def has_secret(self, name: str) -> bool:
        """Return whether workflows have a secret of that name. PermissionDenied if the token may not look."""

    def actions_may_create_pull_requests(self) -> bool:
        """Return whether workflows may open pull requests. PermissionDenied if the token may not see the setting."""
