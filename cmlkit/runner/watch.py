"""The watch: waiting for runners to come online, and finding out why one does not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cmlkit.bootstrap import BOOT_STAGES
from cmlkit.clock import Clock
from cmlkit.clouds.base import Cloud, Instance
from cmlkit.errors import CmlkitError, ServiceError, WaitTimeout
from cmlkit.forges.base import Runner, RunnerForge
from cmlkit.progress import Say

POLL_SECONDS = 2.5
# The forge says when a runner is there; the cloud is asked only to notice that it never will be.
POLLS_PER_LOOK_AT_INSTANCES = 4
CONSOLE_TAIL_LINES = 20

_STAGE = re.compile(r"cmlkit: stage=([a-z-]+)")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")

_NO_EGRESS = "The subnet has no way out to the internet: it needs a public address or a NAT gateway."
_CAUSES: Mapping[str, tuple[str, ...]] = {
    "": (
        "The instance is still booting, or its console output is not there yet: it can be minutes late.",
        "The image does not run user data with cloud-init.",
        _NO_EGRESS,
    ),
    "runner-files": (_NO_EGRESS, "The security group or a firewall blocks HTTPS to GitHub."),
    "startup-script": ("The startup script fails or takes long: its output is above.",),
    "runner": (
        "A firewall blocks HTTPS to GitHub's Actions service.",
        "GitHub has an outage: https://www.githubstatus.com.",
        "Somebody removed the runner at GitHub.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A runner that is to come online, and the instance that is to become it."""

    runner: Runner
    instance: Instance
    cloud: Cloud


def wait_until_online(
    arrivals: Sequence[Arrival], *, forge: RunnerForge, deadline: float, clock: Clock, say: Say
) -> None:
    """Return once every runner is online, or has had its job already.

    Args:
        deadline: Seconds since the epoch.

    Raises:
        WaitTimeout: One is not online in time; says at which stage its boot stalled, and why that may be.
        ServiceError: An instance ended before its runner came online.
    """
    started, polls = clock.now(), 0
    waiting = list(arrivals)
    while waiting := _offline(waiting, forge):
        if polls % POLLS_PER_LOOK_AT_INSTANCES == 0:
            states = _states(waiting)
        for arrival in waiting:
            if (instance := states.get(arrival.instance.id)) and not instance.alive:
                raise _ended(arrival, instance)
        if clock.now() >= deadline:
            raise _late(waiting[0], waited=clock.now() - started)
        say(_summary(waiting, states))
        clock.sleep(POLL_SECONDS)
        polls += 1


def boot_stage(console: str) -> str:
    """The last stage that the boot script said it reached; empty where it said none."""
    stages = [stage for stage in _STAGE.findall(console) if stage in BOOT_STAGES]
    return stages[-1] if stages else ""


def _offline(arrivals: Sequence[Arrival], forge: RunnerForge) -> list[Arrival]:
    return [arrival for arrival in arrivals if not _has_come(forge.runner(arrival.runner.id))]


def _has_come(runner: Runner | None) -> bool:
    # One that is gone has had its job: GitHub removes a just-in-time runner after that.
    return runner is None or runner.busy or runner.status == "online"


def _states(arrivals: Sequence[Arrival]) -> dict[str, Instance]:
    """Id -> instance, with one call for each region."""
    clouds = {arrival.cloud.region: arrival.cloud for arrival in arrivals}
    return {
        instance.id: instance
        for region, cloud in clouds.items()
        for instance in cloud.instances(ids=_ids(arrivals, region))
    }


def _ids(arrivals: Sequence[Arrival], region: str) -> Collection[str]:
    return [arrival.instance.id for arrival in arrivals if arrival.cloud.region == region]


def _summary(waiting: Sequence[Arrival], states: Mapping[str, Instance]) -> str:
    first = waiting[0].instance.id
    state = states[first].state if first in states else "pending"
    others = f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    return f"instance {first} is {state}, its runner not online yet{others}"


def _ended(arrival: Arrival, instance: Instance) -> ServiceError:
    reason = f": {instance.reason.rstrip('.')}" if instance.reason else ""
    stage, text = _console(arrival)
    at = f" at the boot stage `{stage}`" if stage else ""
    return ServiceError(
        f"The instance {instance.id} in {instance.region} is {instance.state}{at} before its runner came online"
        f"{reason}.{text}",
        next_step=_causes(stage),
    )


def _late(arrival: Arrival, *, waited: float) -> WaitTimeout:
    stage, text = _console(arrival)
    where = f"its boot has reached the stage `{stage}`" if stage else "its boot script has not shown itself"
    return WaitTimeout(
        f"The runner {arrival.runner.name} on {arrival.instance.id} in {arrival.instance.region} is not online after"
        f" {waited:.0f} s; {where}.{text}",
        next_step=_causes(stage),
    )


def _causes(stage: str) -> str:
    causes = _CAUSES.get(stage, ("The console output above shows what the boot script was at.",))
    return "\n".join(["Likely causes, in this order:", *(f"- {cause}" for cause in causes)])


def _console(arrival: Arrival) -> tuple[str, str]:
    """The boot stage, and the end of the console output as lines for a message."""
    try:
        console = arrival.cloud.console_output(arrival.instance.id)
    except CmlkitError as error:
        return "", f"\n(No console output: {error.message})"
    lines = [_CONTROL.sub("", line).rstrip() for line in console.splitlines()]
    # Behind the bar nothing is taken for a command by GitHub, whatever the instance wrote.
    tail = [f"  | {line}" for line in lines if line][-CONSOLE_TAIL_LINES:]
    return boot_stage(console), "\n".join(["\nThe end of its console output:", *tail]) if tail else ""
