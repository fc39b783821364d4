"""Launching: from the settings to runners that are online. If that fails, everything is removed again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.base import Cloud, CloudFor
from cmlkit.clouds.launching import Instance, LaunchIncomplete, LaunchRefused
from cmlkit.clouds.planning import Architecture, Market, NotListed
from cmlkit.errors import CmlkitError, Conflict, Interrupted, WaitTimeout, file_error
from cmlkit.forges.runners import JitRunner, Runner, RunnerDownload, RunnerForge
from cmlkit.forges.workflows import JobForge
from cmlkit.progress import Progress, Say, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.arrival import Arrival, Watch, console_of
from cmlkit.runner.created import Created
from cmlkit.runner.ladder import SETTLING_PAUSES_SECONDS, Refusal, Request, Rung, climb
from cmlkit.runner.plan import LaunchPlan, plan
from cmlkit.runner.specification import instance_spec, latest_end
from cmlkit.runner.spot import after_interruption
from cmlkit.runner.stopping import Removed, remove, taken_back
from cmlkit.settings.schema import RunnerSpec

THREADS = 16
# A cancelled step is killed ten seconds after its first signal; pending requests get some of these to finish.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
SETTLE_SECONDS = 4.0
# GitHub may add these by itself; a job's `runs-on` matches the runner either way.
COMMON_LABELS = ("self-hosted", "linux")

_RUNNER_ARCHITECTURES: Mapping[Architecture, str] = {"x86_64": "x64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A runner that is online, and its instance.

    Attributes:
        label: The label for `runs-on`, beside `self-hosted`.
        price: USD per hour; None if unknown.
        expires: Seconds since the epoch at which the instance's lease ends.
        seconds: From the start of the launch until the runner was online.
    """

    label: str
    runner_id: int
    runner_name: str
    instance_id: str
    instance_type: str
    market: Market
    region: str
    price: float | None
    expires: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Bought:
    """A registered runner, and the instance that boots to become it; before it, others could not be started."""

    jit_runner: JitRunner
    instance: Instance
    rung: Rung
    earlier: tuple[Refusal, ...] = ()

    @property
    def runner(self) -> Runner:
        return self.jit_runner.runner


