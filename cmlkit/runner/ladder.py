"""The ladder: instance types, places and markets, tried one after the other until one gives an instance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchRefused, Remedy
from cmlkit.clouds.planning import Image, InstanceType, Market, Subnet
from cmlkit.errors import AnswerLost, CapacityError, ServiceError

# EC2 allows two launches per second after a first few, and a matrix requests many at once.
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 16.0)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One way to get an instance.

    Attributes:
        cloud: The cloud's own name, for messages.
        price: USD per hour; None if unknown.
        quota: Name of the account's limit that the instance would count against.
    """

    cloud: str
    region: str
    instance_type: InstanceType
    market: Market
    subnet: Subnet
    security_groups: tuple[str, ...]
    image: Image
    quota: str
    price: float | None = None

    def __str__(self) -> str:
        return f"{self.instance_type.name} {self.market} in {self.subnet.zone} ({self.subnet.id})"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A rung on which the launch was refused, and the error."""

    rung: Rung
    error: LaunchRefused


def ordered(rungs: Iterable[Rung], markets: Sequence[Market]) -> list[Rung]:
    """Return the rungs by market, then by price; an unknown price comes last, and equal ones keep their order."""
    return sorted(rungs, key=lambda rung: (markets.index(rung.market), inf if rung.price is None else rung.price))


def climb(
    rungs: Sequence[Rung],
    launch: Callable[[Rung], Instance],
    *,
    clock: Clock,
    refused: Callable[[Refusal], None] = lambda refusal: None,
) -> tuple[Rung, Instance]:
    """Return the first rung that gives an instance, and the instance.

    Args:
        launch: Launches on a rung; called again with the same rung, it must not make a second instance.
        refused: Called with each refusal.

    Raises:
        CapacityError: All rungs refused; the message is a table of the attempts.
        CmlkitError: An error that no other rung can avoid.
    """
    refusals: list[Refusal] = []
    left = list(rungs)
    while left:
        rung = left.pop(0)
        try:
            return rung, _launch_patiently(rung, launch, clock)
        except LaunchRefused as error:
            refusals.append(Refusal(rung=rung, error=error))
            refused(refusals[-1])
            left = [other for other in left if not _also_closed(other, refusals[-1])]
    raise _nothing_left(refusals)


def _launch_patiently(rung: Rung, launch: Callable[[Rung], Instance], clock: Clock) -> Instance:
    lost: AnswerLost | None = None
    pauses = list(PAUSES_SECONDS)
    while True:
        try:
            return launch(rung)
        except AnswerLost as error:
            lost = error
        except LaunchRefused as error:
            if error.remedy is not Remedy.LATER or not (pauses or lost):
                raise
        if not pauses:
            # The next rung could give a second instance beside an unknown first one.
            raise ServiceError(
                f"Whether {rung} was launched is unknown: {lost}",
                next_step=f"Try again when the connection to {rung.cloud} is stable.",
            ) from lost
        # Random, so that launches that began together do not repeat together.
        clock.sleep(pauses.pop(0) * random.uniform(0.5, 1.5))  # noqa: S311 - it hides no secret


def _also_closed(other: Rung, refusal: Refusal) -> bool:
    """Return whether the reason of a refusal rules out another rung, too."""
    rung, remedy = refusal.rung, refusal.error.remedy
    if other.region != rung.region:
        return False
    return (
        remedy is Remedy.OTHER_REGION
        or (remedy is Remedy.OTHER_MARKET and other.market == rung.market)
        or (remedy is Remedy.OTHER_QUOTA and other.quota == rung.quota)
    )


def _nothing_left(refusals: Sequence[Refusal]) -> CapacityError:
    lines = [f"  {refusal.rung}: {refusal.error.code}" for refusal in refusals]
    quotas = dict.fromkeys(
        f"{refusal.rung.quota} in {refusal.rung.region}"
        for refusal in refusals
        if refusal.error.remedy is Remedy.OTHER_QUOTA
    )
    steps = dict.fromkeys(refusal.error.next_step for refusal in refusals if refusal.error.next_step)
    advice = [f"Used up: {'; '.join(quotas)}."] if quotas else []
    advice += steps or ["Allow more instance types, regions or subnets, or another market; or try again later."]
    return CapacityError("\n".join(["No instance could be launched. Tried:", *lines]), next_step="\n".join(advice))
