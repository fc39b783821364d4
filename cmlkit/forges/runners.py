"""Self-hosted runners, for launching, stopping and reaping."""

from __future__ import annotations

from collections.abc import Sequence
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
    """A registered runner that is not yet online. `credential` lets one process become it, once."""

    runner: Runner
    credential: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RunnerDownload:
    """The runner application for one operating system and architecture; `sha256` in hex."""

    url: str
    sha256: str
    filename: str


@dataclass(frozen=True, kw_only=True)
class RunnerAgent:
    """The runner application: its part of the boot script, and names for messages.

    Attributes:
        forge: The forge's name.
        script: Bash functions that install and run the application; `runner/life.sh` says which.
        service: The service that the application stays connected to.
        status_page: Address of the forge's status page.
        greeting: The application's words, on its standard output, when it is connected to the service.
    """

    forge: str
    script: str = field(repr=False)
    service: str
    status_page: str
    greeting: str


@dataclass(frozen=True, kw_only=True)
class RunnerGroup:
    """The group of new runners.

    Attributes:
        is_closed: Whether its runners get no jobs of the repository, which is public.
    """

    name: str
    is_closed: bool


class RunnerForge(Protocol):
    """The forge as launching, stopping and reaping need it."""

    @property
    def runner_agent(self) -> RunnerAgent:
        """The application that becomes a runner on an instance."""

    @property
    def runner_owner(self) -> str:
        """The repository (`OWNER/NAME`) or organisation whose runners these are."""

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        """Return the current runner application for Linux on `x64` or `arm64`."""

    def create_jit_runner(self, *, name: str, labels: Sequence[str]) -> JitRunner:
        """Register a just-in-time runner. If the answer is lost, a leftover of this name is removed first."""

    def runner(self, runner_id: int) -> Runner | None:
        """Return the runner, or None if it is gone."""

    def runners(self) -> list[Runner]:
        """Return every self-hosted runner, all pages."""

    def runner_group(self) -> RunnerGroup | None:
        """Return the group of new runners; None if they are the repository's own, or the token may not see groups."""

    def delete_runner(self, runner_id: int) -> None:
        """Unregister the runner, unless it is gone already. Conflict while it is busy with a job."""
