"""Launching: from the settings to runners that are online, and everything taken back if that fails."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from cmlkit.bootstrap import BootSpec, user_data
from cmlkit.clock import Clock
from cmlkit.clouds.base import Architecture, Cloud, Instance, InstanceSpec, LaunchRefused, Market
from cmlkit.config import RunnerSpec
from cmlkit.errors import CmlkitError, Interrupted
from cmlkit.forges.base import JitRunner, Runner, RunnerDownload, RunnerForge
from cmlkit.progress import Progress, Say
from cmlkit.run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.ladder import Refusal, Rung, climb
from cmlkit.runner.plan import Plan, plan
from cmlkit.runner.stopping import Removed, Traces, remove
from cmlkit.runner.watch import Arrival, Watch

THREADS = 16
# A cancelled step is killed ten seconds after its first signal; what is on its way gets some of them to come back.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
SETTLE_SECONDS = 4.0
# The instance's own timer has the first go.
SCHEDULE_GRACE_SECONDS = 600
# GitHub may add these by itself; a job's `runs-on` finds the runner either way.
COMMON_LABELS = ("self-hosted", "linux")

_RUNNER_ARCHITECTURES: Mapping[Architecture, str] = {"x86_64": "x64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A runner that is online, and its instance.

    Attributes:
        label: What `runs-on` must name, beside `self-hosted`.
        price: USD per hour; None when unknown.
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
    """A registered runner and the instance that boots to become it."""

    runner: Runner
    instance: Instance
    rung: Rung


class Launching:
    """One launch of `spec.count` runners: its steps, and what they have brought into being."""

    def __init__(
        self,
        spec: RunnerSpec,
        *,
        workflow_run: WorkflowRun,
        forge: RunnerForge,
        clouds: Sequence[Cloud],
        progress: Progress,
        clock: Clock,
    ) -> None:
        self.spec = spec
        self.workflow_run = workflow_run
        self.forge = forge
        self.clouds = {cloud.region: cloud for cloud in clouds}
        self.progress = progress
        self.clock = clock
        self.started = clock.now()
        self.expires = int(self.started + spec.max_lifetime)
        numbers = range(1, spec.count + 1)
        self.names = [lease.new_name(workflow_run, number, expires=self.expires) for number in numbers]
        self._pool = ThreadPoolExecutor(max_workers=THREADS)
        self._plan: Future[Plan] = Future()
        self._downloads: Mapping[Architecture, Future[RunnerDownload]] = {}
        self._buying: dict[str, Future[_Bought]] = {}
        self._instances: dict[str, Instance] = {}
        self._uncertain: set[str] = set()
        self._given_up = False

    def run(self) -> tuple[Launched, ...]:
        """The runners, once they are online. Whoever calls this calls `withdraw` if it raises."""
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
        """Terminate the instances and remove the runners, as far as there are any; all of them without `names`."""
        if not names:
            self._give_up()
        wanted = set(names or self.names)
        traces = Traces(
            clouds=tuple(self.clouds.values()),
            tags=lease.marks(self.workflow_run),
            owns=wanted.__contains__,
            known=tuple(instance for name, instance in self._instances.items() if name in wanted),
            uncertain=self._uncertain & wanted,
        )
        return remove(traces, forge=self.forge, clock=self.clock)

    def _give_up(self) -> None:
        self._given_up = True
        if not self._plan.done():
            self._plan.set_exception(Interrupted("The launch was given up."))
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._buying.values(), timeout=SETTLE_SECONDS)

    def _buy_all(self) -> dict[str, _Bought]:
        # GitHub is asked while AWS is: neither needs the other's answer before the launch.
        for name in self.names:
            self._buying[name] = self._pool.submit(self._buy, name)
        self._downloads = {
            architecture: self._pool.submit(self.forge.runner_download, architecture=called)
            for architecture, called in _RUNNER_ARCHITECTURES.items()
        }
        self._plan.set_result(plan(self.spec, tuple(self.clouds.values())))
        for note in self._plan.result().notes:
            self.progress.note(note)
        bought: dict[str, _Bought] = {}
        failed: dict[str, CmlkitError] = {}
        for name, buying in self._buying.items():
            try:
                bought[name] = buying.result()
            except CmlkitError as error:
                failed[name] = error
        self._settle(failed, came=bought)
        return bought

    def _wait_for(self, bought: Mapping[str, _Bought], say: Say) -> list[_Bought]:
        arrivals = [self._arrival(item) for item in bought.values()]
        deadline = self.started + self.spec.wait_timeout
        watch = Watch(arrivals, forge=self.forge, deadline=deadline, clock=self.clock)
        failed = {arrival.runner.name: error for arrival, error in watch.wait(say)}
        online = {name: item for name, item in bought.items() if name not in failed}
        self._settle(failed, came=online)
        return list(online.values())

    def _settle(self, failed: Mapping[str, CmlkitError], *, came: Collection[str]) -> None:
        """Raise why one failed; or, where some came and some are enough, take back what the others left."""
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
        labels = dict.fromkeys((*COMMON_LABELS, self.workflow_run.label, *self.spec.labels))
        jit_runner = self.forge.create_jit_runner(name=name, labels=list(labels))
        rung, instance = climb(
            self._plan.result().rungs,
            lambda rung: self._launch(jit_runner, rung),
            clock=self.clock,
            refused=self._tell_refusal,
        )
        if self.spec.stop_schedule_role:
            self.clouds[rung.region].schedule_termination(
                name, instance.id, at=self.expires + SCHEDULE_GRACE_SECONDS, role=self.spec.stop_schedule_role
            )
        return _Bought(runner=jit_runner.runner, instance=instance, rung=rung)

    def _launch(self, jit_runner: JitRunner, rung: Rung) -> Instance:
        if self._given_up:
            raise Interrupted("The launch was given up.")
        name, spec = jit_runner.runner.name, self._instance_spec(jit_runner, rung)
        known_before = name not in self._uncertain
        self._uncertain.add(name)
        try:
            instance = self.clouds[rung.region].launch(spec)
        except LaunchRefused:
            # A refusal says nothing of an earlier request of which the answer was lost.
            if known_before:
                self._uncertain.discard(name)
            raise
        self._instances[name] = instance
        self._uncertain.discard(name)
        return instance

    def _instance_spec(self, jit_runner: JitRunner, rung: Rung) -> InstanceSpec:
        return instance_spec(
            self.spec,
            workflow_run=self.workflow_run,
            jit_runner=jit_runner,
            download=self._downloads[rung.instance_type.architecture].result(),
            rung=rung,
            expires=self.expires,
        )

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
            expires=self.expires,
            seconds=seconds,
        )


def instance_spec(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    jit_runner: JitRunner,
    download: RunnerDownload,
    rung: Rung,
    expires: int,
) -> InstanceSpec:
    """The instance that becomes the runner, on one rung. The same arguments give the same, client token included."""
    boot = BootSpec(
        jit_config=jit_runner.config,
        runner_url=download.url,
        runner_sha256=download.sha256,
        idle_timeout=spec.idle_timeout,
        max_lifetime=spec.max_lifetime,
        startup_script=spec.startup_script,
        job_environment=job_environment(rung),
    )
    return InstanceSpec(
        client_token=client_token(workflow_run, jit_runner.runner, rung),
        instance_type=rung.instance_type.name,
        market=rung.market,
        image=rung.image,
        subnet=rung.subnet,
        security_groups=rung.security_groups,
        user_data=user_data(boot),
        disk_size=spec.disk_size,
        disk_type=spec.disk_type,
        iam_instance_profile=spec.iam_instance_profile,
        tags=lease.tags(
            workflow_run,
            jit_runner.runner,
            expires=expires,
            scheduled=bool(spec.stop_schedule_role),
            extra=spec.tags,
        ),
    )


def client_token(workflow_run: WorkflowRun, runner: Runner, rung: Rung) -> str:
    """The token by which EC2 knows a repeated request: of one run, attempt, runner and rung."""
    told_apart_by = (workflow_run.repository, workflow_run.run_id, workflow_run.attempt, runner.id, rung.region, rung)
    return hashlib.sha256("\n".join(map(str, told_apart_by)).encode()).hexdigest()


def job_environment(rung: Rung) -> dict[str, str]:
    """What the job learns about its instance; the boot script adds the instance's id and when it started."""
    facts = {
        "CMLKIT_INSTANCE_TYPE": rung.instance_type.name,
        "CMLKIT_INSTANCE_MARKET": rung.market,
        "CMLKIT_INSTANCE_REGION": rung.region,
    }
    return facts if rung.price is None else {**facts, "CMLKIT_INSTANCE_PRICE_USD_PER_HOUR": f"{rung.price:.6f}"}
