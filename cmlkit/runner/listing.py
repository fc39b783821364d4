"""Listing cmlkit's own instances."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease


def list_instances(
    *,
    cloud_for: Callable[[str], LaunchingCloud],
    regions: Sequence[str] = (),
    workflow_run: WorkflowRun | None = None,
    repository: str = "",
) -> list[Instance]:
    """Return cmlkit's instances that are not terminated yet, oldest first.

    Args:
        regions: Regions to search; the environment's region if empty.
        workflow_run: Return only those of this run.
        repository: Return only those of this repository; of any if empty.
    """
    of_any = lease.tags_of_repository(repository) if repository else {lease.RUN: ""}
    tags = lease.tags_of_run(workflow_run) if workflow_run else of_any
    found = [instance for region in regions or ("",) for instance in cloud_for(region).instances(tags=tags)]
    return sorted((item for item in found if item.state != "terminated"), key=lambda item: item.launched)
