"""Reaping: removing instances and runners that have outlived their lease because nobody stopped them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CmlkitError
from cmlkit.forges.runners import Runner, RunnerForge
from cmlkit.progress import Progress, Silent
from cmlkit.runner import lease
from cmlkit.runner.signals import catching_signals
from cmlkit.runner.stopping import unregistered

# Long enough for GitHub to show a job that is about to start.
PAUSE_SECONDS = 15.0

Outcome = Literal[
    "would go", "terminated", "removed", "kept: it is busy", "kept: its lease is not over any more", "failed"
]


@dataclass(frozen=True, kw_only=True)
class Reaped:
    """An instance or a runner that had outlived its lease, and its fate.

    Attributes:
        name: The runner's name, which is also its instance's.
        id: The instance's or the runner's id.
        region: The instance's region; empty for a runner.
        overdue: Seconds since the end of its lease.
        error: Why it could not be removed; None if it did not fail.
    """

    kind: Literal["instance", "runner"]
    name: str
    id: str
    region: str = ""
    overdue: float
    outcome: Outcome
    error: CmlkitError | None = None


@dataclass(frozen=True, kw_only=True)
class _Due:
    """An instance whose lease is over."""

    cloud: LaunchingCloud
    instance: Instance
    expired: int

    @property
    def name(self) -> str:
        return self.instance.name

    def row(self, now: float, outcome: Outcome, error: CmlkitError | None = None) -> Reaped:
        return Reaped(
            kind="instance",
            name=self.name,
            id=self.instance.id,
            region=self.instance.region,
            overdue=now - self.expired,
            outcome=outcome,
            error=error,
        )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at the regions and the forge."""

    now: float
    due: dict[str, _Due]
    runners: dict[str, Runner]

    def is_busy(self, name: str) -> bool:
        return name in self.runners and self.runners[name].busy

    def idle(self) -> list[_Due]:
        return [due for due in self.due.values() if not self.is_busy(due.name)]

    def leftovers(self, gone: frozenset[str] = frozenset()) -> dict[str, Runner]:
        """Return our idle runners whose lease is over: offline, or on an instance that is gone."""
        return {
            name: runner
            for name, runner in self.runners.items()
            if (ours := lease.RunnerName.of(name)) and ours.expires < self.now
            if not runner.busy and (runner.status == "offline" or name in gone)
        }


class Reaper:
    """A search of some regions and one forge for overdue instances and runners, and their removal."""

    def __init__(self, *, repository: str, forge: RunnerForge, clouds: Sequence[LaunchingCloud], clock: Clock) -> None:
        self._repository = repository
        self._forge = forge
        self._clouds = clouds
        self._clock = clock

    def preview(self) -> tuple[Reaped, ...]:
        """Return what `reap` would remove, and what is overdue but busy."""
        look = self._look()
        going = frozenset(due.name for due in look.idle())
        return (
            *_busy_rows(look),
            *(due.row(look.now, "would go") for due in look.idle()),
            *(_runner_row(runner, look.now, "would go") for runner in look.leftovers(going).values()),
        )

    def reap(self) -> tuple[Reaped, ...]:
        """Tag overdue instances, look again, and remove what is still overdue."""
        first = self._look()
        rows = list(_busy_rows(first))
        tagged = []
        for due in first.idle():
            if error := self._tag(due, first.now):
                rows.append(due.row(first.now, "failed", error))
            else:
                tagged.append(due)
        if tagged or first.leftovers():
            self._clock.sleep(PAUSE_SECONDS)
            second = self._look()
            rows += [self._end(due, second) for due in tagged]
            gone = frozenset(row.name for row in rows if row.outcome == "terminated")
            rows += self._remove_runners(first.leftovers(gone), second.leftovers(gone), second.now)
        return tuple(rows)

    def _look(self) -> _Look:
        # Only the forge knows what is busy: ask it first, and do nothing if that fails.
        runners = {runner.name: runner for runner in self._forge.runners()}
        now = self._clock.now()
        tags = {lease.REPOSITORY: self._repository, lease.RUN: "", lease.EXPIRES: ""}
        found = [(cloud, instance) for cloud in self._clouds for instance in cloud.instances(tags=tags)]
        due = {
            instance.id: _Due(cloud=cloud, instance=instance, expired=expires)
            for cloud, instance in found
            if instance.alive and (expires := lease.expires(instance)) is not None and expires < now
        }
        return _Look(now=now, due=due, runners=runners)

    def _tag(self, due: _Due, now: float) -> CmlkitError | None:
        """Tag the instance as about to be terminated; return the error if that is not allowed."""
        try:
            due.cloud.tag([due.instance.id], {lease.REAPING: str(int(now))})
        except CmlkitError as error:
            return error
        return None

    def _end(self, due: _Due, look: _Look) -> Reaped:
        if due.instance.id not in look.due:
            return due.row(look.now, "kept: its lease is not over any more")
        if look.is_busy(due.name):
            return due.row(look.now, "kept: it is busy")
        try:
            due.cloud.terminate([due.instance.id])
            due.cloud.cancel_expiry(due.instance)
        except CmlkitError as error:
            return due.row(look.now, "failed", error)
        return due.row(look.now, "terminated")

    def _remove_runners(self, before: dict[str, Runner], after: dict[str, Runner], now: float) -> Iterator[Reaped]:
        for runner in (runner for name, runner in after.items() if name in before):
            try:
                gone = unregistered(runner, self._forge)
                yield _runner_row(runner, now, "removed" if gone else "kept: it is busy")
            except CmlkitError as error:
                yield _runner_row(runner, now, "failed", error)


def _busy_rows(look: _Look) -> Iterator[Reaped]:
    return (due.row(look.now, "kept: it is busy") for due in look.due.values() if look.is_busy(due.name))


def _runner_row(runner: Runner, now: float, outcome: Outcome, error: CmlkitError | None = None) -> Reaped:
    ours = lease.RunnerName.of(runner.name)
    return Reaped(
        kind="runner",
        name=runner.name,
        id=str(runner.id),
        overdue=now - ours.expires if ours else 0.0,
        outcome=outcome,
        error=error,
    )


def reap(
    *,
    repository: str,
    forge: RunnerForge,
    cloud_for: Callable[[str], LaunchingCloud],
    regions: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> tuple[Reaped, ...]:
    """Terminate instances and remove runners that have outlived their lease; return a row for each.

    Only those with cmlkit's own tags and names that belong to the repository. Busy ones, looked up twice, are kept.

    Args:
        repository: `OWNER/NAME`; `forge` must list its runners.
        regions: Regions to search; the environment's region if empty.
        dry_run: Whether to only report what would be removed.

    Raises:
        CmlkitError: The cloud or the forge could not be asked; a removal that failed is in its row instead.
        Interrupted: SIGINT or SIGTERM came; the next call continues.
    """
    clouds = [cloud_for(region) for region in regions or ("",)]
    reaper = Reaper(repository=repository, forge=forge, clouds=clouds, clock=clock or SystemClock())
    with catching_signals(), (progress or Silent()).stage("Reap") as say:
        rows = reaper.preview() if dry_run else reaper.reap()
        say("; ".join(f"{row.name} {row.outcome}" for row in rows) or "nothing has outlived its lease")
    return rows
