"""Stopping: finding and removing the instances and runners that a run or a launch has left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CmlkitError, Conflict, NotFound
from cmlkit.forges.runners import Runner, RunnerForge
from cmlkit.forges.workflows import WorkflowForge
from cmlkit.progress import Progress, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.signals import catching_signals
from cmlkit.runner.spot import tag_interrupted

# A cloud may not know an instance for a moment after its launch.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/query-api-troubleshooting.html#eventual-consistency
LOOKS = 4
PAUSE_SECONDS = 1.0
THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Which instances and runners to remove.

    Attributes:
        tags: Tags that all these instances have.
        owns: Whether an instance or runner with this name is one of them.
        known: Instances that were launched, even if the cloud does not list them yet.
        uncertain: Names of instances that may or may not have been launched.
        has_runners: Whether the forge may have runners to remove.
    """

    clouds: Sequence[LaunchingCloud]
    tags: Mapping[str, str]
    owns: Callable[[str], bool]
    known: Sequence[Instance] = ()
    uncertain: Collection[str] = ()
    has_runners: bool = True


@dataclass(frozen=True, kw_only=True)
class Removed:
    """The instances and runners that were removed, and those that could not be.

    Attributes:
        instances: Ids of the instances that were terminated.
        runners: Names of the runners that were removed from the forge.
        busy: Names of runners that the forge still considered busy. It removes them by itself.
        failures: The errors.
        seen: Every instance that was found, also those that had ended.
        interrupted: Ids of the spot instances that the cloud took back.
        cloud: The cloud's own name, for messages; `forge` is the forge's.
    """

    instances: tuple[str, ...] = ()
    runners: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    failures: tuple[CmlkitError, ...] = ()
    seen: tuple[Instance, ...] = ()
    interrupted: tuple[str, ...] = ()
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
        lines += [f"Not cleaned up: {failure.message}" for failure in self.failures]
        return "\n".join(lines)


def traces_of_run(workflow_run: WorkflowRun, clouds: Sequence[LaunchingCloud]) -> Traces:
    """Return the traces of all attempts of a run: its stop job may belong to a later attempt than its launch."""
    return Traces(
        clouds=clouds,
        tags=lease.tags_of_run(workflow_run),
        owns=lambda name: lease.is_name_of(workflow_run, name),
    )


def remove(traces: Traces, *, forge: RunnerForge, clock: Clock) -> Removed:
    """Terminate the instances, then remove the runners. After a failure, continue with the rest."""
    instances: list[str] = []
    seen: list[Instance] = []
    runners: dict[str, bool] = {}
    failures: list[CmlkitError] = []
    for cloud in traces.clouds:
        try:
            seen += (listed := _listed(cloud, traces, clock))
            instances += _terminate(cloud, traces, listed, clock)
        except CmlkitError as error:
            failures.append(error)
    if traces.has_runners:
        try:
            runners = _unregister(traces, forge)
        except CmlkitError as error:
            failures.append(error)
    return Removed(
        instances=tuple(instances),
        runners=tuple(name for name, gone in runners.items() if gone),
        busy=tuple(name for name, gone in runners.items() if not gone),
        failures=tuple(failures),
        seen=tuple(seen),
        cloud=next((cloud.name for cloud in traces.clouds), ""),
        forge=forge.runner_agent.forge,
    )


def _terminate(cloud: LaunchingCloud, traces: Traces, listed: Sequence[Instance], clock: Clock) -> list[str]:
    ended = {instance.id for instance in listed if not instance.alive}
    known = {instance.id for instance in traces.known if instance.region == cloud.region}
    ids = sorted({instance.id for instance in listed}.union(known) - ended)
    _terminate_surely(cloud, ids, clock)
    for instance in listed:
        cloud.cancel_expiry(instance)
    return ids


def _terminate_surely(cloud: LaunchingCloud, ids: Collection[str], clock: Clock) -> None:
    """Terminate instances, and try again if the cloud does not know one yet."""
    for _ in range(LOOKS - 1):
        try:
            return cloud.terminate(ids)
        except NotFound:
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


def _unregister(traces: Traces, forge: RunnerForge) -> dict[str, bool]:
    """Remove the runners; return for each name whether it is gone."""
    runners = [runner for runner in forge.runners() if traces.owns(runner.name)]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        gone = pool.map(lambda runner: unregistered(runner, forge), runners)
        return dict(zip((runner.name for runner in runners), gone, strict=True))


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
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Removed:
    """Terminate the run's instances and remove its runners, in any attempt; it is fine if none are left.

    Spot instances that the cloud took back are tagged as interrupted, so that the next attempt is launched on demand.

    Args:
        regions: Regions to search; the environment's region if empty.
        workflow_forge: Forge with the jobs' reports of spot interruptions; None to ask only the cloud.

    Raises:
        CmlkitError: The first error, after everything else was removed.
        Interrupted: SIGINT or SIGTERM came; everything was removed before.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    with catching_signals() as signals, progress.stage("Stop the runner") as say:
        # Stopping takes seconds, and stopping halfway would leave instances behind.
        signals.hold()
        clouds = [cloud_for(region) for region in regions or ("",)]
        removed = remove(traces_of_run(workflow_run, clouds), forge=forge, clock=clock)
        try:
            interrupted = tag_interrupted(removed.seen, workflow_run, clouds=clouds, forge=workflow_forge, clock=clock)
            removed = replace(removed, interrupted=interrupted)
        except CmlkitError as error:
            progress.note(f"Whether {removed.cloud} took an instance back cannot be told: {error.message}")
        say(removed.summary or f"nothing is left of run {workflow_run.run_id}")
        if removed.failures:
            raise removed.failures[0]
        signals.raise_if_received()
    return removed