class Launching:
    """One launch of `spec.count` runners: its steps, and the runners and instances that they created."""

    def __init__(
        self,
        spec: RunnerSpec,
        *,
        workflow_run: WorkflowRun,
        forge: RunnerForge,
        job_forge: JobForge | None,
        clouds: Sequence[Cloud],
        progress: Progress,
        clock: Clock,
    ) -> None:
        self.spec = spec
        self.workflow_run = workflow_run
        self.forge = forge
        self.job_forge = job_forge
        self.clouds = {cloud.region: cloud for cloud in clouds}
        self.progress = progress
        self.clock = clock
        self.started = clock.now()
        # How many seconds each runner's search for capacity has lasted, from the first time that every option was full.
        self._searched: dict[str, float] = {}
        self._searching_since: dict[str, float] = {}
        # Names are registered before the launch, so they can only say when the last of all leases is over.
        over = latest_end(spec, started=self.started)
        self.names = [lease.new_name(workflow_run, number, expires=over) for number in range(1, spec.count + 1)]
        self._expires: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(max_workers=THREADS)
        self._plan: Future[LaunchPlan] = Future()
        self._downloads: Mapping[Architecture, Future[RunnerDownload]]
        self._buying: dict[str, Future[_Bought]] = {}
        self._created = Created()
        self._given_up = False
        self._raise_if_interrupted: Callable[[], None]
        # The runner of another launch that this one would double, if any: all wait for the first one to look.
        self._other_launch: Future[Runner | None] = Future()

    def run(self, raise_if_interrupted: Callable[[], None]) -> tuple[Launched, ...]:
        """Return the runners once they are online. If this raises, the caller must call `withdraw`.

        Args:
            raise_if_interrupted: Called now and then in the main thread: botocore takes what a signal raises in it for
                a lost connection.
        """
        self._raise_if_interrupted = raise_if_interrupted
        with self.progress.stage("Launch") as say:
            bought = self._buy_all()
            say(", ".join(f"{item.instance.id}: {item.rung}" for item in bought.values()))
        with self.progress.stage("Wait for the runner") as say:
            online = self._wait_for(bought, say)
            say(", ".join(item.runner.name for item in online))
        self._pool.shutdown(wait=False)
        seconds = round(self.clock.now() - self.started, 1)
        return tuple(self._launched(item, seconds) for item in online)

    def withdraw(self, names: Collection[str] = ()) -> Removed:
        """Terminate the instances and remove the runners with these names; all of the launch if empty."""
        if not names:
            self._give_up()
        traces = self._created.traces(
            names or self.names, clouds=self.clouds.values(), tags=lease.tags_of_run(self.workflow_run)
        )
        return remove(traces, forge=self.forge, clock=self.clock)

    def _give_up(self) -> None:
        self._given_up = True
        self._plan.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._buying.values(), timeout=SETTLE_SECONDS)

    def _buy_all(self) -> dict[str, _Bought]:
        # Ask the forge and the cloud at once: neither needs the other's answer before the launch. The downloads come
        # first: behind a pool full of tasks that wait for them, they would never start.
        self._downloads = {
            architecture: self._pool.submit(self.forge.runner_download, architecture=called)
            for architecture, called in _RUNNER_ARCHITECTURES.items()
        }
        for name in self.names:
            self._buying[name] = self._pool.submit(self._buy, name)
        planned = self._planned()
        self._raise_if_interrupted()
        self._plan.set_result(planned)
        for note in self._plan.result().notes:
            self.progress.note(note)
        bought: dict[str, _Bought] = {}
        failed: dict[str, CmlkitError] = {}
        for name, buying in self._buying.items():
            try:
                bought[name] = buying.result()
            except CmlkitError as error:
                # A signal raises in this call; it is no failure of this runner, so the others are not waited for.
                self._raise_if_interrupted()
                failed[name] = error
        self._settle(failed, came=bought)
        return bought

    def _planned(self) -> LaunchPlan:
        """Return the plan; ids that no region lists are waited for, as an earlier step may just have made them."""
        for pause in SETTLING_PAUSES_SECONDS:
            try:
                return plan(self.spec, tuple(self.clouds.values()))
            except NotListed as error:
                self.progress.note(f"{error.message} It is looked for again, in case it is new.")
                self.clock.sleep(pause)
        return plan(self.spec, tuple(self.clouds.values()))

    def _wait_for(self, bought: Mapping[str, _Bought], say: Say) -> list[_Bought]:
        online: dict[str, _Bought] = {}
        failed: dict[str, CmlkitError] = {}

        def tell(text: str) -> None:
            self._raise_if_interrupted()
            say(text)

        while bought:
            arrivals = [self._arrival(item) for item in bought.values()]
            watch = Watch(
                arrivals,
                run_id=self.workflow_run.run_id,
                forge=self.forge,
                job_forge=self.job_forge,
                deadline=self._deadline(),
                clock=self.clock,
            )
            ended = {arrival.runner.name: error for arrival, error in watch.wait(tell)}
            online |= {name: item for name, item in bought.items() if name not in ended}
            again: dict[str, _Bought] = {}
            for name, error in ended.items():
                try:
                    again[name] = self._bought_elsewhere(bought[name], error)
                except CmlkitError as final:
                    self._raise_if_interrupted()
                    failed[name] = final
            bought = again
        self._settle(failed, came=online)
        for item in online.values():
            self._tell_warnings(self._arrival(item))
        return list(online.values())

    def _tell_warnings(self, arrival: Arrival) -> None:
        console = console_of(arrival)
        if console.problem:
            self.progress.note(f"The console of {arrival.instance.id} could not be read: {console.problem}")
        for warning in console.warnings:
            self.progress.warn(f"{arrival.instance.id}: {warning}")

    def _bought_elsewhere(self, item: _Bought, error: CmlkitError) -> _Bought:
        """Return the next instance for a runner whose first one the cloud could not start; raise any other error."""
        if not isinstance(error, LaunchRefused):
            raise error
        refusal = Refusal(rung=item.rung, error=error)
        self._tell_refusal(refusal)
        return self._climbed(item.jit_runner, earlier=(*item.earlier, refusal))

    def _settle(self, failed: Mapping[str, CmlkitError], *, came: Collection[str]) -> None:
        """Raise the first error; but if some runners came and some are enough, remove only the failed ones."""
        if not failed:
            return
        if not (self.spec.partial and came):
            raise next(iter(failed.values()))
        for name, error in failed.items():
            self.progress.warn(f"{name} did not come: {error.message}")
        removed = self.withdraw(failed.keys())
        if removed.failures:
            raise removed.failures[0]

    def _buy(self, name: str) -> _Bought:
        regions = lease.region_labels(self.clouds)
        own = (self.workflow_run.label, *self.spec.labels, self._launch_label)
        labels = dict.fromkeys((*COMMON_LABELS, *own, *regions))
        is_first = name == self.names[0]
        try:
            with self._created.registering(name):
                jit_runner = self.forge.create_jit_runner(name=name, labels=list(labels))
            if is_first:
                self._other_launch.set_result(self._earlier_launch(jit_runner.runner))
        finally:
            if is_first and not self._other_launch.done():
                self._other_launch.set_result(None)  # this one's own error tells
        if (other := self._other_launch.result()) is not None:
            raise Conflict(
                f"Another launch of this run is there, for the same labels and kind of machine: {other.name} is"
                f" {other.status}.",
                next_step="Let one launch ask for several with --count, or give each its own --labels. What is left of"
                " a launch that was killed goes with: cmlkit runner stop",
            )
        return self._climbed(jit_runner)

    @property
    def _launch_label(self) -> str:
        return lease.launch_label(self.workflow_run, self.spec)

    def _earlier_launch(self, runner: Runner) -> Runner | None:
        return lease.earlier_launch(runner, self._launch_label, self.forge.runners(), self.workflow_run)

    def _climbed(self, jit_runner: JitRunner, *, earlier: tuple[Refusal, ...] = ()) -> _Bought:
        name = jit_runner.runner.name
        try:
            rung, instance = climb(
                self._plan.result().rungs,
                lambda rung: self._request(jit_runner, rung),
                clock=self.clock,
                refused=self._tell_refusal,
                earlier=earlier,
                patience=self.spec.capacity_timeout,
                waiting=lambda seconds: self._wait_for_capacity(name, seconds),
            )
        except LaunchIncomplete as incomplete:
            raise incomplete.error from incomplete.error.__cause__
        finally:
            self._searching_since.pop(name, None)
        return _Bought(jit_runner=jit_runner, instance=instance, rung=rung, earlier=earlier)

    def _request(self, jit_runner: JitRunner, rung: Rung) -> Request:
        """Return the launch on a rung. Its lease begins now, and is the same however often the request is sent."""
        name, download = jit_runner.runner.name, self._downloads[rung.instance_type.architecture].result()
        if name in self._searching_since:
            self._searched[name] = self.clock.now() - self._searching_since[name]
        self._expires[name] = int(self.clock.now() + self.spec.max_lifetime)
        spec = instance_spec(
            self.spec,
            workflow_run=self.workflow_run,
            first_boot=self.clouds[rung.region].first_boot,
            agent=self.forge.runner_agent,
            scope=self.forge.runner_owner,
            jit_runner=jit_runner,
            download=download,
            rung=rung,
            expires=self._expires[name],
        )

        def send() -> Instance:
            self._require_time()
            return self._created.launched(name, self.clouds[rung.region], spec)

        return send

    def _require_wanted(self) -> None:
        if self._given_up:
            raise Interrupted("The launch was given up.")

    def _require_time(self) -> None:
        self._require_wanted()
        if self.clock.now() >= self._deadline():
            raise WaitTimeout(
                f"No instance could be launched within {self.spec.wait_timeout:.0f} s.",
                next_step="Allow more time with --wait-timeout, or fewer instance types, regions and subnets.",
            )

    def _deadline(self) -> float:
        """Return until when the runners must be online; the search for capacity, once all is full, does not count."""
        return self.started + self.spec.wait_timeout + max(self._searched.values(), default=0.0)

    def _wait_for_capacity(self, name: str, seconds: float) -> None:
        self._require_wanted()
        self._searching_since.setdefault(name, self.clock.now() - self._searched.get(name, 0.0))
        self.progress.note(f"No option has capacity; the next try is in {seconds:.0f} s.")

    def _tell_refusal(self, refusal: Refusal) -> None:
        self.progress.note(f"{refusal.rung}: {refusal.error.message}")

    def _arrival(self, bought: _Bought) -> Arrival:
        return Arrival(runner=bought.runner, instance=bought.instance, cloud=self.clouds[bought.rung.region])

    def _launched(self, bought: _Bought, seconds: float) -> Launched:
        return Launched(
            label=self.workflow_run.label,
            runner_id=bought.runner.id,
            runner_name=bought.runner.name,
            instance_id=bought.instance.id,
            instance_type=bought.rung.instance_type.name,
            market=bought.rung.market,
            region=bought.rung.region,
            price=bought.rung.price,
            expires=self._expires[bought.runner.name],
            seconds=seconds,
        )


