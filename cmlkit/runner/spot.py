"""Resuming: whether AWS took a run's instances back, and running it again, on demand, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cmlkit.clock import Clock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.forges.workflows import WorkflowForge
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.settings.schema import RunnerSpec

INTERRUPTION = "Spot interruption"
"""Title of the annotation that the boot script, or `runner stop`, puts on the page of an interrupted run."""

# What EC2 gives as the reason of an instance that it ended itself.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
_TAKEN_BACK = "Server.SpotInstanceTermination"


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """What became of the wish to run a workflow again; `reason` says why it was done, or was not."""

    run_id: str
    rerun: bool
    reason: str


def rerun(forge: WorkflowForge, run_id: str, *, if_interrupted: bool = False) -> Resumption:
    """Run all jobs of a workflow run again: the one that launches, too, as its instance is gone.

    Args:
        if_interrupted: Whether to do so only in the first attempt, and only where AWS took an instance back.

    Raises:
        PermissionDenied: The token may not, or the run is not over.
        NotFound: There is no such run.
    """
    reason = "it was asked for"
    if if_interrupted:
        attempt = forge.run_attempt(run_id)
        if attempt > 1:
            return Resumption(run_id=run_id, rerun=False, reason=f"it was tried {attempt} times already")
        if not was_interrupted(forge, run_id, attempt=attempt):
            return Resumption(run_id=run_id, rerun=False, reason="AWS has not taken its instance back")
        reason = "AWS took its spot instance back"
    forge.rerun(run_id)
    return Resumption(run_id=run_id, rerun=True, reason=reason)


def was_interrupted(forge: WorkflowForge, run_id: str, *, attempt: int) -> bool:
    """Whether a job of that attempt has said so."""
    return INTERRUPTION in forge.annotation_titles(run_id, attempt=attempt)


def taken_back(instance: Instance) -> bool:
    """Whether AWS itself ended this spot instance."""
    return _TAKEN_BACK in instance.reason


def mark(
    instances: Sequence[Instance],
    workflow_run: WorkflowRun,
    *,
    clouds: Sequence[LaunchingCloud],
    forge: WorkflowForge | None,
    clock: Clock,
) -> tuple[str, ...]:
    """Tag those spot instances of this attempt that AWS took back; their ids.

    Args:
        forge: Tells what the jobs have said of it, as an instance that powers off in time gives no reason to AWS; what
            AWS says alone counts when None.

    Raises:
        PermissionDenied: The forge may not be asked, or an instance not be tagged.
    """
    spot = [item for item in instances if item.market == "spot" and _is_of(workflow_run, item)]
    if not spot:
        return ()
    said = forge is not None and was_interrupted(forge, workflow_run.run_id, attempt=workflow_run.attempt)
    ids = [item.id for item in spot if said or taken_back(item)]
    for cloud in clouds:
        if here := [item.id for item in spot if item.id in ids and item.region == cloud.region]:
            cloud.tag(here, {lease.INTERRUPTED: str(int(clock.now()))})
    return tuple(ids)


def _is_of(workflow_run: WorkflowRun, instance: Instance) -> bool:
    return instance.tags.get(lease.ATTEMPT) == str(workflow_run.attempt)


def after_interruption(spec: RunnerSpec, workflow_run: WorkflowRun, clouds: Sequence[LaunchingCloud]) -> RunnerSpec:
    """The spec for this attempt: on demand where `runner stop` marked an instance of an earlier one as interrupted.

    EC2 shows instances for about an hour after their end.
    """
    if workflow_run.attempt == 1 or spec.market == "on-demand":
        return spec
    marks = {**lease.marks(workflow_run), lease.INTERRUPTED: ""}
    return replace(spec, market="on-demand") if any(cloud.instances(tags=marks) for cloud in clouds) else spec
