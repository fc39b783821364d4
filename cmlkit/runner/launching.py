"""Launching: from the settings to runners that are online, and everything taken back if that fails."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from cmlkit.bootstrap import BootSpec, user_data
from cmlkit.clock import Clock
from cmlkit.clouds.base import Architecture, Cloud, Instance, InstanceSpec, LaunchRefused, Market
from cmlkit.config import RunnerSpec
from cmlkit.errors import Interrupted
from cmlkit.forges.base import JitRunner, Runner, RunnerDownload, RunnerForge
from cmlkit.progress import Progress
from cmlkit.run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.ladder import Refusal, Rung, climb
from cmlkit.runner.plan import Plan, plan
from cmlkit.runner.stopping import Removed, Traces, remove
from cmlkit.runner.watch import Arrival, wait_until_online

THREADS = 16
# A cancelled step is killed ten seconds after its first signal; what is on its way gets some of them to come back.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
SETTLE_SECONDS = 4.0
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
        clouds: tuple[Cloud, ...],
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
        self.names = [lease.runner_name(workflow_run, number) for number in range(1, spec.count + 1)]
        self._pool = ThreadPoolExecutor(max_workers=THREADS)
        self._plan: Future[Plan] = Future()
        self._downloads: Mapping[Architecture, Future[RunnerDownload]] = {}
        self._buying: list[Future[_Bought]] = []
        self._launched_ids: dict[str, list[str]] = {region: [] for region in self.clouds}
        self._uncertain: set[str] = set()
        self._given_up = False

    def run(self) -> tuple[Launched, ...]:
        """The runners, once they are online. Whoever calls this calls `withdraw` if it raises."""
        with self.progress.stage("Launch") as say:
            bought = self._buy_all()
            say(", ".join(f"{item.instance.id}: {item.rung}" for item in bought))
        with self.progress.stage("Wait for the runner") as say:
            wait_until_online(
                [self._arrival(item) for item in bought],
                forge=self.forge,
                deadline=self.started + self.spec.wait_timeout,
                clock=self.clock,
                say=say,
            )
            say(f"{', '.join(self.names)} online")
        self._pool.shutdown(wait=False)
        seconds = round(self.clock.now() - self.started, 1)
        return tuple(self._launched(item, seconds) for item in bought)

    def withdraw(self) -> Removed:
        """Terminate the instances and remove the runners, as far as there are any."""
        self._given_up = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._buying, timeout=SETTLE_SECONDS)
        traces = Traces(
            clouds=tuple(self.clouds.values()),
            tags=lease.marks(self.workflow_run),
            owns=self.names.__contains__,
            known=self._launched_ids,
            uncertain=self._uncertain,
        )
        return remove(traces, forge=self.forge, clock=self.clock)

    def _buy_all(self) -> list[_Bought]:
        # GitHub is asked while AWS is: neither needs the other's answer before the launch.
        self._buying = [self._pool.submit(self._buy, name) for name in self.names]
        self._downloads = {
            architecture: self._pool.submit(self.forge.runner_download, architecture=name)
            for architecture, name in _RUNNER_ARCHITECTURES.items()
        }
        try:
            self._plan.set_result(plan(self.spec, tuple(self.clouds.values())))
        except BaseException as error:
            self._plan.set_exception(error)
            raise
        for note in self._plan.result().notes:
            self.progress.note(note)
        return [buying.result() for buying in self._buying]

    def _buy(self, name: str) -> _Bought:
        labels = dict.fromkeys((*COMMON_LABELS, self.workflow_run.label, *self.spec.labels))
        jit_runner = self.forge.create_jit_runner(name=name, labels=list(labels))
        rung, instance = climb(
            self._plan.result().rungs,
            lambda rung: self._launch(jit_runner, rung),
            clock=self.clock,
            refused=self._tell_refusal,
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
        self._launched_ids[rung.region].append(instance.id)
        self._uncertain.discard(name)
        return instance

    def _instance_spec(self, jit_runner: JitRunner, rung: Rung) -> InstanceSpec:
        return InstanceSpec(
            client_token=client_token(self.workflow_run, jit_runner.runner, rung),
            instance_type=rung.instance_type.name,
            market=rung.market,
            image=rung.image,
            subnet=rung.subnet,
            security_groups=rung.security_groups,
            user_data=user_data(self._boot(jit_runner, rung)),
            disk_size=self.spec.disk_size,
            iam_instance_profile=self.spec.iam_instance_profile,
            tags=lease.tags(self.workflow_run, jit_runner.runner, expires=self.expires, extra=self.spec.tags),
        )

    def _boot(self, jit_runner: JitRunner, rung: Rung) -> BootSpec:
        download = self._downloads[rung.instance_type.architecture].result()
        return BootSpec(
            jit_config=jit_runner.config,
            runner_url=download.url,
            runner_sha256=download.sha256,
            idle_timeout=self.spec.idle_timeout,
            max_lifetime=self.spec.max_lifetime,
            startup_script=self.spec.startup_script,
            job_environment=job_environment(rung),
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


def client_token(workflow_run: WorkflowRun, runner: Runner, rung: Rung) -> str:
    """The token by which EC2 knows a repeated request: the same for the same runner on the same rung, and no other."""
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
