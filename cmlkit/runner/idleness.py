"""Idleness: whether the runner of an instance has or had a job, from the words of the forge and of the instance.

GitHub's list of runners is not enough. It may show a runner that works as idle or offline, or not at all:
https://github.com/actions/runner/issues/4422, https://github.com/actions/runner/issues/3448
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CmlkitError
from cmlkit.forges.runners import Runner
from cmlkit.forges.workflows import Job
from cmlkit.runner import lease
from cmlkit.runner.boot import BootProgress, boot_progress

NO_RUNNER = "0"
"""The runner's id in the tags of an instance that never has one."""

JOB_DONE = "the runner ended with status 0"
"""The farewell of an instance whose runner has done its one job; without a job, the runner ends otherwise."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Whether a runner has a job; `reason` says why that cannot be told."""

    state: Literal["idle", "busy", "unknown"]
    reason: str = ""


IDLE, BUSY = Judgement(state="idle"), Judgement(state="busy")


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of the forge and of the instance about one runner.

    Attributes:
        instance: Its instance, as the cloud lists it.
        owner: The repository or organisation whose runners were listed.
        runner: The runner as listed; None if the list does not show it.
        jobs: Jobs of its run, in all attempts; None if the token may not read them, or the forge has no such run.
        console: The progress of its boot script; None if the console does not show it.
    """

    instance: Instance
    owner: str
    runner: Runner | None
    jobs: Sequence[Job] | None
    console: BootProgress | None

    @property
    def scope(self) -> str:
        """The repository or organisation that has the runner; empty for instances of older versions."""
        return self.instance.tags.get(lease.SCOPE, "")


def judged(words: Words) -> Judgement:
    """Return whether the runner has a job. It counts as idle only if nobody who can know says otherwise."""
    if words.instance.tags.get(lease.RUNNER_ID) == NO_RUNNER:
        return IDLE
    if words.runner is not None and words.runner.busy:
        return BUSY
    # A just-in-time runner has one job in its life.
    its_jobs = [job for job in words.jobs or () if job.runner_name == words.instance.name]
    if its_jobs:
        return IDLE if all(job.is_over for job in its_jobs) else BUSY
    return _by_the_instance(words.console) or _without_its_job(words)


def _by_the_instance(console: BootProgress | None) -> Judgement | None:
    # Clouds may show a console as it was hours ago, so only what it shows counts, not what is missing.
    if console is None:
        return None
    if console.farewell:
        return IDLE
    if console.had_job:
        # Of another run, which shares a label with this one; or the forge has lost sight of it.
        return Judgement(state="unknown", reason="its console shows a job that the forge does not list")
    return None


def _without_its_job(words: Words) -> Judgement:
    if words.runner is None and words.scope and words.scope.lower() != words.owner.lower():
        return Judgement(state="unknown", reason=f"its runners are listed by {words.scope}")
    if words.jobs is not None:
        return IDLE
    run = words.instance.tags[lease.RUN]
    return Judgement(state="unknown", reason=f"the jobs of its run {run} cannot be read (`actions: read`)")


def had_job(name: str, *, jobs: Sequence[Job] | None, console: BootProgress | None) -> bool:
    """Return whether the runner of that name has surely got a job, whether over or not.

    Args:
        jobs, console: As in `Words`.
    """
    if any(job.runner_name == name for job in jobs or ()):
        return True
    return console is not None and (console.had_job or console.farewell == JOB_DONE)


def readable_console(cloud: LaunchingCloud, instance_id: str) -> BootProgress | None:
    """Return the progress of the boot script; None if the console does not show it, or may not be read."""
    try:
        return boot_progress(cloud.console_output(instance_id))
    except CmlkitError:
        return None
