"""What the doctor needs of a forge: what a token is and may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a token is, and what it and the repository's state allow.

    Attributes:
        kind: For people, such as `a fine-grained token`.
        is_workflows: Whether it is GITHUB_TOKEN's kind, an App's, to which the settings of Actions apply.
        scopes: Of a classic token; None for every other kind.
        expires, server_time: Seconds since the epoch; None where GitHub does not say.
        requests_left: In this hour; None where there is no limit.
        may_push: None where GitHub does not say.
        branch: The default branch.
    """

    repository: str
    kind: str
    is_workflows: bool
    scopes: tuple[str, ...] | None
    expires: float | None
    requests_left: int | None
    server_time: float | None
    archived: bool
    may_push: bool | None
    branch: str


class AccessForge(Protocol):
    """What the doctor needs."""

    def access(self) -> Access:
        """What the token is and may."""

    def actions_may_create_pull_requests(self) -> bool:
        """Whether the repository's settings let workflows open pull requests. PermissionDenied where that is hidden."""
