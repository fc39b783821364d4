"""The ladder: instance types, places and markets, tried one after the other until one gives an instance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchIncomplete, LaunchRefused, Remedy
from cmlkit.clouds.planning import Image, InstanceType, Market, Subnet
from cmlkit.errors import AnswerLost, CapacityError, CmlkitError, ServiceError

# EC2 allows two launches per second after a first few, and a matrix requests many at once.
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 16.0)
# A new security group or instance profile is known everywhere within seconds. The whole ladder waits no longer.
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
SETTLING_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
CAPACITY_PAUSE_SECONDS = 15.0
LONGEST_CAPACITY_PAUSE_SECONDS = 120.0


Request = Callable[[], Instance]
"""A launch on one rung. It may be sent again: with the same client token and parameters, no second instance comes."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One way to get an instance.

    Attributes:
        cloud: The cloud's own name, for messages.
        price: USD per hour; None if unknown. So are `disk_price`, of the root volume, and `address_price`, of a public
            IPv4 address, which is 0 without one.
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
    disk_price: float | None = None
    address_price: float | None = None

    @property
    def whole_price(self) -> float | None:
        """USD per hour of the instance with disk and address, as far as they are known; None if its own is unknown."""
        return None if self.price is None else self.price + (self.disk_price or 0.0) + (self.address_price or 0.0)

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
    requested: Callable[[Rung], Request],
    *,
    clock: Clock,
    refused: Callable[[Refusal], None] = lambda refusal: None,
    earlier: Sequence[Refusal] = (),
    patience: float = 0.0,
    waiting: Callable[[float], None] = lambda seconds: None,
) -> tuple[Rung, Instance]:
    """Return the first rung that gives an instance, and the instance.

    Args:
        requested: Makes the request for a rung; called again when a rung is tried again after a pause for capacity.
        refused: Called with each refusal.
        earlier: Refusals by which rungs are closed already.
        patience: Seconds for which the rungs without capacity are tried again, in pauses that grow.
        waiting: Called with the seconds of each such pause, before it.

    Raises:
        CapacityError: All rungs refused, some for want of capacity or quota; the message is a table of the attempts.
        CmlkitError: The same table if settings or permissions are the cause on all rungs, or an error that no other
            rung can avoid.
    """
    ascent = _Ascent(requested, clock, refused)
    until = clock.now() + patience
    closed: list[Refusal] = list(earlier)
    rungs = [rung for rung in rungs if not any(rung == known.rung or also_closed(rung, known) for known in earlier)]
    pauses = _growing_pauses()
    while True:
        came, refusals = ascent.tried(rungs)
        if came:
            return came
        full = [refusal for refusal in refusals if _may_have_capacity_later(refusal)]
        closed += [refusal for refusal in refusals if refusal not in full]
        left = until - clock.now()
        if not full or left <= 0:
            raise _nothing_left([*closed, *full])
        pause = min(next(pauses), left)
        waiting(pause)
        clock.sleep(pause)
        rungs = [refusal.rung for refusal in full]


def _growing_pauses() -> Iterator[float]:
    pause = CAPACITY_PAUSE_SECONDS
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - it hides no secret
        pause = min(2 * pause, LONGEST_CAPACITY_PAUSE_SECONDS)


def _may_have_capacity_later(refusal: Refusal) -> bool:
    return refusal.error.ends_as is CapacityError and refusal.error.remedy in (Remedy.OTHER_PLACE, Remedy.LATER)


