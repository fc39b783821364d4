"""Cost: price times time, as clouds bill it."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.records.training_run import InstanceFacts, TrainingRun

LEAST_SECONDS = 60.0
"""Linux instances are billed by the second, for a minute at least, by the clouds that say so of themselves."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Estimated cost in USD of `runs` published runs in `days` days."""

    usd: float
    runs: int
    days: int


def cost(price: float | None, seconds: float, *, least_seconds: float = LEAST_SECONDS) -> float | None:
    """Return USD for an instance that lived for `seconds` at `price` USD per hour; None if the price is unknown.

    The disk is not included: 30 GiB of gp3 cost about a third of a cent per hour.

    Args:
        least_seconds: What is billed for an instance that lived for less.
    """
    return None if price is None else price * max(seconds, least_seconds) / 3600


def cost_until(instance: InstanceFacts, now: float) -> float | None:
    """Return the instance's cost in USD until `now` (seconds since the epoch); None if price or start is unknown."""
    return None if instance.started is None else cost(instance.price, now - instance.started)


def cost_of(run: TrainingRun) -> float | None:
    """Return USD from the instance's boot to the end of training; for training alone if the boot time is unknown.

    None if training ran on another machine, or the price is unknown.
    """
    if run.instance is None:
        return None
    if run.instance.started is None:
        return cost(run.instance.price, run.resources.wall_seconds)
    return cost_until(run.instance, run.started + run.resources.wall_seconds)


def dollars(amount: float | None) -> str:
    """Format an amount of USD: in cents, and below ten cents with two significant digits."""
    if amount is None:
        return "unknown"
    if amount == 0 or amount >= 0.1:
        return f"${amount:.2f}"
    return f"${float(f'{amount:.1e}'):.10f}".rstrip("0")
