"""Reaping: removing instances and runners that have outlived their lease because nobody stopped them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CmlkitError, PermissionDenied
from cmlkit.forges.runners import Runner, RunnerForge
from cmlkit.forges.workflows import Job, JobForge, readable_jobs
from cmlkit.progress import Progress, Silent
from cmlkit.runner import lease
from cmlkit.runner.idleness import Judgement, Words, judged, readable_console
from cmlkit.runner.signals import catching_signals
from cmlkit.runner.stopping import terminate_surely, unregistered

# GitHub's list shows a job that began up to a minute later.
PAUSE_SECONDS = 75.0
# An instance's own timer ends it minutes after its lease. One whose runner nobody can tell anything of is shown in five
# hourly reports before it goes.
SURELY_OVER_SECONDS = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Reaped:
    """An instance, a runner or a volume that had outlived its lease, and its fate.

    Attributes:
        name: The runner's name, which is also that of its instance and its volume.
        id: The id of the instance, the runner or the volume.
        region: The region of the instance or the volume; empty for a runner.
        overdue: Seconds since the end of its lease.
        outcome: `would go`, `terminated`, `removed`, `failed`, or `kept: ` and why.
        error: Why it could not be removed; None if it did not fail.
    """

    kind: Literal["instance", "runner", "volume"]
    name: str
    id: str
    region: str = ""
    overdue: float
    outcome: str
    error: CmlkitError | None = None


@dataclass(frozen=True, kw_only=True)
class _Due:
    """An instance whose lease is over, and whether its runner has a job."""

    cloud: LaunchingCloud
    instance: Instance
    overdue: float
    judgement: Judgement

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def why_kept(self) -> str:
        """Why it stays; empty if it goes."""
        if self.judgement.state == "busy":
            return "kept: it is busy"
        if self.judgement.state == "unknown" and self.overdue < SURELY_OVER_SECONDS:
            return f"kept: {self.judgement.reason}"
        return ""

    def row(self, outcome: str, error: CmlkitError | None = None) -> Reaped:
        return Reaped(
            kind="instance",
            name=self.name,
            id=self.instance.id,
            region=self.instance.region,
            overdue=self.overdue,
            outcome=outcome,
            error=error,
        )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at the regions and the forge.

    Attributes:
        located: Names of all instances that were found, also those that have ended.
    """

    now: float
    regions: frozenset[str]
    located: frozenset[str]
    due: dict[str, _Due]
    runners: dict[str, Runner]

    def kept(self) -> list[Reaped]:
        return [due.row(due.why_kept) for due in self.due.values() if due.why_kept]

    def going(self) -> list[_Due]:
        return [due for due in self.due.values() if not due.why_kept]

    def leftovers(self, gone: Sequence[_Due] = ()) -> dict[str, tuple[Runner, float]]:
        """Return our idle runners that are offline past their lease, or whose instance is gone, with seconds overdue.

        An instance that may be at work keeps its runner.
        """
        kept = {due.name for due in self.due.values() if due.why_kept}
        overdue = {due.name: due.overdue for due in gone}
        for name, seconds in self._offline().items():
            if name not in kept and not self._unsearched(name):
                overdue.setdefault(name, seconds)
        return {
            name: (self.runners[name], seconds)
            for name, seconds in overdue.items()
            if name in self.runners and not self.runners[name].busy
        }

    def lost_sight_of(self) -> list[Reaped]:
        """Return a row for each runner that stays because its instance may be in a region that was not searched."""
        return [
            _runner_row(self.runners[name], seconds, f"kept: its instance may be in {', '.join(regions)}")
            for name, seconds in self._offline().items()
            if (regions := self._unsearched(name))
        ]

    def _offline(self) -> dict[str, float]:
        """Return the names of our runners that are offline past their lease, with seconds overdue."""
        return {
            name: self.now - ours.expires
            for name, runner in self.runners.items()
            if (ours := lease.RunnerName.of(name)) and ours.expires < self.now
            if runner.status == "offline" and not runner.busy
        }

    def _unsearched(self, name: str) -> list[str]:
        """Return the regions in which the runner's instance may be, and that were not searched."""
        if name in self.located:
            return []
        return [region for region in lease.remembered_regions(self.runners[name]) if region not in self.regions]


