"""Keeping: an instance stays up for a look after its training failed, and never past its lease."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cmlkit.clouds.launching import Instance
from cmlkit.forges.workflows import Job, JobForge, readable_jobs
from cmlkit.formats import duration
from cmlkit.records.cost import cost, dollars, hourly
from cmlkit.records.training_run import InstanceFacts
from cmlkit.runner import lease
from cmlkit.settings import variables

MARK = Path("home", "keep")
"""Below the boot script's home: written by a training that failed, and read by the script before it powers off."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An instance that stays for a look, until a time in seconds since the epoch."""

    id: str
    region: str
    until: float

    def __str__(self) -> str:
        return f"{self.id} stays until {_clock_time(self.until)} because its training failed. {_way_in(self.id)}"


@dataclass(kw_only=True)
class Looks:
    """Which of a run's instances stay for a look, according to the forge's jobs; they are asked for once, if needed.

    Attributes:
        now: Seconds since the epoch.
        kept: Those that were found to stay.
        is_unreadable: Whether the jobs were needed, and could not be read.
    """

    forge: JobForge | None
    run_id: str
    now: float
    kept: dict[str, Kept] = field(default_factory=dict)
    is_unreadable: bool = False
    _jobs: Sequence[Job] | None = field(default=None, repr=False)

    def spares(self, instance: Instance) -> bool:
        """Return whether an instance stays: its job has failed, and its time for a look is not over."""
        seconds = instance.tags.get(lease.KEEP, "")
        if not (seconds.isdecimal() and instance.alive):
            return False
        ends = [job.completed for job in self._read() if job.runner_name == instance.name and job.conclusion == FAILED]
        expires = lease.expires(instance)
        known = [end + int(seconds) for end in ends if end is not None]
        if not known or expires is None or (until := min(max(known), expires)) <= self.now:
            return False
        self.kept[instance.id] = Kept(id=instance.id, region=instance.region, until=until)
        return True

    def _read(self) -> Sequence[Job]:
        if self._jobs is None:
            found = readable_jobs(self.forge, self.run_id)
            self.is_unreadable = found is None
            self._jobs = found or ()
        return self._jobs


FAILED = "failure"
"""The conclusion of a job that failed; one that was cancelled or timed out is not looked at."""


def keep_here(environ: Mapping[str, str], instance: InstanceFacts | None, *, now: float) -> Iterator[str]:
    """Leave the mark on this instance after its training failed; yield what people are to know.

    Yield nothing on other machines, and without the setting.

    Args:
        now: Seconds since the epoch.
    """
    seconds, home = environ.get(variables.KEEP_SECONDS, ""), environ.get(variables.HOME, "")
    if instance is None or not seconds.isdecimal() or not int(seconds):
        return
    mark = Path(home) / MARK
    try:
        mark.touch()
    except OSError:
        yield f"The instance ends with this job, despite keep-on-failure: {mark.parent} is out of a container's reach."
        return
    price = cost(hourly(instance), int(seconds))
    yield (
        f"{instance.instance_id} stays for {duration(int(seconds))} after this job, until about"
        f" {_clock_time(now + int(seconds))}, or until its lease ends if that is sooner. It is billed meanwhile"
        f" ({dollars(price)} for this time). {_way_in(instance.instance_id)}"
    )


def _way_in(instance_id: str) -> str:
    return f"Connect: cmlkit runner connect {instance_id}. End it sooner: cmlkit runner stop --instance {instance_id}"


def _clock_time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"
