"""A forge that has runners and jobs and nothing else, and a clock that runs as fast as it is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cmlkit.errors import Conflict, PermissionDenied
from cmlkit.forges.github.agent import runner_agent
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload, RunnerGroup
from cmlkit.forges.workflows import Job
from cmlkit.runner.lease import RunnerName


@dataclass(kw_only=True)
class FakeForge:
    """Implements `RunnerForge` and `JobForge`.

    Attributes:
        runner_owner: Who has the runners.
        jobs_by_run: The jobs of each run, by its id; a run that is missing has none yet.
        may_read_jobs: Whether the token may read jobs.
        polls_until_online: How often a runner is looked at before it is online; None for never.
        when_polled: Called before each look at one runner.
        when_listed: Called before each look at all of them, but not before a launch's own look for other launches.
        when_created: Called before each registration.
    """

    runner_owner: str = "octo/random-forest"
    jobs_by_run: dict[str, list[Job]] = field(default_factory=dict)
    may_read_jobs: bool = True
    polls_until_online: int | None = 1
    when_polled: Callable[[], None] = lambda: None
    when_listed: Callable[[], None] = lambda: None
    when_created: Callable[[], None] = lambda: None
    runners_by_id: dict[int, Runner] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)
    looked: dict[int, int] = field(default_factory=dict)
    created: int = 0
    listed: int = 0
    launches_to_look: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def runner_agent(self) -> RunnerAgent:
        return runner_agent()

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        return RunnerDownload(
            url=f"https://github.example/runner-{architecture}.tar.gz", sha256="0" * 64, filename="runner.tar.gz"
        )

    def create_jit_runner(self, *, name: str, labels: Sequence[str]) -> JitRunner:
        self.when_created()
        with self.lock:
            self.created += 1
            self.launches_to_look += (named := RunnerName.of(name)) is not None and named.number == 1
            runner = Runner(id=100 + self.created, name=name, status="offline", busy=False, labels=tuple(labels))
            self.runners_by_id[runner.id] = runner
            return JitRunner(runner=runner, credential="aml0LWNvbmZpZw==")

    def runner(self, runner_id: int) -> Runner | None:
        self.when_polled()
        if runner_id in self.runners_by_id:
            self._look_at(runner_id)
        return self.runners_by_id.get(runner_id)

    def runners(self) -> list[Runner]:
        if self.launches_to_look:
            self.launches_to_look -= 1
            return list(self.runners_by_id.values())
        self.when_listed()
        self.listed += 1
        for runner_id in self.runners_by_id:
            self._look_at(runner_id)
        return list(self.runners_by_id.values())

    def jobs(self, run_id: str) -> list[Job]:
        if not self.may_read_jobs:
            raise PermissionDenied("Resource not accessible by personal access token")
        return self.jobs_by_run.get(run_id, [])

    def runner_group(self) -> RunnerGroup | None:
        return None

    def delete_runner(self, runner_id: int) -> None:
        runner = self.runners_by_id.get(runner_id)
        if runner and runner.busy:
            raise Conflict("The runner has a job.", status=422)
        if self.runners_by_id.pop(runner_id, None):
            self.deleted.append(runner_id)

    def _look_at(self, runner_id: int) -> None:
        self.looked[runner_id] = self.looked.get(runner_id, 0) + 1
        if self.polls_until_online is not None and self.looked[runner_id] >= self.polls_until_online:
            self.come_online(runner_id)

    def come_online(self, runner_id: int) -> None:
        self.runners_by_id[runner_id] = replace(self.runners_by_id[runner_id], status="online")

    def become_busy(self, runner_id: int) -> None:
        self.runners_by_id[runner_id] = replace(self.runners_by_id[runner_id], status="online", busy=True)


@dataclass(kw_only=True)
class FastClock:
    """A clock that `sleep` moves on.

    Attributes:
        when_slept: Called after each sleep.
    """

    time: float = 1_800_000_000.0
    when_slept: Callable[[], None] = lambda: None
    slept: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.time += seconds
            self.slept.append(seconds)
        self.when_slept()
