"""Cost: price times time, as EC2 bills it."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.records.training_run import InstanceFacts, TrainingRun

# Linux instances are billed by the second, for a minute at least. https://aws.amazon.com/ec2/pricing/on-demand/
LEAST_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Spent:
    """USD that so many published runs cost in so many days, an estimate as each run's cost is."""

    usd: float
    runs: int
    days: int


def cost(price: float | None, seconds: float) -> float | None:
    """USD for an instance that lived so many seconds at `price` USD per hour; None where the price is unknown.

    Without its disk: 30 GiB of gp3 cost about a third of a cent per hour.
    """
    return None if price is None else price * max(seconds, LEAST_SECONDS) / 3600


def cost_until(instance: InstanceFacts, now: float) -> float | None:
    """USD that the instance has cost at `now`, in seconds since the epoch; None where price or start is unknown."""
    return None if instance.started is None else cost(instance.price, now - instance.started)


def cost_of(run: TrainingRun) -> float | None:
    """USD from the instance's boot to the end of training; for the training alone where the boot is unknown.

    None on another machine, or where the price is unknown.
    """
    if run.instance is None:
        return None
    if run.instance.started is None:
        return cost(run.instance.price, run.resources.wall_seconds)
    return cost_until(run.instance, run.started + run.resources.wall_seconds)


def dollars(amount: float | None) -> str:
    """An amount of USD for people to read: in cents, and below ten of them with two significant digits."""
    if amount is None:
        return "unknown"
    if amount == 0 or amount >= 0.1:
        return f"${amount:.2f}"
    return f"${float(f'{amount:.1e}'):.10f}".rstrip("0")
