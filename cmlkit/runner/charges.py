"""Charges: the cost of a run's instances over their lives, which only the cloud knows once they have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cmlkit.clouds.diagnosing import DiagnosingCloud
from cmlkit.clouds.launching import Instance
from cmlkit.errors import CmlkitError
from cmlkit.formats import plural
from cmlkit.records.cost import dollars


@dataclass(frozen=True, kw_only=True)
class Charges:
    """USD for instances from launch to end, at the prices of that time, without disks, addresses and data.

    Attributes:
        usd: The sum of the known ones; None if none is known.
        waived: Ids of those that the cloud does not charge.
        unknown: Ids of those whose charge is unknown.
    """

    usd: float | None = None
    instances: int = 0
    waived: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [f"{dollars(self.usd)} for {plural(self.instances, 'instance')}, without disk, address and data"]
        if self.waived:
            told.append(f"{plural(len(self.waived), 'instance')} interrupted in the first hour, and not charged")
        if self.unknown:
            told.append(f"unknown for {', '.join(self.unknown)}")
        return "; ".join(told)


def charges(instances: Sequence[Instance], *, cloud_for: Callable[[str], DiagnosingCloud], now: float) -> Charges:
    """Return the charges of instances; those that still run count until `now`, in seconds since the epoch."""
    found: dict[str, float] = {}
    unknown: list[str] = []
    for instance in instances:
        try:
            usd = cloud_for(instance.region).charge(instance, until=instance.ended or now)
        except CmlkitError:
            usd = None
        if usd is None:
            unknown.append(instance.id)
        else:
            found[instance.id] = usd
    return Charges(
        usd=sum(found.values()) if found else None,
        instances=len(instances),
        waived=tuple(name for name, usd in found.items() if usd == 0),
        unknown=tuple(unknown),
    )