class Reaper:
    """A search of some regions and one forge for overdue instances and runners, and their removal."""

    def __init__(
        self,
        *,
        repository: str,
        forge: RunnerForge,
        job_forge: JobForge | None,
        clouds: Sequence[LaunchingCloud],
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._forge = forge
        self._job_forge = job_forge
        self._clouds = clouds
        self._clock = clock

    def preview(self) -> tuple[Reaped, ...]:
        """Return what `reap` would remove, and what is overdue but stays."""
        look = self._look()
        leftovers = look.leftovers(look.going()).values()
        return (
            *look.kept(),
            *look.lost_sight_of(),
            *(due.row("would go") for due in look.going()),
            *(_runner_row(runner, overdue, "would go") for runner, overdue in leftovers),
        )

    def reap(self) -> tuple[Reaped, ...]:
        """Tag overdue instances, look again, and remove what is still overdue."""
        first = self._look()
        rows = [*first.kept(), *first.lost_sight_of()]
        tagged = []
        for due in first.going():
            if error := self._tag(due, first.now):
                rows.append(due.row("failed", error))
            else:
                tagged.append(due)
        if tagged or first.leftovers():
            self._clock.sleep(PAUSE_SECONDS)
            second = self._look()
            ended = [(due, self._end(due, second)) for due in tagged]
            gone = [due for due, row in ended if row.outcome == "terminated"]
            rows += [*(row for _, row in ended), *self._remove_runners(first.leftovers(gone), second.leftovers(gone))]
        return tuple(rows)

    def _look(self) -> _Look:
        # The forge comes first: nothing is done if it cannot be asked.
        runners = {runner.name: runner for runner in self._forge.runners()}
        now = self._clock.now()
        tags = {lease.REPOSITORY: self._repository, lease.RUN: "", lease.EXPIRES: ""}
        found = [(cloud, instance) for cloud in self._clouds for instance in cloud.instances(tags=tags)]
        jobs: dict[str, list[Job] | None] = {}
        due = {}
        for cloud, instance in found:
            expires = lease.expires(instance)
            if instance.alive and expires is not None and expires < now:
                due[instance.id] = _Due(
                    cloud=cloud,
                    instance=instance,
                    overdue=now - expires,
                    judgement=self._judged(cloud, instance, runners.get(instance.name), jobs),
                )
        regions = frozenset(cloud.region for cloud in self._clouds)
        located = frozenset(instance.name for _, instance in found)
        return _Look(now=now, regions=regions, located=located, due=due, runners=runners)

    def _judged(
        self, cloud: LaunchingCloud, instance: Instance, runner: Runner | None, jobs: dict[str, list[Job] | None]
    ) -> Judgement:
        run_id = instance.tags[lease.RUN]
        if run_id not in jobs:
            jobs[run_id] = readable_jobs(self._job_forge, run_id)
        return judged(
            Words(
                instance=instance,
                owner=self._forge.runner_owner,
                runner=runner,
                jobs=jobs[run_id],
                console=readable_console(cloud, instance.id),
            )
        )

    def _tag(self, due: _Due, now: float) -> CmlkitError | None:
        """Tag the instance as about to be terminated; return the error if that is not allowed."""
        try:
            due.cloud.tag([due.instance.id], {lease.REAPING: str(int(now))})
        except CmlkitError as error:
            return error
        return None

    def _end(self, due: _Due, look: _Look) -> Reaped:
        now = look.due.get(due.instance.id)
        if now is None:
            return due.row("kept: its lease is not over any more")
        if now.why_kept:
            return now.row(now.why_kept)
        try:
            terminate_surely(now.cloud, [now.instance.id], self._clock)
            now.cloud.cancel_expiry(now.instance)
        except CmlkitError as error:
            return now.row("failed", error)
        return now.row("terminated")

    def _remove_runners(
        self, before: dict[str, tuple[Runner, float]], after: dict[str, tuple[Runner, float]]
    ) -> Iterator[Reaped]:
        for runner, overdue in (after[name] for name in after if name in before):
            try:
                gone = unregistered(runner, self._forge)
                yield _runner_row(runner, overdue, "removed" if gone else "kept: it is busy")
            except CmlkitError as error:
                yield _runner_row(runner, overdue, "failed", error)


def _runner_row(runner: Runner, overdue: float, outcome: str, error: CmlkitError | None = None) -> Reaped:
    return Reaped(kind="runner", name=runner.name, id=str(runner.id), overdue=overdue, outcome=outcome, error=error)


def _left_volumes(
    repository: str, clouds: Sequence[LaunchingCloud], *, now: float, progress: Progress
) -> Iterator[Reaped]:
    """Yield a row for each volume that an instance left, and warn of it. None is deleted: it may hold data."""
    for cloud in clouds:
        try:
            volumes = cloud.loose_volumes(tags={lease.REPOSITORY: repository, lease.RUN: "", lease.EXPIRES: ""})
        except PermissionDenied as denied:
            progress.note(f"Whether ended instances left volumes in {cloud.region} cannot be told: {denied.message}")
            continue
        for volume in volumes:
            expired = lease.expires(volume)
            if expired is None or expired >= now:
                continue
            progress.warn(
                f"The volume {volume.id} ({volume.size} GiB in {cloud.region}) outlived its instance and is billed."
                f" If nobody needs its data: {volume.delete_command}"
            )
            yield Reaped(
                kind="volume",
                name=volume.name,
                id=volume.id,
                region=volume.region,
                overdue=now - expired,
                outcome="kept: it may hold data",
            )


def reap(
    *,
    repository: str,
    forge: RunnerForge,
    cloud_for: Callable[[str], LaunchingCloud],
    regions: Sequence[str] = (),
    job_forge: JobForge | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> tuple[Reaped, ...]:
    """Terminate instances and remove runners that have outlived their lease; return a row for each.

    Only those with cmlkit's own tags and names that belong to the repository. One that is busy is kept, and so is, for
    six hours, one of which nobody can tell. Volumes without an instance are told of, and kept.

    Args:
        repository: `OWNER/NAME`; `forge` must list its runners, or those of its organisation.
        regions: Regions to search; the environment's region if empty.
        job_forge: Forge with a token that may read the jobs of the repository's runs; None if none may.
        dry_run: Whether to only report what would be removed.

    Raises:
        CmlkitError: The cloud or the forge could not be asked; a removal that failed is in its row instead.
        Interrupted: SIGINT or SIGTERM came; the next call continues.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    clouds = [cloud_for(region) for region in regions or ("",)]
    reaper = Reaper(repository=repository, forge=forge, job_forge=job_forge, clouds=clouds, clock=clock)
    with catching_signals(), progress.stage("Reap") as say:
        # First: the volumes of an instance that was just terminated are still about to go.
        volumes = tuple(_left_volumes(repository, clouds, now=clock.now(), progress=progress))
        rows = (*(reaper.preview() if dry_run else reaper.reap()), *volumes)
        say("; ".join(f"{row.name} {row.outcome}" for row in rows) or "nothing has outlived its lease")
    return rows
