"""Checks of AWS: the account, a launch's chances, and an instance's way out to the internet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from cmlkit.clouds.base import CloudFor
from cmlkit.doctor.finding import Finding, clock_finding, failed, first_answer, looked, ok, untold, warning
from cmlkit.errors import CapacityError, CmlkitError, NotFound, PermissionDenied, ServiceError, SettingsError
from cmlkit.formats import plural
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.ladder import Rung
from cmlkit.runner.preview import Preview, preview
from cmlkit.settings.schema import RunnerSpec

ROLE_READS = "iam:GetInstanceProfile and iam:GetRole"
ROLES_GUIDE = "docs/reference/iam.md"


def examined(
    spec: RunnerSpec, *, workflow_run: WorkflowRun, cloud_for: CloudFor, now: float, seconds: float | None = None
) -> tuple[Finding, ...]:
    """Return findings about each region's account, then about a launch.

    Args:
        now: Seconds since the epoch.
        seconds: As in `first_answer`.
    """
    accounts: list[Finding] = []
    for region in spec.region or ("",):
        accounts += looked("AWS account", partial(_account, cloud_for, region, now, seconds))
        if further := untold("AWS launch", accounts, what="A launch, its price, quota, network, permissions and roles"):
            return (*accounts, *further)
    if any(finding.error for finding in accounts):
        return tuple(accounts)
    launch = looked("AWS launch", lambda: _launch(spec, workflow_run, cloud_for))
    return (*accounts, *launch, *looked("AWS roles", lambda: _roles(spec, cloud_for)))


def _account(cloud_for: CloudFor, region: str, now: float, seconds: float | None) -> Iterator[Finding]:
    cloud = cloud_for(region)
    identity = first_answer("AWS", cloud.identity, seconds=seconds)
    yield ok("AWS account", f"{identity.account} in {cloud.region}, as {identity.principal}.")
    yield from clock_finding("AWS clock", theirs=identity.server_time, ours=now)


def _launch(spec: RunnerSpec, workflow_run: WorkflowRun, cloud_for: CloudFor) -> Iterator[Finding]:
    shown = preview(spec, workflow_run=workflow_run, cloud_for=cloud_for)
    yield failed("AWS launch", shown.refusal) if shown.refusal else _options(shown)
    for note in shown.notes:
        yield warning("AWS launch", note)
    yield _price(shown)
    # A launch that AWS refuses altogether may lack more than a permission.
    rungs = [option.rung for option in shown.options if shown.refusal or option.refusal is None]
    yield from looked("AWS quota", lambda: _quotas(rungs, spec.count, cloud_for))
    yield from looked("AWS network", lambda: _egress(rungs, cloud_for))
    if not spec.security_group:
        for region, network in sorted({(rung.region, rung.subnet.network) for rung in rungs}):
            yield from looked("AWS permissions", partial(_group, cloud_for, region, network, spec.tags))
    yield from looked("AWS permissions", lambda: _ending(workflow_run, {rung.region for rung in rungs}, cloud_for))


def _roles(spec: RunnerSpec, cloud_for: CloudFor) -> Iterator[Finding]:
    """Yield whether the roles that a launch hands on are there, and can be assumed by those who get them."""
    cloud = cloud_for(next(iter(spec.region), ""))
    if profile := spec.iam_instance_profile:
        passed = "whether it may be passed is part of the launches that were tried"
        yield _role("iam-instance-profile", profile, cloud.profile_problem, passed)
    if role := spec.stop_schedule_role:
        passed = "whether it may be passed shows only at a launch: AWS tries no schedules"
        yield _role("stop-schedule-role", role, cloud.expiry_role_problem, passed)


def _role(setting: str, named: str, look: Callable[[str], str], passed: str) -> Finding:
    try:
        problem = look(named)
    except CmlkitError as error:
        detail = f"Whether {named} of `{setting}` is there cannot be told here: {error.message}"
        return warning("AWS roles", detail, f"Allow {ROLE_READS}, as `cmlkit access aws` shows; {passed}.")
    if problem:
        return failed(
            "AWS roles", SettingsError(problem, next_step=f"Correct `{setting}`, or the role: {ROLES_GUIDE}.")
        )
    return ok("AWS roles", f"{named} of `{setting}` is there, for the service that is to have it; {passed}.")


def _group(cloud_for: CloudFor, region: str, network: str, tags: Mapping[str, str]) -> tuple[Finding, ...]:
    cloud_for(region).check_security_group(network, tags={name: str(value) for name, value in tags.items()})
    return ()


def _options(shown: Preview) -> Finding:
    checked = [option for option in shown.options if option.checked]
    allowed = sum(option.refusal is None for option in checked)
    detail = f"AWS would allow {allowed} of {len(checked)} options; capacity shows only at launch."
    refusal = next((option.refusal for option in shown.options if option.refusal is not None), None)
    return ok("AWS launch", detail) if refusal is None else warning("AWS launch", f"{detail} {refusal.message}")


def _price(shown: Preview) -> Finding:
    if shown.most is None:
        return warning(
            "AWS price", "The price of at least one option is unknown.", "Set `max-price` to leave such options out."
        )
    return ok("AWS price", f"One runner costs at most ${shown.most:.4f}.")


def _quotas(rungs: Sequence[Rung], count: int, cloud_for: CloudFor) -> Iterator[Finding]:
    """Yield whether each quota allows the smallest option that counts against it; running instances are not counted."""
    smallest: dict[tuple[str, str], Rung] = {}
    for rung in sorted(rungs, key=lambda rung: rung.instance_type.cpus, reverse=True):
        smallest[rung.region, rung.quota] = rung
    fits: list[str] = []
    shorts: list[str] = []
    for rung in smallest.values():
        needed = rung.instance_type.cpus * count
        try:
            limit = cloud_for(rung.region).quota_limit(rung.instance_type.name, rung.market)
        except (PermissionDenied, NotFound, ServiceError) as error:
            yield warning(
                "AWS quota", f"{rung.quota} is unknown: {error.message}", "Allow servicequotas:GetServiceQuota."
            )
            continue
        text = f"{rung.quota} in {rung.region}: {limit:.0f} vCPUs, {needed} needed"
        (fits if needed <= limit else shorts).append(text)
    remedy = "Ask for more under Service Quotas > Amazon EC2."
    if shorts and not fits:
        yield failed("AWS quota", CapacityError(f"Too little: {'; '.join(shorts)}.", next_step=remedy))
    elif shorts:
        yield warning("AWS quota", f"Too little: {'; '.join(shorts)}.", remedy)
    if fits:
        yield ok("AWS quota", f"{'; '.join(fits)}.")


def _egress(rungs: Sequence[Rung], cloud_for: CloudFor) -> Iterator[Finding]:
    """Yield whether an instance would reach GitHub, according to the subnets' routes and the security groups."""
    places = {(rung.region, rung.subnet.id): rung for rung in rungs}
    open_: list[str] = []
    shut: list[str] = []
    for rung in places.values():
        try:
            problem = cloud_for(rung.region).egress_problem(rung.subnet, rung.security_groups)
        except CmlkitError as error:
            yield warning("AWS network", f"The way out is unknown: {error.message}", "Allow ec2:DescribeRouteTables.")
            return
        shut.append(f"{rung.subnet.id}: {problem}") if problem else open_.append(rung.subnet.id)
    remedy = "An instance must reach GitHub over HTTPS: set another `subnet` or `security-group`."
    if shut and not open_:
        yield failed("AWS network", SettingsError(f"No way out: {'; '.join(shut)}.", next_step=remedy))
    elif shut:
        yield warning("AWS network", f"No way out of some: {'; '.join(shut)}.", remedy)
    else:
        yield ok("AWS network", f"A way out to GitHub: {plural(len(open_), 'subnet')}.")


def _ending(workflow_run: WorkflowRun, regions: set[str], cloud_for: CloudFor) -> Iterator[Finding]:
    """Yield whether instances may be terminated. AWS checks the tags of the instance, so one must exist."""
    tags = {lease.REPOSITORY: workflow_run.repository, lease.RUN: ""}
    for region in sorted(regions):
        alive = [instance for instance in cloud_for(region).instances(tags=tags) if instance.alive]
        if not alive:
            detail = f"Whether instances may be terminated in {region} shows once this repository has one."
            yield ok("AWS permissions", detail)
            continue
        cloud_for(region).check_removal(alive[0].id, tag=lease.INTERRUPTED)
        yield ok("AWS permissions", f"Instances of this repository may be terminated and tagged in {region}.")
