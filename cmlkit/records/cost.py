"""Cost: prices times time, as clouds bill it, and the parts that a figure contains."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from cmlkit.records.training_run import InstanceFacts, TrainingRun

LEAST_SECONDS = 60.0
"""Linux instances are billed by the second, for a minute at least, by the clouds that say so of themselves."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Estimated cost in USD of `runs` published runs in `days` days; and at most that of `failed` ones, if known."""

    usd: float
    runs: int
    days: int
    failed: int = 0
    failed_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """USD of an instance and all that it takes, by part: None if unknown, 0 if the part costs nothing.

    Not contained: data that leaves the region or its zone, further volumes of the image, and a NAT gateway.

    Attributes:
        disk: Its root volume.
        address: Its public IPv4 address.
        minutes: The forge's charge for the job's minutes.
    """

    instance: float | None = None
    disk: float | None = None
    address: float | None = None
    minutes: float | None = None

    @property
    def total(self) -> float | None:
        """The sum of the known parts; None if the instance's is unknown."""
        if self.instance is None:
            return None
        return self.instance + sum(part for part in (self.disk, self.address, self.minutes) if part is not None)

    @property
    def parts(self) -> dict[str, float | None]:
        """The parts by name, for people; those that cost nothing are left out."""
        named = {
            "instance": self.instance,
            "disk": self.disk,
            "public address": self.address,
            "minutes of the job": self.minutes,
        }
        return {name: part for name, part in named.items() if part != 0}


def cost(price: float | None, seconds: float, *, least_seconds: float = LEAST_SECONDS) -> float | None:
    """Return USD for what is billed for `seconds` at `price` USD per hour; None if the price is unknown.

    Args:
        least_seconds: What is billed for less.
    """
    return None if price is None else price * max(seconds, least_seconds) / 3600


def cost_over(changes: Iterable[tuple[float, float]], start: float, end: float) -> float | None:
    """Return USD from `start` to `end` at a price that changes; None if it is not known from the start on.

    Args:
        changes: Times and the USD per hour from then on; times are in seconds since the epoch.
    """
    end = max(end, start + LEAST_SECONDS)
    known = sorted(changes)
    if not known or known[0][0] > start:
        return None
    spans = pairwise([*known, (end, math.nan)])
    return sum(price * max(0.0, min(until, end) - max(at, start)) / 3600 for (at, price), (until, _) in spans)


def cost_until(instance: InstanceFacts, now: float) -> Cost:
    """Return the instance's cost until `now` (seconds since the epoch); of unknown parts if its start is unknown."""
    return Cost() if instance.started is None else _cost(instance, now - instance.started)


def cost_of(run: TrainingRun) -> Cost:
    """Return the cost from the instance's boot to the end of training; of training alone if the boot time is unknown.

    All parts are unknown if training ran on another machine.
    """
    if run.instance is None:
        return Cost()
    if run.instance.started is None:
        return _cost(run.instance, run.resources.wall_seconds)
    return cost_until(run.instance, run.started + run.resources.wall_seconds)


def _cost(instance: InstanceFacts, seconds: float) -> Cost:
    return Cost(
        instance=cost(instance.price, seconds),
        disk=cost(instance.disk_price, seconds),
        address=cost(instance.address_price, seconds, least_seconds=0.0),
        # A job is billed by whole minutes.
        minutes=instance.minute_price * math.ceil(seconds / 60),
    )


def hourly(instance: InstanceFacts) -> float | None:
    """Return USD per hour of an instance and all that it takes, as far as it is known; None if its price is unknown."""
    return _cost(instance, 3600.0).total


def dollars(amount: float | None) -> str:
    """Format an amount of USD: in cents, and below ten cents with two significant digits."""
    if amount is None:
        return "unknown"
    rounded = f"{amount:.1e}"
    if 0 < float(rounded) < 0.1:
        return f"${Decimal(rounded).normalize():f}"
    return f"${amount:.2f}"