class _Ascent:
    """Tries rungs one after the other."""

    def __init__(self, requested: Callable[[Rung], Request], clock: Clock, refused: Callable[[Refusal], None]) -> None:
        self._requested = requested
        self._clock = clock
        self._refused = refused
        # For all rungs together: a name that is wrong on every rung is not waited for on each.
        self._settling = list(SETTLING_PAUSES_SECONDS)

    def tried(self, rungs: Sequence[Rung]) -> tuple[tuple[Rung, Instance] | None, list[Refusal]]:
        """Return the first rung that gives an instance, with the instance, or else the refusals."""
        refusals: list[Refusal] = []
        left = list(rungs)
        while left:
            rung = left.pop(0)
            try:
                return (rung, self._launched_patiently(rung)), refusals
            except LaunchRefused as error:
                refusals.append(Refusal(rung=rung, error=error))
                self._refused(refusals[-1])
                left = [other for other in left if not also_closed(other, refusals[-1])]
        return None, refusals

    def _launched_patiently(self, rung: Rung) -> Instance:
        request = self._requested(rung)
        lost: AnswerLost | None = None
        pauses = list(PAUSES_SECONDS)
        while True:
            try:
                return request()
            except AnswerLost as error:
                lost = error
            except (LaunchRefused, LaunchIncomplete) as error:
                if error.settles and self._settling:
                    self._clock.sleep(self._settling.pop(0))
                    continue
                if isinstance(error, LaunchIncomplete) or error.remedy is not Remedy.LATER or not (pauses or lost):
                    raise
            if not pauses:
                # The next rung could give a second instance beside an unknown first one.
                raise ServiceError(
                    f"Whether {rung} was launched is unknown: {lost}",
                    next_step=f"Try again when the connection to {rung.cloud} is stable.",
                ) from lost
            # Random, so that launches that began together do not repeat together.
            self._clock.sleep(pauses.pop(0) * random.uniform(0.5, 1.5))  # noqa: S311 - it hides no secret


def also_closed(other: Rung, refusal: Refusal) -> bool:
    """Return whether the reason of a refusal rules out another rung, too."""
    rung, remedy = refusal.rung, refusal.error.remedy
    if other.region != rung.region:
        return False
    return (
        remedy is Remedy.OTHER_REGION
        or (remedy is Remedy.OTHER_MARKET and other.market == rung.market)
        or (remedy is Remedy.OTHER_TYPE and other.instance_type == rung.instance_type)
        or (remedy is Remedy.OTHER_QUOTA and other.quota == rung.quota)
    )


def _nothing_left(refusals: Sequence[Refusal]) -> CmlkitError:
    """Return the error with the table of all refusals, the most telling first."""
    telling = sorted(refusals, key=_is_about_capacity)
    quotas = dict.fromkeys(
        f"{refusal.rung.quota} in {refusal.rung.region}"
        for refusal in refusals
        if refusal.error.remedy is Remedy.OTHER_QUOTA
    )
    steps = dict.fromkeys(refusal.error.next_step for refusal in telling if refusal.error.next_step)
    advice = [f"Used up: {'; '.join(quotas)}."] if quotas else []
    advice += steps or ["Allow more instance types, regions or subnets, or another market; or try again later."]
    message = "\n".join(["No instance could be launched. Tried:", *_table(telling)])
    # Capacity may come back by itself; only if that helps nobody is it an error of the settings or the permissions.
    waits = any(refusal.error.ends_as is CapacityError for refusal in refusals)
    error = CapacityError if waits else telling[0].error.ends_as
    return error(message, next_step="\n".join(advice))


def _is_about_capacity(refusal: Refusal) -> tuple[bool, bool]:
    is_capacity = refusal.error.ends_as is CapacityError
    return is_capacity, is_capacity and refusal.error.remedy is not Remedy.OTHER_QUOTA


def _table(refusals: Iterable[Refusal]) -> list[str]:
    """Return a line for each refusal; the first with a code that needs an explanation has the cloud's words."""
    told: set[tuple[str, str]] = set()
    lines: list[str] = []
    for refusal in refusals:
        error = refusal.error
        explained = error.words and error.ends_as is not CapacityError and (error.code, error.words) not in told
        lines.append(f"  {refusal.rung}: {error.code}{f' ({error.words})' if explained else ''}")
        told.add((error.code, error.words))
    return lines
