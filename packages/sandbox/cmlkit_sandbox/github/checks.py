"""Check runs and commit statuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from cmlkit_sandbox.github.accounts import Account


@dataclass(frozen=True, kw_only=True)
class CheckOutput:
    """The output of a check run; `annotations` are GitHub's own objects."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: tuple[object, ...] = ()


@dataclass(kw_only=True)
class CheckRun:
    """A check run: `status` is queued, in_progress or completed; only a completed one has a conclusion."""

    id: int
    name: str
    sha: str
    status: str
    conclusion: str | None
    started: str | None
    completed: str | None
    details_url: str | None
    external_id: str | None
    output: CheckOutput = field(default_factory=CheckOutput)


@dataclass(frozen=True, kw_only=True)
class CommitStatus:
    """A commit status: `state` is error, failure, pending or success."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created: str
