"""Waiting for runners to come online, and the likely causes if one does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CapacityError, CmlkitError, ServiceError, WaitTimeout
from cmlkit.forges.runners import Runner, RunnerAgent, RunnerForge
from cmlkit.forges.workflows import Job, JobForge, readable_jobs
from cmlkit.progress import Say
from cmlkit.runner.boot import BootProgress, boot_progress, boot_warnings
from cmlkit.runner.idleness import had_job

POLL_SECONDS = 2.5
# The forge says when a runner is online; the cloud is asked only to notice that its instance has ended.
POLLS_PER_LOOK_AT_INSTANCES = 4
# Clouds limit reading the console more than any other call.
POLLS_PER_LOOK_AT_CONSOLE = 12
CONSOLE_TAIL_LINES = 20
MISSING_FOR_SURE = 2
"""Looks in a row that do not find a runner, after which it is missing and not just new."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")

_NO_EGRESS = "The subnet has no way out to the internet: it needs a public address or a NAT gateway."
_CAUSES: Mapping[str, tuple[str, ...]] = {
    "": (
        "The instance is still booting, or its console output is minutes late.",
        "The image does not run user data with cloud-init.",
        _NO_EGRESS,
    ),
    "runner-files": (_NO_EGRESS, "The security group or a firewall blocks HTTPS to {forge}."),
    "startup-script": ("The startup script fails or takes long: its output is above.",),
    "runner": (
        "A firewall blocks HTTPS to {service}.",
        "{forge} has an outage: {status_page}.",
        "Somebody removed the runner at {forge}.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An expected runner, and the instance that will become it."""

    runner: Runner
    instance: Instance
    cloud: LaunchingCloud


@dataclass(frozen=True, kw_only=True)
class Console:
    """The console of an instance; `problem` says why it cannot be read."""

    text: str = ""
    problem: str = ""

    @property
    def progress(self) -> BootProgress | None:
        return boot_progress(self.text)

    @property
    def step(self) -> str:
        """The boot step that was reached; empty if unknown."""
        return self.progress.step if self.progress else ""

    @property
    def farewell(self) -> str:
        return self.progress.farewell if self.progress else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        return boot_warnings(_CONTROL.sub("", self.text))

    @property
    def tail(self) -> str:
        """The end of the output, as lines for a message."""
        if self.problem:
            return f"\n(No console output: {self.problem})"
        lines = [_CONTROL.sub("", line).rstrip() for line in self.text.splitlines()]
        # The bar keeps GitHub from reading a line that the instance wrote as a workflow command.
        tail = [f"  | {line}" for line in lines if line][-CONSOLE_TAIL_LINES:]
        return "\n".join(["\nThe end of its console output:", *tail]) if tail else ""


class Watch:
    """A watch over runners until they are online.

    Args:
        run_id: The workflow run whose jobs they are for.
        job_forge: Forge with a token that may read the jobs of the run; None if none may.
        deadline: Time at which to give up, in seconds since the epoch.
    """

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        *,
        run_id: str,
        forge: RunnerForge,
        job_forge: JobForge | None,
        deadline: float,
        clock: Clock,
    ) -> None:
        self._waiting = list(arrivals)
        self._run_id = run_id
        self._forge = forge
        self._job_forge = job_forge
        self._deadline = deadline
        self._clock = clock
        self._started = clock.now()
        self._states: dict[str, Instance] = {}
        self._missing: Counter[int] = Counter()
        self._step = ""

    def wait(self, say: Say) -> list[tuple[Arrival, CmlkitError]]:
        """Wait until each runner is online, has or had a job, or failed; return the failed ones and why.

        The errors are `WaitTimeout` after the deadline, `LaunchRefused` if the cloud could not start the instance,
        `CapacityError` if it took the instance back, and `ServiceError` if the instance ended otherwise.
        """
        failed: list[tuple[Arrival, CmlkitError]] = []
        poll = 0
        while True:
            self._look_at_runners()
            if self._waiting and poll % POLLS_PER_LOOK_AT_INSTANCES == 0:
                failed += self._look_at_instances()
            if self._is_time_for_a_closer_look(poll):
                self._look_closer(self._waiting[:1] + [item for item in self._waiting[1:] if self._is_missing(item)])
            if self._waiting and self._clock.now() >= self._deadline:
                self._look_closer(self._waiting)
                failed += [(arrival, self._late(arrival)) for arrival in self._waiting]
                self._waiting = []
            if not self._waiting:
                return failed
            say(self._summary())
            self._clock.sleep(POLL_SECONDS)
            poll += 1

    def _look_at_runners(self) -> None:
        # One call for any number of runners.
        if len(self._waiting) == 1:
            known = [self._forge.runner(self._waiting[0].runner.id)]
        else:
            known = list(self._forge.runners())
        runners = {runner.id: runner for runner in known if runner}
        self._waiting = [arrival for arrival in self._waiting if not self._has_come(arrival, runners)]

    def _has_come(self, arrival: Arrival, runners: Mapping[int, Runner]) -> bool:
        if runner := runners.get(arrival.runner.id):
            del self._missing[runner.id]
            return runner.busy or runner.status == "online"
        self._missing[arrival.runner.id] += 1
        return False

    def _is_missing(self, arrival: Arrival) -> bool:
        # One that is missing only once may be so new that the forge does not list it yet.
        return self._missing[arrival.runner.id] >= MISSING_FOR_SURE

    def _is_time_for_a_closer_look(self, poll: int) -> bool:
        if not self._waiting:
            return False
        vanished = any(self._missing[arrival.runner.id] == MISSING_FOR_SURE for arrival in self._waiting)
        return vanished or poll % POLLS_PER_LOOK_AT_CONSOLE == POLLS_PER_LOOK_AT_CONSOLE - 1

    def _look_closer(self, arrivals: Sequence[Arrival]) -> None:
        """Ask the run's jobs and the consoles of these instances; keep waiting for those that show no work.

        The list of runners decides nothing alone: it shows runners that are at work as offline, or not at all.
        """
        jobs = readable_jobs(self._job_forge, self._run_id)
        consoles = {arrival.instance.id: console_of(arrival) for arrival in arrivals}
        if self._waiting and (first := consoles.get(self._waiting[0].instance.id)):
            self._step = first.step
        nothing = Console()
        self._waiting = [
            arrival
            for arrival in self._waiting
            if not self._is_at_work(arrival, jobs, consoles.get(arrival.instance.id, nothing))
        ]

    def _is_at_work(self, arrival: Arrival, jobs: Sequence[Job] | None, console: Console) -> bool:
        if had_job(arrival.runner.name, jobs=jobs, console=console.progress):
            return True
        return self._forge.runner_agent.greeting in console.text and not console.farewell

    def _look_at_instances(self) -> list[tuple[Arrival, CmlkitError]]:
        self._states = _states(self._waiting)
        ended = [arrival for arrival in self._waiting if self._state(arrival) not in ("pending", "running")]
        if not ended:
            return []
        # It may have done its job already, if that was short.
        self._look_closer(ended)
        ended = [arrival for arrival in ended if arrival in self._waiting]
        self._waiting = [arrival for arrival in self._waiting if arrival not in ended]
        return [(arrival, self._ended(arrival, self._states[arrival.instance.id])) for arrival in ended]

    def _state(self, arrival: Arrival) -> str:
        # The cloud may not list an instance for a moment after its launch.
        return self._states[arrival.instance.id].state if arrival.instance.id in self._states else "pending"

    def _summary(self) -> str:
        first = self._waiting[0]
        step = f", boot step `{self._step}`" if self._step else ""
        others = f"; {len(self._waiting) - 1} more" if len(self._waiting) > 1 else ""
        waited = self._clock.now() - self._started
        return f"{first.instance.id} is {self._state(first)}{step}, runner not online after {waited:.0f} s{others}"

    def _late(self, arrival: Arrival) -> WaitTimeout:
        console = console_of(arrival)
        where = (
            f"its boot has reached the step `{console.step}`"
            if console.step
            else "its boot script has printed nothing yet"
        )
        return WaitTimeout(
            f"The runner {arrival.runner.name} on {arrival.instance.id} in {arrival.instance.region} is not online"
            f" after {self._clock.now() - self._started:.0f} s; {where}.{self._vanished(arrival)}{console.tail}",
            next_step=_causes(console.step, self._forge.runner_agent),
        )

    def _ended(self, arrival: Arrival, instance: Instance) -> CmlkitError:
        if instance.failure is not None:
            return instance.failure
        reason = f" ({instance.reason.rstrip('.')})" if instance.reason else ""
        if instance.taken_back:
            which = f"{instance.id} ({instance.instance_type}, {instance.market}) in {instance.zone}"
            return CapacityError(
                f"{arrival.cloud.name} took {which} back before its runner came online{reason}.",
                next_step="Run the launch again, with further instance types or on demand.",
            )
        console = console_of(arrival)
        at = f" at the boot step `{console.step}`" if console.step else ""
        why = f" Its boot script says: {console.farewell}." if console.farewell else ""
        return ServiceError(
            f"The instance {instance.id} in {instance.region} is {instance.state}{reason}: it ended{at} before its"
            f" runner came online.{why}{self._vanished(arrival)}{console.tail}",
            next_step=_causes(console.step, self._forge.runner_agent),
        )

    def _vanished(self, arrival: Arrival) -> str:
        if not self._is_missing(arrival):
            return ""
        return f" {self._forge.runner_agent.forge} does not list the runner any more, and shows no job of it."


def _states(arrivals: Sequence[Arrival]) -> dict[str, Instance]:
    """Return the instances by id, with one call for each region."""
    clouds = {arrival.cloud.region: arrival.cloud for arrival in arrivals}
    return {
        instance.id: instance
        for region, cloud in clouds.items()
        for instance in cloud.instances(
            ids=[arrival.instance.id for arrival in arrivals if arrival.cloud.region == region]
        )
    }


def _causes(step: str, agent: RunnerAgent) -> str:
    causes = _CAUSES.get(step, ("The console output above shows the boot script's last step.",))
    named = (cause.format(forge=agent.forge, service=agent.service, status_page=agent.status_page) for cause in causes)
    return "\n".join(["Likely causes, in this order:", *(f"- {cause}" for cause in named)])


def console_of(arrival: Arrival) -> Console:
    """Return the console of the arrival's instance, as far as the cloud has it."""
    try:
        return Console(text=arrival.cloud.console_output(arrival.instance.id))
    except CmlkitError as error:
        return Console(problem=error.message)
