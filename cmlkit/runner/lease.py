"""The lease: an instance's name and tags, which say that it is cmlkit's, for which run it is, and when it expires."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cmlkit.clouds.launching import Instance, Volume
from cmlkit.errors import SettingsError
from cmlkit.forges.runners import Runner
from cmlkit.formats import duration
from cmlkit.records.json_text import json_text
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import RunnerSpec

PREFIX = "cmlkit:"
RUN = "cmlkit:run"
ATTEMPT = "cmlkit:attempt"
REPOSITORY = "cmlkit:repository"
LABEL = "cmlkit:label"
RUNNER_ID = "cmlkit:runner-id"
SCOPE = "cmlkit:scope"
"""The repository or organisation whose list of runners has the instance's; missing on those of older versions."""

EXPIRES = "cmlkit:expires"
REAPING = "cmlkit:reaping"
"""Set by the reaper on an instance before it looks again: the time, in seconds since the epoch."""

KEEP = "cmlkit:keep-on-failure"
"""For how many seconds the instance stays for a look after its training failed; missing if it does not."""

KEPT_UNTIL = "cmlkit:kept-until"
"""Set by the stop job on an instance that stays for a look: the end of it, in seconds since the epoch."""

INTERRUPTED = "cmlkit:interrupted"
"""Set on a spot instance that the cloud took back: when that was noticed, in seconds since the epoch."""

REGION_LABEL = "cmlkit-region-"
"""Begins the labels of a runner that say in which regions its instance may be."""

LAUNCH_LABEL = "cmlkit-launch-"
"""Begins the label of a runner that says which launch of its run it is from."""

_NAME = re.compile(r"cmlkit-(?P<run>.+)-(?P<attempt>\d+)-(?P<number>\d+)-(?P<expires>[0-9a-f]{8})-[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class RunnerName:
    """The parts of a runner's name, which is also its instance's.

    Attributes:
        expires: When no runner of this launch can be at work any more, in seconds since the epoch: forges do not show
            a runner's age. The end of its own instance's lease is earlier, and is in the instance's tags.
    """

    run_id: str
    attempt: int
    number: int
    expires: int

    @classmethod
    def of(cls, name: str) -> RunnerName | None:
        """Return the parts of a name; None if it is not one of cmlkit's."""
        if (match := _NAME.fullmatch(name)) is None:
            return None
        return cls(
            run_id=match["run"],
            attempt=int(match["attempt"]),
            number=int(match["number"]),
            expires=int(match["expires"], 16),
        )


def new_name(workflow_run: WorkflowRun, number: int, *, expires: float) -> str:
    """Return a new name for the run's runner with that number; `expires` as in `RunnerName`.

    Two launches of one run share the run's label but no name; see `launch_label` for those that may be both.
    """
    return f"{workflow_run.label}-{number}-{int(expires):08x}-{secrets.token_hex(3)}"


def launch_label(workflow_run: WorkflowRun, spec: RunnerSpec) -> str:
    """Return the label that the runners of a launch have, and those of each other launch that would double it.

    Launches for other labels or kinds of machines, those of a matrix, and those of another attempt would not.
    """
    kind = [spec.instance_type, spec.cpus, spec.memory, spec.gpus, spec.image, spec.market, spec.region]
    number = workflow_run.job.rpartition("-")[2]
    asked = [sorted(spec.labels), *kind, number if number.isdecimal() else ""]
    digest = hashlib.sha256(json_text(asked).encode()).hexdigest()[:10]
    return f"{LAUNCH_LABEL}{workflow_run.attempt}-{digest}"


def earlier_launch(own: Runner, label: str, runners: Iterable[Runner], workflow_run: WorkflowRun) -> Runner | None:
    """Return a runner that another launch with this `launch_label` registered before; None if there is none.

    Of two launches at the same time, the one whose first runner got the lower id goes on: both are registered before
    either looks, so that at least the other sees it. The other runners of a launch, which are registered meanwhile, may
    have got a lower id than the first one, and say nothing.
    """
    earlier = (
        item
        for item in runners
        if item.id < own.id and label in item.labels and is_name_of(workflow_run, item.name) and _is_first(item.name)
    )
    return min(earlier, key=lambda item: item.id, default=None)


def _is_first(name: str) -> bool:
    ours = RunnerName.of(name)
    return ours is not None and ours.number == 1


def region_labels(regions: Iterable[str]) -> list[str]:
    """Return the labels that remember in which regions a runner's instance may be launched."""
    return [f"{REGION_LABEL}{region}" for region in regions]


def remembered_regions(runner: Runner) -> list[str]:
    """Return the regions in which the runner's instance may be; empty for runners of older versions."""
    return [label.removeprefix(REGION_LABEL) for label in runner.labels if label.startswith(REGION_LABEL)]


def is_name_of(workflow_run: WorkflowRun, name: str) -> bool:
    """Return whether this is the name of a runner of the run, in any attempt."""
    ours = RunnerName.of(name)
    return ours is not None and ours.run_id == workflow_run.run_id


def tags_of_run(workflow_run: WorkflowRun) -> dict[str, str]:
    """Return the tags that all instances of a run have, in any attempt."""
    return {RUN: workflow_run.run_id, REPOSITORY: workflow_run.repository}


def tags_of_repository(repository: str) -> dict[str, str]:
    """Return the tags that all instances of a repository have, with any run."""
    return {RUN: "", REPOSITORY: repository}


def tags(
    workflow_run: WorkflowRun,
    runner: Runner,
    *,
    scope: str,
    expires: float,
    keep_on_failure: float = 0.0,
    extra: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """Return the tags for one runner's instance.

    Args:
        scope: The repository or organisation that has the runner.
        expires: End of the lease, in seconds since the epoch.
        keep_on_failure: Seconds for which the instance stays after a training that failed.
        extra: The user's own tags.

    Raises:
        SettingsError: A tag of the user's is reserved for cmlkit.
    """
    own = {
        RUN: workflow_run.run_id,
        ATTEMPT: str(workflow_run.attempt),
        REPOSITORY: workflow_run.repository,
        LABEL: workflow_run.label,
        RUNNER_ID: str(runner.id),
        SCOPE: scope,
        EXPIRES: str(int(expires)),
    }
    kept = {KEEP: str(int(keep_on_failure))} if keep_on_failure else {}
    return {**_checked(extra or {}), **own, **kept}


def expires(tagged: Instance | Volume) -> int | None:
    """Return when the lease in the tags ends, in seconds since the epoch; None if the tag is not a number.

    A look ends it sooner, and never later.
    """
    text, kept = tagged.tags.get(EXPIRES, ""), tagged.tags.get(KEPT_UNTIL, "")
    if not text.isdecimal():
        return None
    return min(int(text), int(kept)) if kept.isdecimal() else int(text)


def words(end: float | None, *, now: float) -> str:
    """Return how long a lease lasts, for people: `ends in 1 h 12 min`, `over for 5 min`; `unknown` if None."""
    if end is None:
        return "unknown"
    return f"ends in {duration(end - now)}" if end > now else f"over for {duration(now - end)}"


def _checked(extra: Mapping[str, object]) -> dict[str, str]:
    for name in extra:
        if name.lower().startswith(PREFIX):
            raise SettingsError(f"The tag {name!r} is reserved.", next_step="Rename it in `tags`.")
    return {name: str(value) for name, value in extra.items()}
