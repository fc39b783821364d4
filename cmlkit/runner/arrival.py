"""Waiting for runners to come online, and the likely causes if one does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CapacityError, CmlkitError, ServiceError, WaitTimeout
from cmlkit.forges.runners import Runner, RunnerAgent, RunnerForge
from cmlkit.progress import Say
from cmlkit.runner.boot import boot_progress

POLL_SECONDS = 2.5
# The forge says when a runner is online; the cloud is asked only to notice that its instance has ended.
POLLS_PER_LOOK_AT_INSTANCES = 4
# Clouds limit reading the console more than any other call.
POLLS_PER_LOOK_AT_CONSOLE = 12
CONSOLE_TAIL_LINES = 20

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


class Watch:
    """A watch over runners until they are online.

    Args:
        deadline: Time at which to give up, in seconds since the epoch.
    """

    def __init__(self, arrivals: Sequence[Arrival], *, forge: RunnerForge, deadline: float, clock: Clock) -> None:
        self._waiting = list(arrivals)
        self._forge = forge
        self._deadline = deadline
        self._clock = clock
        self._started = clock.now()
        self._states: dict[str, Instance] = {}
        self._missing: set[int] = set()
        self._step = ""

    def wait(self, say: Say) -> list[tuple[Arrival, CmlkitError]]:
        """Wait until each runner is online, has finished its job already, or failed; return the failed ones and why.

        The errors are `WaitTimeout` after the deadline, `CapacityError` if the cloud took the instance back, and
        `ServiceError` if the instance ended otherwise.
        """
        failed: list[tuple[Arrival, CmlkitError]] = []
        poll = 0
        while True:
            self._look_at_runners()
            if self._waiting and poll % POLLS_PER_LOOK_AT_INSTANCES == 0:
                failed += self._look_at_instances()
            if self._waiting and self._clock.now() >= self._deadline:
                failed += [(arrival, self._late(arrival)) for arrival in self._waiting]
                self._waiting = []
            if not self._waiting:
                return failed
            if poll % POLLS_PER_LOOK_AT_CONSOLE == POLLS_PER_LOOK_AT_CONSOLE - 1:
                self._step = _console(self._waiting[0])[0]
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
            self._missing.discard(runner.id)
            return runner.busy or runner.status == "online"
        # A runner that is gone has finished its job: GitHub removes a just-in-time runner then. But one that is missing
        # only once may be so new that GitHub does not list it yet.
        was_missing = arrival.runner.id in self._missing
        self._missing.add(arrival.runner.id)
        return was_missing

    def _look_at_instances(self) -> list[tuple[Arrival, CmlkitError]]:
        self._states = _states(self._waiting)
        # If the runner is missing, too, it has finished its job: a failed boot leaves its runner registered.
        ended = [
            arrival
            for arrival in self._waiting
            if self._state(arrival) not in ("pending", "running") and arrival.runner.id not in self._missing
        ]
        self._waiting = [arrival for arrival in self._waiting if arrival not in ended]
        agent = self._forge.runner_agent
        return [(arrival, _ended(arrival, self._states[arrival.instance.id], agent)) for arrival in ended]

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
        step, text = _console(arrival)
        where = f"its boot has reached the step `{step}`" if step else "its boot script has printed nothing yet"
        return WaitTimeout(
            f"The runner {arrival.runner.name} on {arrival.instance.id} in {arrival.instance.region} is not online"
            f" after {self._clock.now() - self._started:.0f} s; {where}.{text}",
            next_step=_causes(step, self._forge.runner_agent),
        )


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


def _ended(arrival: Arrival, instance: Instance, agent: RunnerAgent) -> CmlkitError:
    reason = f" ({instance.reason.rstrip('.')})" if instance.reason else ""
    if instance.taken_back:
        which = f"{instance.id} ({instance.instance_type}, {instance.market}) in {instance.zone}"
        return CapacityError(
            f"{arrival.cloud.name} took {which} back before its runner came online{reason}.",
            next_step="Run the launch again, with further instance types or on demand.",
        )
    step, text = _console(arrival)
    at = f" at the boot step `{step}`" if step else ""
    return ServiceError(
        f"The instance {instance.id} in {instance.region} is {instance.state}{reason}: it ended{at} before its runner"
        f" came online.{text}",
        next_step=_causes(step, agent),
    )


def _causes(step: str, agent: RunnerAgent) -> str:
    causes = _CAUSES.get(step, ("The console output above shows the boot script's last step.",))
    named = (cause.format(forge=agent.forge, service=agent.service, status_page=agent.status_page) for cause in causes)
    return "\n".join(["Likely causes, in this order:", *(f"- {cause}" for cause in named)])


def _console(arrival: Arrival) -> tuple[str, str]:
    """Return the boot step, and the end of the console output as lines for a message."""
    try:
        console = arrival.cloud.console_output(arrival.instance.id)
    except CmlkitError as error:
        return "", f"\n(No console output: {error.message})"
    lines = [_CONTROL.sub("", line).rstrip() for line in console.splitlines()]
    # The bar keeps GitHub from reading a line that the instance wrote as a workflow command.
    tail = [f"  | {line}" for line in lines if line][-CONSOLE_TAIL_LINES:]
    progress = boot_progress(console)
    return (progress.step if progress else ""), "\n".join(["\nThe end of its console output:", *tail]) if tail else ""
