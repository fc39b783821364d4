"""A repository: its bare git repository, and GitHub's state around it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.checks import CheckRun, CommitStatus
from cmlkit_sandbox.github.discussion import (
    Comment,
    CommitComment,
    Issue,
    Label,
    Milestone,
    PullRequest,
)
from cmlkit_sandbox.github.git_repository import GitRepository
from cmlkit_sandbox.github.jobs import WorkflowRun

# What GitHub puts into a new repository, as far as pipelines use it.
DEFAULT_LABELS = {"bug": "d73a4a", "documentation": "0075ca", "enhancement": "a2eeef"}
NEW_LABEL_COLOR = "ededed"


@dataclass(kw_only=True)
class Settings:
    """A repository's settings.

    Attributes:
        can_create_pull_requests: Whether GITHUB_TOKEN may open pull requests.
        workflow_permissions: Default permissions of GITHUB_TOKEN: `read` or `write`.
        delete_branch_on_merge: Whether a merge removes the head branch.
        variables: Name -> value of the variables of Actions.
        secrets: Names of the secrets of Actions.
    """

    can_create_pull_requests: bool = True
    workflow_permissions: str = "read"
    allow_auto_merge: bool = False
    delete_branch_on_merge: bool = False
    archived: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Protection:
    """A rule that protects a branch.

    Attributes:
        rule: GitHub's name for the rule: `pull_request`, `required_signatures`, `creation`, `update`, …
        message: GitHub's message when the rule is broken.
        checks: Names of the checks that must succeed before a merge.
        ruleset: Whether it is a ruleset, not an older branch protection.
    """

    rule: str = "pull_request"
    message: str = "Changes must be made through a pull request."
    checks: tuple[str, ...] = ()
    ruleset: bool = True


@dataclass(kw_only=True)
class Repository:
    """A repository. Writes hold `lock`; issues and pull requests share one sequence of numbers.

    Attributes:
        attestations: Digest of a file, `sha256:…` -> its attestations.
    """

    id: int
    owner: Account
    name: str
    private: bool
    default_branch: str
    git: GitRepository
    created: str
    parent: Repository | None = None
    settings: Settings = field(default_factory=Settings)
    protections: dict[str, Protection] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    commit_comments: dict[int, CommitComment] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    labels: dict[str, Label] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    attestations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def next_number(self) -> int:
        return max(self.issues, default=0) + 1

    @property
    def pulls(self) -> list[PullRequest]:
        """Every pull request, oldest first."""
        return [issue for issue in list(self.issues.values()) if isinstance(issue, PullRequest)]

    def comments_of(self, number: int) -> list[Comment]:
        """Return the comments of an issue or pull request, oldest first."""
        return [self.comments[each] for each in list(self.issues[number].comments) if each in self.comments]
