"""The plan: what the settings come to in the regions that they name, before anything is launched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from cmlkit.clouds.base import Architecture, Cloud, Image, InstanceType, Market, Subnet
from cmlkit.config import RunnerSpec
from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.runner.ladder import Rung, ordered

THREADS = 16
PATIENCE_WITH_PRICES_SECONDS = 3.0

MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "spot-then-on-demand": ("spot", "on-demand"),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rungs to try, cheapest first within a market, and what a person should know of them."""

    rungs: tuple[Rung, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Place:
    subnet: Subnet
    security_groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Survey:
    """The questions to one region, all on their way at once."""

    cloud: Cloud
    types: Future[list[InstanceType]]
    images: Future[Mapping[Architecture, Image]]
    places: Future[list[_Place]]
    prices: Mapping[Market, Future[Mapping[tuple[str, str], float]]]


def plan(spec: RunnerSpec, clouds: Sequence[Cloud]) -> Plan:
    """What `spec` comes to in the regions of `clouds`.

    They are asked all at once, and no question waits for more than one other.

    Raises:
        SettingsError: What the settings name cannot be had in any of the regions.
        PermissionDenied: A question may not be asked.
    """
    pool = ThreadPoolExecutor(max_workers=THREADS)
    try:
        return _plan(spec, clouds, [_survey(spec, cloud, pool) for cloud in clouds])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _plan(spec: RunnerSpec, clouds: Sequence[Cloud], surveys: Sequence[_Survey]) -> Plan:
    rungs: list[Rung] = []
    notes: list[str] = []
    errors: list[CmlkitError] = []
    for survey in surveys:
        try:
            rungs += _rungs(survey, notes.append)
        except CmlkitError as error:
            errors.append(error)
    if not rungs:
        raise errors[0] if errors else _no_such_type(spec, clouds)
    notes += [f"Left out: {error.message}" for error in errors]
    return Plan(rungs=tuple(ordered(rungs, MARKETS[spec.market])), notes=tuple(dict.fromkeys(notes)))


def _survey(spec: RunnerSpec, cloud: Cloud, pool: Executor) -> _Survey:
    return _Survey(
        cloud=cloud,
        types=pool.submit(cloud.instance_types, spec.instance_type),
        images=pool.submit(cloud.images, spec.image),
        places=pool.submit(_places, spec, cloud),
        prices={
            market: pool.submit(cloud.hourly_prices, spec.instance_type, market) for market in MARKETS[spec.market]
        },
    )


def _places(spec: RunnerSpec, cloud: Cloud) -> list[_Place]:
    subnets = cloud.subnets(spec.subnet)
    if spec.security_group:
        groups = {subnet.network: spec.security_group for subnet in subnets}
    else:
        groups = {
            network: (cloud.closed_security_group(network),) for network in {subnet.network for subnet in subnets}
        }
    return [_Place(subnet=subnet, security_groups=groups[subnet.network]) for subnet in subnets]


def _rungs(survey: _Survey, note: Callable[[str], None]) -> list[Rung]:
    images, places = survey.images.result(), survey.places.result()
    rungs: list[Rung] = []
    for market, asked in survey.prices.items():
        prices = _prices(market, asked, survey.cloud, note)
        rungs += [
            Rung(
                region=survey.cloud.region,
                instance_type=instance_type,
                market=market,
                subnet=place.subnet,
                security_groups=place.security_groups,
                image=images[instance_type.architecture],
                quota=survey.cloud.quota(instance_type.name, market),
                price=prices.get((instance_type.name, place.subnet.zone), prices.get((instance_type.name, ""))),
            )
            for instance_type in _bootable(survey, images, note)
            for place in places
        ]
    return rungs


def _bootable(survey: _Survey, images: Mapping[Architecture, Image], note: Callable[[str], None]) -> list[InstanceType]:
    """The types that one of the images boots on."""
    types = survey.types.result()
    for instance_type in types:
        if instance_type.architecture not in images:
            note(f"Left out: {instance_type.name} is {instance_type.architecture}, and the image is not.")
    bootable = [instance_type for instance_type in types if instance_type.architecture in images]
    if types and not bootable:
        raise SettingsError(
            f"The image is for {' and '.join(images)}, and {', '.join(item.name for item in types)} is not.",
            next_step="Choose `image` and `instance-type` of one architecture.",
        )
    return bootable


def _prices(
    market: Market, asked: Future[Mapping[tuple[str, str], float]], cloud: Cloud, note: Callable[[str], None]
) -> Mapping[tuple[str, str], float]:
    """The prices; none where they cannot be told, as a launch need neither fail nor wait for that."""
    try:
        return asked.result(timeout=PATIENCE_WITH_PRICES_SECONDS)
    except TimeoutError:
        why = "the answer takes too long."
    except CmlkitError as error:
        why = error.message
    note(f"Prices of {market} instances in {cloud.region} are unknown: {why}")
    return {}


def _no_such_type(spec: RunnerSpec, clouds: Sequence[Cloud]) -> SettingsError:
    return SettingsError(
        f"There is no instance type {' or '.join(spec.instance_type) or 'named'} in"
        f" {' or '.join(cloud.region for cloud in clouds)}.",
        next_step="Check `instance-type`: `aws ec2 describe-instance-types` lists what there is.",
    )
