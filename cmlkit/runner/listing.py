"""Listing: the instances of ours that are still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease


def list_instances(
    *, cloud_for: Callable[[str], LaunchingCloud], regions: Sequence[str] = (), workflow_run: WorkflowRun | None = None
) -> list[Instance]:
    """Instances of ours that are not terminated yet, oldest first; of one workflow run only, if it is given."""
    marks = lease.marks(workflow_run) if workflow_run else {lease.RUN: ""}
    found = [instance for region in regions or ("",) for instance in cloud_for(region).instances(tags=marks)]
    return sorted((item for item in found if item.state != "terminated"), key=lambda item: item.launched)
