"""Stopping: finding and removing the instances and runners that a run or a launch has left."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import AnswerLost, CmlkitError, Conflict, NotFound
from cmlkit.forges.runners import Runner, RunnerForge
from cmlkit.forges.workflows import JobForge, WorkflowForge, readable_jobs
from cmlkit.progress import Progress, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.keeping import Kept, Looks
from cmlkit.runner.signals import Signals, catching_signals
from cmlkit.runner.spot import Interruptions
from cmlkit.together import together

# A cloud may not know an instance for a moment after its launch.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/query-api-troubleshooting.html#eventual-consistency
LOOKS = 4
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Which instances and runners to remove.

    Attributes:
        tags: Tags that all these instances have.
        owns: Whether an instance or runner with this name is one of them.
        known: Instances that were launched, even if the cloud does not list them yet.
        uncertain: Names of instances that may or may not have been launched.
        registered: Names of runners that the forge may have, for messages.
        is_complete: Whether `known` and `uncertain` have all instances, so that the cloud need not list the others.
        has_runners: Whether the forge may have runners to remove.
        cloud_for: Returns a region, to search those that the runners' labels name, too; None to search only `clouds`.
        spares: Whether an instance stays, though it is one of them.
    """

    clouds: Sequence[LaunchingCloud]
    tags: Mapping[str, str]
    owns: Callable[[str], bool]
    known: Sequence[Instance] = ()
    uncertain: Collection[str] = ()
    registered: Collection[str] = ()
    is_complete: bool = False
    has_runners: bool = True
    cloud_for: Callable[[str], LaunchingCloud] | None = None
    spares: Callable[[Instance], bool] = lambda instance: False

    def elsewhere(self, runners: Sequence[Runner]) -> list[LaunchingCloud]:
        """Return the other regions in which these runners' instances may be."""
        if self.cloud_for is None:
            return []
        known = {cloud.region for cloud in self.clouds}
        remembered = dict.fromkeys(region for runner in runners for region in lease.remembered_regions(runner))
        return [self.cloud_for(region) for region in remembered if region not in known]


@dataclass(frozen=True, kw_only=True)
class Removed:
    """The instances and runners that were removed, and those that could not be.

    Attributes:
        instances: Ids of the instances that were terminated.
        runners: Names of the runners that were removed from the forge.
        busy: Names of runners that the forge still considered busy. It removes them by itself.
        failures: The errors.
        left: Ids and names of the instances and runners that may be left because of them, as far as they are known.
        seen: Every instance that was found, also those that had ended.
        regions: The regions that were searched.
        interrupted: Ids of the spot instances that the cloud took back.
        kept: The instances that stay for a look, because their training failed.
        cloud: The cloud's own name, for messages; `forge` is the forge's.
    """

    instances: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    failures: tuple[CmlkitError, ...] = ()
    left: tuple[str, ...] = ()
    seen: tuple[Instance, ...] = ()
    regions: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    cloud: str = ""
    forge: str = ""

    @property
    def summary(self) -> str:
        """One line for each removal or failure; empty if there was nothing to do."""
        lines = [f"Terminated {instance}." for instance in self.instances]
        lines += [f"Removed the runner {name} from {self.forge}." for name in self.runners]
        # https://docs.github.com/en/actions/reference/runners/self-hosted-runners
        lines += [f"{self.forge} considers {name} busy, and removes it by itself within a day." for name in self.busy]
        lines += [f"{self.cloud} took {instance} back: a spot interruption." for instance in self.interrupted]
        lines += [str(kept) for kept in self.kept]
        lines += [f"Not cleaned up: {failure.message}" for failure in self.failures]
        if self.left:
            lines += [
                f"May be left: {', '.join(self.left)}. Each ends with its lease; `cmlkit runner stop` removes it."
            ]
        return "\n".join(lines)


def traces_of_run(
    workflow_run: WorkflowRun, clouds: Sequence[LaunchingCloud], *, cloud_for: Callable[[str], LaunchingCloud]
) -> Traces:
    """Return the traces of all attempts of a run: its stop job may belong to a later attempt than its launch."""
    return Traces(
        clouds=clouds,
        tags=lease.tags_of_run(workflow_run),
        owns=lambda name: lease.is_name_of(workflow_run, name),
        cloud_for=cloud_for,
    )


