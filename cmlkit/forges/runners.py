"""What launching, stopping and reaping need of a forge: its self-hosted runners."""

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
    """A runner that is registered but not yet up. `credential` lets one process become it, once."""

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
    """The runner application as the boot script knows it, and as messages name what it depends on.

    Attributes:
        forge: The forge's name.
        script: Bash functions that install and run the application; `runner/life.sh` says which.
        service: What the application keeps a connection to.
        status_page: Address at which the forge tells of its outages.
    """

    forge: str
    script: str = field(repr=False)
    service: str
    status_page: str


class RunnerForge(Protocol):
    """What launching, stopping and reaping need."""

    @property
    def runner_agent(self) -> RunnerAgent:
        """The application that becomes a runner on an instance."""

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
