"""The launch plan: the ways to launch that the settings allow, found before anything is launched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from cmlkit.clouds.planning import Architecture, Image, InstanceType, Market, Needs, PlanningCloud, Subnet
from cmlkit.errors import CapacityError, CmlkitError, SettingsError
from cmlkit.records.cost import dollars
from cmlkit.runner.ladder import Rung, ordered
from cmlkit.settings.schema import RunnerSpec

THREADS = 16
PATIENCE_WITH_PRICES_SECONDS = 3.0

MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "spot-then-on-demand": ("spot", "on-demand"),
}


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """The rungs to try, cheapest first within a market, and notes about them for people."""

    rungs: tuple[Rung, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Place:
    subnet: Subnet
    security_groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Survey:
    """The questions to one region, all asked at once."""

    cloud: PlanningCloud
    types: Future[list[InstanceType]]
    images: Future[list[Image]]
    places: Future[list[_Place]]
    prices: Mapping[Market, Future[Mapping[tuple[str, str], float]]]
    storage: Future[float | None]
    disk_size: int


def plan(spec: RunnerSpec, clouds: Sequence[PlanningCloud], *, dry_run: bool = False) -> LaunchPlan:
    """Return the launch plan for `spec` in the regions of `clouds`.

    All regions are asked at once, and no question waits for more than one other.

    Args:
        dry_run: Whether to leave a missing security group missing.

    Raises:
        SettingsError: No region has what the settings name.
        PermissionDenied: A question may not be asked.
    """
    pool = ThreadPoolExecutor(max_workers=THREADS)
    try:
        return _plan(spec, clouds, [_survey(spec, cloud, pool, make=not dry_run) for cloud in clouds])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _is_by_need(spec: RunnerSpec) -> bool:
    return bool(spec.cpus or spec.memory or spec.gpus)


def _plan(spec: RunnerSpec, clouds: Sequence[PlanningCloud], surveys: Sequence[_Survey]) -> LaunchPlan:
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
    affordable = _affordable(rungs, spec.max_price, notes.append)
    return LaunchPlan(rungs=tuple(ordered(affordable, MARKETS[spec.market])), notes=tuple(dict.fromkeys(notes)))


def _affordable(rungs: Sequence[Rung], limit: float, note: Callable[[str], None]) -> Sequence[Rung]:
    """Return the rungs within the limit; an unknown price counts as above it."""
    if not limit:
        return rungs
    prices = sorted(rung.price for rung in rungs if rung.price is not None)
    within = [rung for rung in rungs if rung.price is not None and rung.price <= limit]
    if not within:
        cheapest = f"the cheapest is {dollars(prices[0])}" if prices else "no price is known"
        raise CapacityError(
            f"Nothing costs at most {dollars(limit)} an hour: {cheapest}.",
            next_step="Raise `max-price`, or allow other types, markets or regions.",
        )
    dearer, unknown = sum(price > limit for price in prices), len(rungs) - len(prices)
    if dearer or unknown:
        note(f"Left out by `max-price`: {dearer} options that cost more, {unknown} whose price is unknown.")
    return within


def _survey(spec: RunnerSpec, cloud: PlanningCloud, pool: Executor, *, make: bool) -> _Survey:
    # First, because the prices wait for it: a pool full of waiting tasks would never end.
    types = pool.submit(_types, spec, cloud)
    return _Survey(
        cloud=cloud,
        types=types,
        images=pool.submit(cloud.images, spec.image),
        places=pool.submit(_places, spec, cloud, make=make),
        storage=pool.submit(cloud.storage_price, spec.disk_type),
        disk_size=spec.disk_size,
        prices={market: pool.submit(_ask_prices, spec, cloud, market, types) for market in MARKETS[spec.market]},
    )


def _types(spec: RunnerSpec, cloud: PlanningCloud) -> list[InstanceType]:
    if not _is_by_need(spec):
        return cloud.instance_types(spec.instance_type)
    architecture: Architecture = "arm64" if spec.arch == "arm64" else "x86_64"
    return cloud.fitting_types(Needs(architecture=architecture, cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus))


def _ask_prices(
    spec: RunnerSpec, cloud: PlanningCloud, market: Market, types: Future[list[InstanceType]]
) -> Mapping[tuple[str, str], float]:
    names = [item.name for item in types.result()] if _is_by_need(spec) else spec.instance_type
    return cloud.hourly_prices(names, market) if names else {}


def _places(spec: RunnerSpec, cloud: PlanningCloud, *, make: bool) -> list[_Place]:
    subnets = cloud.subnets(spec.subnet)
    networks = dict.fromkeys(subnet.network for subnet in subnets)
    groups = {network: spec.security_group or _own_group(cloud, network, spec.tags, make=make) for network in networks}
    return [_Place(subnet=subnet, security_groups=groups[subnet.network]) for subnet in subnets]


def _own_group(cloud: PlanningCloud, network: str, tags: Mapping[str, str], *, make: bool) -> tuple[str, ...]:
    group = cloud.closed_security_group(network, make=make, tags={name: str(value) for name, value in tags.items()})
    return (group,) if group else ()


def _rungs(survey: _Survey, note: Callable[[str], None]) -> list[Rung]:
    places = survey.places.result()
    bootable = _bootable(survey, note)
    rungs: list[Rung] = []
    storage = _storage_price(survey)
    for market, asked in survey.prices.items():
        prices = _prices(market, asked, survey.cloud, note)
        rungs += [
            Rung(
                cloud=survey.cloud.name,
                region=survey.cloud.region,
                instance_type=instance_type,
                market=market,
                subnet=place.subnet,
                security_groups=place.security_groups,
                image=image,
                quota=survey.cloud.quota(instance_type.name, market),
                price=prices.get((instance_type.name, place.subnet.zone), prices.get((instance_type.name, ""))),
                disk_price=None if storage is None else storage * max(survey.disk_size, image.disk_size),
                address_price=survey.cloud.address_price(place.subnet),
            )
            for instance_type, image in bootable
            for place in places
        ]
    return rungs


def _bootable(survey: _Survey, note: Callable[[str], None]) -> list[tuple[InstanceType, Image]]:
    """Return the types that have an image, each with its image."""
    types, images = survey.types.result(), survey.images.result()
    served = [(item, image) for item in types if (image := _image_for(item, images))]
    left_out = [item for item in types if not _image_for(item, images)]
    kinds = " and ".join(dict.fromkeys(image.architecture for image in images))
    if types and not served:
        raise SettingsError(
            f"The image is for {kinds}, not for {', '.join(map(_described, types))}.",
            next_step="Choose an `image` and an `instance-type` that fit each other.",
        )
    for item in left_out:
        note(f"Left out: {_described(item)}, which the image is not for.")
    return served


def _image_for(instance_type: InstanceType, images: Sequence[Image]) -> Image | None:
    return next((image for image in images if image.serves(instance_type)), None)


def _described(instance_type: InstanceType) -> str:
    gpus = f" with {instance_type.gpus} GPU" if instance_type.gpus else ""
    return f"{instance_type.name} ({instance_type.architecture}{gpus})"


def _prices(
    market: Market, asked: Future[Mapping[tuple[str, str], float]], cloud: PlanningCloud, note: Callable[[str], None]
) -> Mapping[tuple[str, str], float]:
    """Return the prices; none if they are unknown, as a launch should neither fail nor wait for them."""
    try:
        return asked.result(timeout=PATIENCE_WITH_PRICES_SECONDS)
    except TimeoutError:
        why = "the answer takes too long."
    except CmlkitError as error:
        why = error.message
    note(f"Prices of {market} instances in {cloud.region} are unknown: {why}")
    return {}


def _storage_price(survey: _Survey) -> float | None:
    """Return the price of a GiB; None if it is unknown, of which the notes about the other prices tell."""
    try:
        return survey.storage.result(timeout=PATIENCE_WITH_PRICES_SECONDS)
    except (TimeoutError, CmlkitError):
        return None


def _no_such_type(spec: RunnerSpec, clouds: Sequence[PlanningCloud]) -> SettingsError:
    regions = " or ".join(cloud.region for cloud in clouds)
    if _is_by_need(spec):
        return SettingsError(
            f"No {spec.arch} instance type in {regions} has at least {spec.cpus} vCPUs, {spec.memory:g} GiB and"
            f" {spec.gpus} GPUs.",
            next_step="Ask for less, or for another region.",
        )
    return SettingsError(
        f"There is no instance type {' or '.join(spec.instance_type) or 'named'} in {regions}.",
        next_step=f"Check `instance-type`: `{clouds[0].types_command}` lists all types.",
    )
