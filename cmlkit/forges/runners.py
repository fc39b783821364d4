"""What cmlkit needs of a forge for its runners: to register them, to look after them and their runs, and rights to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A self-hosted runner as the forge lists it.

    Attributes:
        status: `online` or `offline`.
        busy: Whether it has a job now.
    """

    id: int
    name: str
    status: str
    busy: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class JitRunner:
    """A runner that is registered but not yet up. `config` lets one process become it, once."""

    runner: Runner
    config: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RunnerDownload:
    """The runner application for one operating system and architecture; `sha256` in hex."""

    url: str
    sha256: str
    filename: str


class RunnerForge(Protocol):
    """What launching, stopping and reaping need."""

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        """The current runner application for Linux on `x64` or `arm64`."""

    def create_jit_runner(self, *, name: str, labels: Sequence[str]) -> JitRunner:
        """Register a just-in-time runner. If the answer is lost, a leftover of this name is removed first."""

    def runner(self, runner_id: int) -> Runner | None:
        """The runner, or None when it is gone."""

    def runners(self) -> list[Runner]:
        """Every self-hosted runner, all pages."""

    def delete_runner(self, runner_id: int) -> None:
        """Unregister; a runner that is gone already is fine. Conflict while it is busy with a job."""


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


class WorkflowForge(Protocol):
    """What resuming needs."""

    def run_attempt(self, run_id: str) -> int:
        """The number of a workflow run's latest attempt, from 1."""

    def annotation_titles(self, run_id: str, *, attempt: int) -> Iterable[str]:
        """Titles of what the jobs of an attempt have put on the run's page."""

    def rerun(self, run_id: str) -> None:
        """Run all jobs of the run again, as its next attempt."""