def remove(
    traces: Traces, *, forge: RunnerForge, clock: Clock, beside: Callable[[Sequence[Instance]], None] | None = None
) -> Removed:
    """Terminate the instances and remove the runners, at once. After a failure, continue with the rest.

    Args:
        beside: Called with the instances in `traces.clouds`, while they are terminated.
    """
    removal = _Removal(traces, forge=forge, clock=clock)
    removal.look()
    removal.end(beside)
    return removal.removed()


class _Removal:
    """The removal of some traces, and what came of it so far."""

    def __init__(self, traces: Traces, *, forge: RunnerForge, clock: Clock) -> None:
        self._traces = traces
        self._forge = forge
        self._clock = clock
        self._regions = [_Region(cloud) for cloud in traces.clouds]
        self._listed: list[Runner] = []
        self._runners: dict[str, bool | CmlkitError] = {}
        self._failure: CmlkitError | None = None

    def look(self) -> None:
        """List instances and runners."""
        together(*[functools.partial(self._list, region) for region in self._regions], self._list_runners)

    def _list(self, region: _Region) -> None:
        try:
            region.seen = _listed(region.cloud, self._traces, self._clock)
        except CmlkitError as error:
            region.failure = error

    def _list_runners(self) -> None:
        if not self._traces.has_runners:
            return
        try:
            self._listed = [runner for runner in self._forge.runners() if self._traces.owns(runner.name)]
        except CmlkitError as error:
            self._failure = error

    def end(self, beside: Callable[[Sequence[Instance]], None] | None) -> None:
        """Terminate the instances and remove the runners."""
        seen = [instance for region in self._regions for instance in region.seen]
        calls = [functools.partial(self._end_instances, region) for region in self._regions]
        also = [functools.partial(beside, seen)] if beside is not None else []
        together(*calls, self._end_runners, *also)

    def _end_instances(self, region: _Region) -> None:
        """Terminate the region's instances; if it could not be searched, those that are known without that."""
        try:
            region.ended = _terminate(region.cloud, self._traces, region.seen, self._clock)
        except CmlkitError as error:
            region.failure = region.failure or error
        else:
            if self._traces.is_complete and not self._traces.uncertain:
                region.failure = None

    def _end_runners(self) -> None:
        """Remove the runners, and before them their instances in other regions, which only their labels name."""
        try:
            others = [_Region(cloud) for cloud in self._traces.elsewhere(self._listed)]
            self._regions += others
            for region in others:
                self._list(region)
                self._end_instances(region)
            # A runner whose region cannot be searched stays, and with it the name of the region.
            if all(region.failure is None for region in others):
                self._runners = _unregister(self._listed, self._forge)
        except CmlkitError as error:
            self._failure = error

    def removed(self) -> Removed:
        """Return what was removed."""
        failures = [*(region.failure for region in self._regions), self._failure, *self._runners.values()]
        return Removed(
            instances=tuple(instance for region in self._regions for instance in region.ended),
            runners=tuple(name for name, gone in self._runners.items() if gone is True),
            busy=tuple(name for name, gone in self._runners.items() if gone is False),
            failures=tuple(error for error in failures if isinstance(error, CmlkitError)),
            left=tuple(dict.fromkeys(self._left())),
            seen=tuple(instance for region in self._regions for instance in region.seen),
            regions=tuple(region.cloud.region for region in self._regions),
            cloud=next((cloud.name for cloud in self._traces.clouds), ""),
            forge=self._forge.runner_agent.forge,
        )

    def _left(self) -> Iterator[str]:
        """Yield the ids and names of what may be left."""
        for region in self._regions:
            if region.failure is not None:
                yield from sorted(_living(region.cloud, self._traces, region.seen).keys() - set(region.ended))
                yield from sorted(set(self._traces.uncertain) - {instance.name for instance in region.seen})
        if self._failure is not None:
            yield from sorted({*self._traces.registered, *(runner.name for runner in self._listed)})
        yield from (name for name, gone in self._runners.items() if isinstance(gone, CmlkitError))