def launch_all(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    job_forge: JobForge | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
    tell: Callable[[tuple[Launched, ...]], None] = lambda launched: None,
) -> tuple[Launched, ...]:
    """Launch `spec.count` instances and return once their runners are online.

    On any failure, and on SIGINT, SIGTERM and SIGHUP, the instances are terminated and the runners removed again.

    Args:
        workflow_run: The run whose jobs the runners are for; they get its `label`.
        job_forge: Forge with a token that may read the run's jobs, which show that a runner works that the list of
            runners does not; None if none may.
        tell: Passes the result on. If that fails, nobody can use or stop the runners, so they are removed, too.

    Raises:
        SettingsError: The settings ask for something that cannot exist.
        PermissionDenied: A permission or the credentials are missing.
        CapacityError: No place and market that the settings allow has capacity or quota left.
        WaitTimeout: A runner was not online within `spec.wait_timeout`.
        Conflict: Another launch of the run, for the same labels and kind of machine, was there before.
        ServiceError: The cloud or the forge failed for good, or an instance ended early.
        Interrupted: SIGINT or SIGTERM came.
    """
    launching = _launching(spec, workflow_run, forge, job_forge, cloud_for, progress, clock)
    closed: BrokenPipeError | None = None
    with taken_back(launching.withdraw, keep=True) as signals:
        launched = launching.run(signals.raise_if_received)
        try:
            tell(launched)
        except BrokenPipeError as error:
            closed = error  # the reader has seen what it wanted
        except OSError as error:
            raise file_error(error) from error
    if closed is not None:
        raise closed
    return launched


@contextmanager
def launch_runner(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    job_forge: JobForge | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Iterator[Launched]:
    """Yield a runner that is online inside the `with` block, and gone after it. Raise the errors of `launch_all`.

    SIGINT, SIGTERM and SIGHUP raise `Interrupted` inside the block, so that the instance is terminated then, too.
    """
    launching = _launching(replace(spec, count=1), workflow_run, forge, job_forge, cloud_for, progress, clock)
    with taken_back(launching.withdraw, keep=False) as signals:
        yield launching.run(signals.raise_if_received)[0]


def _launching(
    spec: RunnerSpec,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    job_forge: JobForge | None,
    cloud_for: CloudFor,
    progress: Progress | None,
    clock: Clock | None,
) -> Launching:
    progress = progress or Silent()
    clouds = [cloud_for(region) for region in spec.region or ("",)]
    chosen = after_interruption(spec, workflow_run, clouds)
    if chosen.market != spec.market:
        progress.note(f"{clouds[0].name} took the spot instance of an earlier attempt back: on demand this time.")
    return Launching(
        chosen,
        workflow_run=workflow_run,
        forge=forge,
        job_forge=job_forge,
        clouds=clouds,
        progress=progress,
        clock=clock or SystemClock(),
    )
