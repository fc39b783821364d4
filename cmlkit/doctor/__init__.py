"""The doctor: check what a launch and a publish need from AWS and GitHub, without creating or changing anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cmlkit.clouds.base import CloudFor
from cmlkit.doctor import aws, github, project, workflows
from cmlkit.doctor.finding import Finding, first_failure
from cmlkit.doctor.workflows import Named
from cmlkit.forges.access import AccessForge
from cmlkit.forges.runners import RunnerForge
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import Settings

__all__ = ["Finding", "examine", "first_failure"]


def examine(
    settings: Settings,
    *,
    workflow_run: WorkflowRun,
    publish_forge: Callable[[], AccessForge],
    runner_forge: Callable[[], RunnerForge],
    cloud_for: CloudFor,
    directory: Path,
    now: float,
    named: Named | None = None,
    seconds: float | None = None,
) -> tuple[Finding, ...]:
    """Return all findings about the project, GitHub and AWS. Errors that cmlkit explains become findings.

    Args:
        publish_forge: Opens GitHub with the token that publishes; if it raises, that is a finding, too.
        runner_forge: Opens GitHub with the token that registers runners.
        directory: The project's folder.
        now: Seconds since the epoch on this machine's clock.
        named: What the repository's workflows name, to look at them, too. None if only what this process has counts, as
            for a launch.
        seconds: How long to wait for each service's first answer; for as long as a launch would if None.
    """
    spec = settings.runner
    looks: list[Callable[[], tuple[Finding, ...]]] = [
        lambda: project.examined(settings, directory),
        lambda: tuple(workflows.examined(named, notify=settings.publish.notify)) if named else (),
        lambda: github.publishing(publish_forge, now, named=named or Named(), seconds=seconds),
        lambda: github.registering(runner_forge, seconds=seconds),
        lambda: aws.examined(spec, workflow_run=workflow_run, cloud_for=cloud_for, now=now, seconds=seconds),
    ]
    with ThreadPoolExecutor(max_workers=len(looks)) as pool:
        return tuple(finding for findings in pool.map(lambda look: look(), looks) for finding in findings)