@dataclass
class _Region:
    """The instances that were found in one region, and the ids of those that were ended."""

    cloud: LaunchingCloud
    seen: list[Instance] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    failure: CmlkitError | None = None


def _terminate(cloud: LaunchingCloud, traces: Traces, listed: Sequence[Instance], clock: Clock) -> list[str]:
    living = _living(cloud, traces, listed)
    if living:
        terminate_surely(cloud, sorted(living), clock)
    # Afterwards: until then the expiry is what ends the instance.
    scheduled = {item.id: item for item in (*living.values(), *listed) if item.id in living or not traces.spares(item)}
    together(*[functools.partial(cloud.cancel_expiry, instance) for instance in scheduled.values()])
    return sorted(living)


def _living(cloud: LaunchingCloud, traces: Traces, listed: Sequence[Instance]) -> dict[str, Instance]:
    """Return the region's instances that have not ended, by id."""
    known = {instance.id: instance for instance in traces.known if instance.region == cloud.region}
    known |= {instance.id: instance for instance in listed}
    return {name: instance for name, instance in known.items() if instance.alive and not traces.spares(instance)}


def terminate_surely(cloud: LaunchingCloud, ids: Collection[str], clock: Clock) -> None:
    """Terminate instances, and try again if the cloud does not know one yet, or gave no answer: it does no harm."""
    for _ in range(LOOKS - 1):
        try:
            return cloud.terminate(ids)
        except (NotFound, AnswerLost):
            clock.sleep(PAUSE_SECONDS)
    return cloud.terminate(ids)


def _listed(cloud: LaunchingCloud, traces: Traces, clock: Clock) -> list[Instance]:
    """Return the instances; look again while one may be missing from the list."""
    listed = _owned(cloud, traces)
    for _ in range(LOOKS - 1):
        if {instance.name for instance in listed} >= set(traces.uncertain):
            break
        clock.sleep(PAUSE_SECONDS)
        listed = _owned(cloud, traces)
    return listed


def _owned(cloud: LaunchingCloud, traces: Traces) -> list[Instance]:
    return [instance for instance in cloud.instances(tags=traces.tags) if traces.owns(instance.name)]


def _unregister(runners: Sequence[Runner], forge: RunnerForge) -> dict[str, bool | CmlkitError]:
    """Remove the runners; return for each name whether it is gone, or why that is not known."""

    def gone(runner: Runner) -> tuple[str, bool | CmlkitError]:
        try:
            return runner.name, unregistered(runner, forge)
        except CmlkitError as error:
            return runner.name, error

    return dict(together(*[functools.partial(gone, runner) for runner in runners]))


@contextmanager
def taken_back(withdraw: Callable[[], Removed], *, keep: bool) -> Iterator[Signals]:
    """Withdraw what the `with` block made: on an error and on a signal, and, unless `keep`, at its end.

    The error tells what was removed, and what was not.
    """
    with catching_signals() as signals:
        try:
            try:
                yield signals
            finally:
                # From here on a signal must break neither the clean-up nor the return.
                signals.hold()
            signals.raise_if_received()
        except BaseException as error:
            removed = withdraw()
            if isinstance(error, CmlkitError) and removed.summary:
                error.message = f"{error.message}\n{removed.summary}"
            raise
        if keep:
            return
        removed = withdraw()
        if removed.failures:
            failure = removed.failures[0]
            failure.message = f"{failure.message}\n{removed.summary}"
            raise failure
        signals.raise_if_received()


def unregistered(runner: Runner, forge: RunnerForge) -> bool:
    """Remove a runner unless it is busy; return whether it is gone."""
    try:
        forge.delete_runner(runner.id)
    except Conflict:
        return False
    return True


