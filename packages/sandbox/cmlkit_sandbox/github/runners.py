"""Self-hosted runners: registered, online while they hold a connection open, gone after one job."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from cmlkit_sandbox.github.jobs import Job

# For how long a runner whose connection broke still counts as online; a busy machine may need some for the next one.
GRACE_SECONDS = 8.0
READ_ONLY_LABELS = frozenset({"self-hosted", "linux", "x64", "arm64", "arm"})


@dataclass(kw_only=True, eq=False)
class Runner:
    """A just-in-time runner.

    Attributes:
        scope: Full name of its repository, or login of its organisation.
        secret: Secret in its JIT config, valid for one session.
        grace_seconds: How long it counts as online after its last connection broke.
        polls: Its open connections.
        seen: Monotonic time of its last connection; None before the first.
        version: Of its application, which it tells when it connects.
    """

    id: int
    name: str
    scope: str
    labels: tuple[str, ...]
    group_id: int
    work_folder: str
    secret: str = field(repr=False)
    grace_seconds: float = GRACE_SECONDS
    session: str = ""
    polls: int = 0
    said_goodbye: bool = False
    seen: float | None = None
    version: str = ""
    job: Job | None = None

    @property
    def online(self) -> bool:
        if self.said_goodbye:
            return False
        return self.polls > 0 or (self.seen is not None and time.monotonic() - self.seen < self.grace_seconds)

    @property
    def busy(self) -> bool:
        return self.job is not None

    def serves(self, job: Job, *, public: bool) -> bool:
        """Return whether it may run a job.

        Args:
            public: Whether organisations' runners serve public repositories.
        """
        if self.scope.lower() == job.repository.lower():
            return True
        is_ours = self.scope.lower() == job.repository.partition("/")[0].lower()
        return is_ours and (public or job.is_private)


@dataclass(kw_only=True)
class RunnerPool:
    """All runners, and the jobs that wait for one. `changed` guards all state and is notified of each change.

    Args:
        next_id: Generator of ids.
        timestamp: The server's time in GitHub's format.
        finished: Callback for each finished job.
        grace_seconds: See Runner; for newly registered ones.
        shows_working: How the API shows a runner that has a job. GitHub's may show it as idle or offline, or not at
            all: https://github.com/actions/runner/issues/4422, https://github.com/actions/runner/issues/3448
        serves_public: Whether organisations' runner groups allow public repositories, which GitHub's do not by default.
        oldest_version: Older runners come online, and are refused when they ask for a job.
    """

    next_id: Callable[[], int]
    timestamp: Callable[[], str]
    runners: dict[int, Runner] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    finished: Callable[[Job], None] = lambda job: None
    grace_seconds: float = GRACE_SECONDS
    shows_working: Literal["busy", "idle", "offline", "missing"] = "busy"
    serves_public: bool = True
    oldest_version: str = "2.0.0"

    def register(self, *, name: str, scope: str, labels: tuple[str, ...], group_id: int, work_folder: str) -> Runner:
        """Register a runner, which is offline until it connects."""
        with self.changed:
            runner = Runner(
                id=self.next_id(),
                name=name,
                scope=scope,
                labels=labels,
                group_id=group_id,
                work_folder=work_folder,
                secret=secrets.token_hex(16),
                grace_seconds=self.grace_seconds,
            )
            self.runners[runner.id] = runner
            self.changed.notify_all()
            return runner

    def of(self, scope: str) -> list[Runner]:
        """Return the runners of a repository or organisation, by id."""
        with self.changed:
            self.look()
            return [runner for runner in self.runners.values() if runner.scope.lower() == scope.lower()]

    def shown(self, scope: str) -> list[Runner]:
        """Return the runners of a repository or organisation that the API shows, by id."""
        return [item for item in self.of(scope) if not item.busy or self.shows_working != "missing"]

    def remove(self, runner: Runner) -> None:
        with self.changed:
            self.runners.pop(runner.id, None)
            self.changed.notify_all()

    def queue(self, job: Job) -> None:
        with self.changed:
            self.jobs[job.id] = job
            self.changed.notify_all()

    def accepts(self, runner: Runner) -> bool:
        """Return whether the runner's version is recent enough."""
        return _numbers(runner.version) >= _numbers(self.oldest_version)

    def open_session(self, secret: str, *, version: str = "") -> Runner | None:
        """Return the runner with this secret, which works once; None for an unknown secret."""
        with self.changed:
            runner = next((each for each in self.runners.values() if each.secret == secret), None)
            if runner is None or runner.session:
                return None
            runner.session = secrets.token_hex(16)
            runner.version = version
            runner.seen = time.monotonic()
            self.changed.notify_all()
            return runner

    def by_session(self, session: str) -> Runner | None:
        with self.changed:
            return next((each for each in self.runners.values() if session and each.session == session), None)

    @contextlib.contextmanager
    def polling(self, runner: Runner) -> Iterator[None]:
        """Count an open connection of the runner while the block lasts."""
        with self.changed:
            runner.polls += 1
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                runner.polls -= 1
                runner.seen = time.monotonic()

    def close_session(self, runner: Runner) -> None:
        """Set the runner offline at once; its job, if it has one, is lost."""
        with self.changed:
            runner.seen = None
            runner.said_goodbye = True
            self.look()
            self.changed.notify_all()

    def take_job(self, runner: Runner) -> Job | None:
        """Assign the runner the oldest job that it may take."""
        with self.changed:
            if runner.job is not None or runner.id not in self.runners:
                return None
            labels = {label.lower() for label in runner.labels}
            for job in self.jobs.values():
                has_labels = {label.lower() for label in job.labels} <= labels
                fits = has_labels and runner.serves(job, public=self.serves_public)
                if job.status == "queued" and fits:
                    self._start(job, runner)
                    return job
            return None

    def _start(self, job: Job, runner: Runner) -> None:
        runner.job = job
        job.status, job.started = "in_progress", self.timestamp()
        job.runner_id, job.runner_name, job.session = runner.id, runner.name, runner.session
        self.changed.notify_all()

    def start_hosted(self, job: Job) -> None:
        """Give a queued job a machine of GitHub's own, which is not among the runners."""
        with self.changed:
            job.status, job.started = "in_progress", self.timestamp()
            job.runner_id = self.next_id()
            job.runner_name = f"GitHub Actions {job.runner_id}"
            self.changed.notify_all()

    def finish(self, job: Job, conclusion: str) -> None:
        """End a job and remove its runner, as just-in-time runners are removed."""
        with self.changed:
            if job.conclusion is not None:
                return
            job.status, job.conclusion, job.completed = "completed", conclusion, self.timestamp()
            if job.runner_id is not None:
                self.runners.pop(job.runner_id, None)
            self.finished(job)
            self.changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Cancel a job: a queued one ends at once, a running one when its runner has ended it."""
        with self.changed:
            if job.status == "queued":
                self.finish(job, "cancelled")
            job.cancel_asked = True
            self.changed.notify_all()

    def shut_down(self) -> None:
        """End every poll, before the server ends."""
        with self.changed:
            self.runners.clear()
            self.changed.notify_all()

    def look(self) -> None:
        """Fail the jobs whose runner has vanished."""
        with self.changed:
            for runner in list(self.runners.values()):
                if runner.job is not None and not runner.online:
                    runner.job.log += "The self-hosted runner lost communication with the server.\n"
                    self.finish(runner.job, "failure")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("."))) if version else ()
