"""Previewing a launch: the options it would try, and whether the cloud would allow them. Nothing is launched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cmlkit.clouds.base import Cloud, CloudFor
from cmlkit.clouds.launching import LaunchRefused
from cmlkit.errors import CmlkitError
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.ladder import Refusal, Rung, also_closed
from cmlkit.runner.plan import plan
from cmlkit.runner.specification import instance_spec
from cmlkit.settings.schema import RunnerSpec
from cmlkit.together import together


def _incompressible(size: int) -> str:
    return base64.b64encode(hashlib.shake_256().digest(size)).decode()[:size]


# A preview asks no forge. These stand for a forge's values, and compress about as well: user data must have room.
_CREDENTIAL = _incompressible(6000)
_AGENT = RunnerAgent(forge="the forge", script=_incompressible(1000), service="", status_page="", greeting="")
_DOWNLOAD = RunnerDownload(url="https://example.com", sha256="0" * 64, filename="")
# EC2 takes five launches at once from an account, and then two a second; dry runs count.
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
MOST_DRY_RUNS = 12
DRY_RUNS_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Option:
    """One rung of the ladder.

    Attributes:
        refusal: Why the cloud would refuse the request; None if it would not. Capacity shows only at a launch.
        checked: Whether the cloud was asked about this rung, or about another that its answer covers.
    """

    rung: Rung
    refusal: CmlkitError | None = None
    checked: bool = True


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The options that a launch would try, in this order.

    Attributes:
        most: USD that one runner can cost, on the most expensive option and for its whole lifetime, with disk and
            public address as far as their prices are known; None if the price of an instance is unknown.
    """

    options: tuple[Option, ...]
    notes: tuple[str, ...]
    most: float | None

    @property
    def refusal(self) -> CmlkitError | None:
        """The first refusal if every option that was checked would be refused; else None."""
        refusals = [option.refusal for option in self.options if option.checked]
        return None if None in refusals else refusals[0]


def preview(spec: RunnerSpec, *, workflow_run: WorkflowRun, cloud_for: CloudFor) -> Preview:
    """Return what `launch_all` would try. The cloud checks kinds of options, up to `MOST_DRY_RUNS`, and launches none.

    Raises:
        SettingsError: The settings ask for something that cannot exist.
        PermissionDenied: A question may not be asked.
    """
    clouds = [cloud_for(region) for region in spec.region or ("",)]
    planned = plan(spec, clouds, dry_run=True)
    by_region = {cloud.region: cloud for cloud in clouds}
    answers = _answers(planned.rungs, lambda rung: _refusal(by_region[rung.region], spec, workflow_run, rung))
    options = tuple(_option(rung, answers) for rung in planned.rungs)
    unchecked = sum(not option.checked for option in options)
    prices = [rung.whole_price for rung in planned.rungs]
    known = [price for price in prices if price is not None]
    return Preview(
        options=options,
        notes=(*planned.notes, _not_checked(unchecked, len(options))) if unchecked else planned.notes,
        most=max(known) * spec.max_lifetime / 3600 if len(known) == len(prices) else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """The cloud's answer about one rung; `refusal` is None if it would launch there."""

    rung: Rung
    refusal: CmlkitError | None

    def is_about(self, other: Rung) -> bool:
        """Return whether the answer holds for another rung, too."""
        if _kind(other) == _kind(self.rung):
            return True
        if isinstance(self.refusal, LaunchRefused):
            return also_closed(other, Refusal(rung=self.rung, error=self.refusal))
        # No rung can avoid any other error.
        return self.refusal is not None


def _kind(rung: Rung) -> tuple[str, ...]:
    """Return what policies and offers tell apart; the subnets of one zone are alike."""
    return rung.region, rung.market, rung.instance_type.name, rung.subnet.zone


def _kinds(rungs: Sequence[Rung]) -> list[Rung]:
    """Return one rung of each kind, each time the one with the most markets, types and zones that are new."""
    left = list({_kind(rung): rung for rung in reversed(rungs)}.values())[::-1]
    chosen: list[Rung] = []
    seen: set[tuple[str, str]] = set()
    while left:
        rung = max(left, key=lambda rung: len(_traits(rung) - seen))
        left.remove(rung)
        chosen.append(rung)
        seen |= _traits(rung)
    return chosen


def _traits(rung: Rung) -> set[tuple[str, str]]:
    return {(rung.region, trait) for trait in (rung.market, rung.instance_type.name, rung.subnet.zone)}


def _answers(rungs: Sequence[Rung], ask: Callable[[Rung], CmlkitError | None]) -> list[_Answer]:
    """Return the cloud's answers; the first is waited for, as it may be about every rung."""
    first, *others = _kinds(rungs)[:MOST_DRY_RUNS]
    answer = _Answer(rung=first, refusal=ask(first))
    left = [rung for rung in others if not answer.is_about(rung)]
    refusals = together(*(partial(ask, rung) for rung in left), at_once=DRY_RUNS_AT_ONCE)
    return [answer, *(_Answer(rung=rung, refusal=refusal) for rung, refusal in zip(left, refusals, strict=True))]


def _option(rung: Rung, answers: Sequence[_Answer]) -> Option:
    found = sorted((answer for answer in answers if answer.is_about(rung)), key=lambda answer: answer.refusal is None)
    if not found:
        return Option(rung=rung, checked=False)
    refusal = found[0].refusal
    return Option(rung=rung, refusal=refusal.final if isinstance(refusal, LaunchRefused) else refusal)


def _not_checked(count: int, of: int) -> str:
    return f"{count} of {of} options are not checked: a preview asks about {MOST_DRY_RUNS} at most, of all kinds."


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
                scope=workflow_run.repository,
                jit_runner=JitRunner(runner=runner, credential=_CREDENTIAL),
                download=_DOWNLOAD,
                rung=rung,
                expires=0,
            )
        )
    except CmlkitError as error:
        return error
    return None