def stop(
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: Callable[[str], LaunchingCloud],
    regions: Sequence[str] = (),
    workflow_forge: WorkflowForge | None = None,
    job_forge: JobForge | None = None,
    keeps_failed: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Removed:
    """Terminate the run's instances and remove its runners, in any attempt; it is fine if none are left.

    Spot instances that the cloud took back are tagged as interrupted, so that the next attempt is launched on demand.

    Args:
        regions: Regions to search, besides those that the labels of the run's runners name; the environment's region if
            empty.
        workflow_forge: Forge with the jobs' reports of spot interruptions; None to ask only the cloud.
        job_forge: Forge with a token that may read the jobs of the run, which show that it had a runner; None if none
            may.
        keeps_failed: Whether instances that were launched with `keep-on-failure` stay for that time after their job
            failed.

    Raises:
        CmlkitError: The first error, after everything else was removed.
        Interrupted: SIGINT or SIGTERM came; everything was removed before.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    with catching_signals() as signals, progress.stage("Stop the runner") as say:
        # Stopping takes seconds, and stopping halfway would leave instances behind.
        signals.hold()
        clouds = [cloud_for(region) for region in regions or ("",)]
        interruptions = Interruptions(workflow_run, forge=workflow_forge)
        traces = traces_of_run(workflow_run, clouds, cloud_for=cloud_for)
        looks = Looks(forge=job_forge, run_id=workflow_run.run_id, now=clock.now())
        traces = replace(traces, spares=looks.spares) if keeps_failed else traces
        removed = remove(traces, forge=forge, clock=clock, beside=interruptions.look)
        try:
            there = [cloud_for(region) for region in dict.fromkeys(item.region for item in removed.seen)]
            removed = replace(removed, interrupted=interruptions.tag(removed.seen, clouds=there, clock=clock))
        except CmlkitError as error:
            progress.note(f"Whether {removed.cloud} took an instance back cannot be told: {error.message}")
        removed = replace(removed, kept=_shortened(looks, cloud_for, progress))
        for doubt in _doubts(removed, workflow_run, owner=forge.runner_owner, job_forge=job_forge):
            progress.warn(doubt)
        say(removed.summary or f"nothing is left of run {workflow_run.run_id}")
        if removed.failures:
            raise removed.failures[0]
        signals.raise_if_received()
    return removed


def _shortened(looks: Looks, cloud_for: Callable[[str], LaunchingCloud], progress: Progress) -> tuple[Kept, ...]:
    """End the lease of each instance that stays with its look, for the reaper; return them."""
    for kept in looks.kept.values():
        try:
            cloud_for(kept.region).tag([kept.id], {lease.KEPT_UNTIL: str(int(kept.until))})
        except CmlkitError as error:
            progress.note(f"{kept.id} keeps its longer lease, which the reaper reads: {error.message}")
    if looks.is_unreadable:
        progress.warn("keep-on-failure has no effect: this job cannot read the run's jobs (`actions: read`).")
    return tuple(looks.kept.values())


def _doubts(removed: Removed, workflow_run: WorkflowRun, *, owner: str, job_forge: JobForge | None) -> Iterator[str]:
    """Yield why something of the run may be left elsewhere."""
    if not removed.seen and not removed.failures and _had_runner(removed, workflow_run, job_forge):
        yield (
            f"Run {workflow_run.run_id} had a runner, but {' and '.join(removed.regions)} shows no instance of it. If"
            " it was launched in another region, stop it there: set the same `region` as for its launch. Instances that"
            " have ended are shown for about an hour."
        )
    scopes = {item.tags.get(lease.SCOPE, "") for item in removed.seen}
    if others := sorted(scope for scope in scopes if scope.lower() not in ("", owner.lower())):
        yield (
            f"The runners of run {workflow_run.run_id} are listed by {' and '.join(others)}, not by {owner}: set the"
            f" same `scope` as for the launch, or {removed.forge} keeps them, offline, for up to a day."
        )


def _had_runner(removed: Removed, workflow_run: WorkflowRun, job_forge: JobForge | None) -> bool:
    """Return whether the run surely had a runner of ours: one that was listed, or one that a job of it names."""
    if removed.runners or removed.busy:
        return True
    try:
        jobs = readable_jobs(job_forge, workflow_run.run_id) or ()
    except CmlkitError:
        return False  # The removal, which succeeded, must not fail for a warning.
    return any(lease.is_name_of(workflow_run, job.runner_name) for job in jobs)
