"""Issues, pull requests, and comments on them and on commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cmlkit_sandbox.github.accounts import Account

if TYPE_CHECKING:
    from cmlkit_sandbox.github.repository import Repository

MergeMethod = Literal["merge", "squash", "rebase"]


@dataclass(frozen=True, kw_only=True)
class Label:
    id: int
    name: str
    color: str
    description: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Milestone:
    id: int
    number: int
    title: str
    creator: Account
    created: str


@dataclass(kw_only=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    number: int
    author: Account
    body: str
    created: str
    updated: str


@dataclass(kw_only=True)
class CommitComment:
    id: int
    sha: str
    author: Account
    body: str
    path: str | None
    position: int | None
    line: int | None
    created: str
    updated: str


@dataclass(kw_only=True)
class Review:
    """A person's verdict on a pull request: `state` is APPROVED, CHANGES_REQUESTED or COMMENTED."""

    id: int
    author: Account
    state: str
    body: str
    sha: str
    submitted: str


@dataclass(kw_only=True)
class Issue:
    """An issue. Times are strings in GitHub's format; `comments` are ids."""

    id: int
    number: int
    title: str
    body: str | None
    author: Account
    created: str
    updated: str
    state: Literal["open", "closed"] = "open"
    closed: str | None = None
    closed_by: Account | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    milestone: int | None = None
    comments: list[int] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return f"I_{self.id}"


@dataclass(frozen=True, kw_only=True)
class AutoMerge:
    """A merge that waits until the pull request's requirements are met."""

    method: MergeMethod
    enabled_by: Account
    title: str = ""
    message: str = ""


@dataclass(kw_only=True)
class PullRequest(Issue):
    """A pull request.

    Attributes:
        head_repository: Repository of the head branch: this one or a fork; None once that is deleted.
        head_sha, base_sha: Heads of the two branches while the pull request was last open, before a merge.
        merge_commit: The merge's commit on the base branch.
    """

    head: str
    head_repository: Repository
    head_sha: str
    base: str
    base_sha: str
    draft: bool = False
    maintainer_can_modify: bool = True
    merged: str | None = None
    merged_by: Account | None = None
    merge_commit: str | None = None
    auto_merge: AutoMerge | None = None
    reviewers: list[Account] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return f"PR_{self.id}"
