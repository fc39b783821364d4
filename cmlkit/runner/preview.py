"""Previewing a launch: the options it would try, and whether the cloud would allow them. Nothing is launched."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.clouds.base import Cloud, CloudFor
from cmlkit.errors import CmlkitError
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.ladder import Rung
from cmlkit.runner.plan import plan
from cmlkit.runner.specification import instance_spec
from cmlkit.settings.schema import RunnerSpec

# A preview asks no forge. These stand for a forge's values, with about as many characters: user data must have room.
_CREDENTIAL = "x" * 6000
_AGENT = RunnerAgent(forge="the forge", script="x" * 1400, service="", status_page="")
_DOWNLOAD = RunnerDownload(url="https://example.com", sha256="0" * 64, filename="")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One rung of the ladder.

    Attributes:
        refusal: Why the cloud would refuse the request; None if it would not. Capacity shows only at a launch.
    """

    rung: Rung
    refusal: CmlkitError | None = None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The options that a launch would try, in this order.

    Attributes:
        most: USD that one runner can cost, on the most expensive option and for its whole lifetime; None if a price
            is unknown.
    """

    options: tuple[Option, ...]
    notes: tuple[str, ...]
    most: float | None

    @property
    def refusal(self) -> CmlkitError | None:
        """The first refusal if every option would be refused; else None."""
        refusals = [option.refusal for option in self.options]
        return None if None in refusals else refusals[0]


def preview(spec: RunnerSpec, *, workflow_run: WorkflowRun, cloud_for: CloudFor) -> Preview:
    """Return what `launch_all` would try. The cloud checks one option for each region and market, without launching.

    Raises:
        SettingsError: The settings ask for something that cannot exist.
        PermissionDenied: A question may not be asked.
    """
    clouds = [cloud_for(region) for region in spec.region or ("",)]
    planned = plan(spec, clouds, dry_run=True)
    by_region = {cloud.region: cloud for cloud in clouds}
    refusals: dict[tuple[str, str], CmlkitError | None] = {}
    for rung in planned.rungs:
        if (rung.region, rung.market) not in refusals:
            refusals[rung.region, rung.market] = _refusal(by_region[rung.region], spec, workflow_run, rung)
    prices = [rung.price for rung in planned.rungs]
    known = [price for price in prices if price is not None]
    return Preview(
        options=tuple(Option(rung=rung, refusal=refusals[rung.region, rung.market]) for rung in planned.rungs),
        notes=planned.notes,
        most=max(known) * spec.max_lifetime / 3600 if len(known) == len(prices) else None,
    )


def _refusal(cloud: Cloud, spec: RunnerSpec, workflow_run: WorkflowRun, rung: Rung) -> CmlkitError | None:
    runner = Runner(
        id=0,
        name=lease.new_name(workflow_run, 1, expires=0),
        status="offline",
        busy=False,
        labels=(workflow_run.label,),
    )
    try:
        cloud.check_launch(
            instance_spec(
                spec,
                workflow_run=workflow_run,
                first_boot=cloud.first_boot,
                agent=_AGENT,
                jit_runner=JitRunner(runner=runner, credential=_CREDENTIAL),
                download=_DOWNLOAD,
                rung=rung,
                expires=0,
            )
        )
    except CmlkitError as error:
        return error
    return None
