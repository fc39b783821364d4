"""Spot interruptions: detecting that the cloud took a run's instances back, and repeating the run once, on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import CmlkitError
from cmlkit.forges.workflows import WorkflowForge
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.settings.schema import RunnerSpec

INTERRUPTION = "Spot interruption"
"""Title of the annotation that the boot script or `runner stop` puts on an interrupted run."""


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """The result of a request to repeat a workflow run; `reason` says why it was repeated or not."""

    run_id: str
    rerun: bool
    reason: str


def rerun(forge: WorkflowForge, run_id: str, *, if_interrupted: bool = False, cloud: str = "the cloud") -> Resumption:
    """Run all jobs of a workflow run again, also the one that launches, because its instance is gone.

    Args:
        if_interrupted: Whether to do so only in the first attempt, and only if the cloud took an instance back.
        cloud: Name of the cloud in the reason.

    Raises:
        PermissionDenied: The token may not rerun it, or the run is not over.
        NotFound: The run is missing.
    """
    reason = "it was asked for"
    if if_interrupted:
        attempt = forge.run_attempt(run_id)
        if attempt > 1:
            return Resumption(run_id=run_id, rerun=False, reason=f"it was tried {attempt} times already")
        if not was_interrupted(forge, run_id, attempt=attempt):
            return Resumption(run_id=run_id, rerun=False, reason=f"{cloud} has not taken its instance back")
        reason = f"{cloud} took its spot instance back"
    forge.rerun(run_id)
    return Resumption(run_id=run_id, rerun=True, reason=reason)


def was_interrupted(forge: WorkflowForge, run_id: str, *, attempt: int) -> bool:
    """Return whether a job of that attempt reported a spot interruption."""
    return INTERRUPTION in forge.annotation_titles(run_id, attempt=attempt)


class Interruptions:
    """The spot instances of one attempt that the cloud took back.

    Args:
        forge: Has the jobs' reports, as the cloud shows no reason for an instance that powers off in time; if None,
            only the cloud is asked.
    """

    def __init__(self, workflow_run: WorkflowRun, *, forge: WorkflowForge | None) -> None:
        self._workflow_run = workflow_run
        self._forge = forge
        self._said: bool | CmlkitError | None = None

    def look(self, instances: Sequence[Instance]) -> None:
        """Read the jobs' reports if a spot instance is among these; an error is kept for `tag`."""
        if self._forge is None or self._said is not None or not self._spot(instances):
            return
        run = self._workflow_run
        try:
            self._said = was_interrupted(self._forge, run.run_id, attempt=run.attempt)
        except CmlkitError as error:
            self._said = error

    def tag(self, instances: Sequence[Instance], *, clouds: Sequence[LaunchingCloud], clock: Clock) -> tuple[str, ...]:
        """Tag the instances that the cloud took back; return their ids.

        Raises:
            PermissionDenied: The forge may not be asked, or an instance may not be tagged.
        """
        self.look(instances)
        if isinstance(self._said, CmlkitError):
            raise self._said
        spot = self._spot(instances)
        ids = [item.id for item in spot if self._said or item.taken_back]
        for cloud in clouds:
            if here := [item.id for item in spot if item.id in ids and item.region == cloud.region]:
                cloud.tag(here, {lease.INTERRUPTED: str(int(clock.now()))})
        return tuple(ids)

    def _spot(self, instances: Sequence[Instance]) -> list[Instance]:
        return [item for item in instances if item.market == "spot" and _is_of(self._workflow_run, item)]


def _is_of(workflow_run: WorkflowRun, instance: Instance) -> bool:
    return instance.tags.get(lease.ATTEMPT) == str(workflow_run.attempt)


def after_interruption(spec: RunnerSpec, workflow_run: WorkflowRun, clouds: Sequence[LaunchingCloud]) -> RunnerSpec:
    """Return the spec for this attempt: on demand if `runner stop` tagged an earlier instance as interrupted.

    Clouds show instances for about an hour after their end.
    """
    if workflow_run.attempt == 1 or spec.market == "on-demand":
        return spec
    tags = {**lease.tags_of_run(workflow_run), lease.INTERRUPTED: ""}
    return replace(spec, market="on-demand") if any(cloud.instances(tags=tags) for cloud in clouds) else spec
