"""The edges, built from the environment: the forge, AWS, and the workflow run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cmlkit.ci import github_actions
from cmlkit.forges import forge_module
from cmlkit.records.workflow_run import WorkflowRun

if TYPE_CHECKING:
    from cmlkit.cli.options import Invocation
    from cmlkit.clouds.base import Cloud
    from cmlkit.forges.base import Forge, PublishForge
    from cmlkit.forges.runners import RunnerForge
    from cmlkit.git.access import GitAccess


def forge(invocation: Invocation, workflow_run: WorkflowRun) -> Forge:
    """The repository on its forge, with the token of the environment.

    Raises:
        PermissionDenied: No token is set.
    """
    return forge_module().open_forge(
        repository=workflow_run.repository, environ=invocation.environ, notify=invocation.progress.note
    )


def publishing_forge(invocation: Invocation, workflow_run: WorkflowRun) -> PublishForge:
    """The repository on its forge, with the fork that the settings name for branches.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The fork's name is malformed, or that of the repository.
    """
    spec = invocation.settings.publish
    return forge_module().open_for_publishing(
        repository=workflow_run.repository,
        environ=invocation.environ,
        notify=invocation.progress.note,
        fork=spec.fork,
        base=spec.base,
    )


def forge_if_any(invocation: Invocation, workflow_run: WorkflowRun) -> Forge | None:
    """The repository on its forge, for what is only nice to know; None without a token."""
    return forge(invocation, workflow_run) if forge_module().TOKENS.found(invocation.environ) else None


def git_access(environ: Mapping[str, str]) -> GitAccess | None:
    """The way to the repository of the workflow run with the token of the environment; None outside of one."""
    return forge_module().git_access(environ)


def runner_forge(invocation: Invocation, workflow_run: WorkflowRun) -> RunnerForge:
    """The forge with the token, and in the scope, that registering runners takes.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The organisation has no runner group of the name that the settings give.
    """
    spec = invocation.settings.runner
    return forge_module().open_for_runners(
        repository=workflow_run.repository,
        environ=invocation.environ,
        notify=invocation.progress.note,
        scope=spec.scope,
        group=spec.runner_group,
    )


def workflow_run(environ: Mapping[str, str], *, directory: Path = Path(), local_id: str = "") -> WorkflowRun:
    """The run of the environment, or one for this checkout outside Actions, where `local_id` or chance names it."""
    if environ.get("GITHUB_REPOSITORY") and environ.get("GITHUB_SHA"):
        return github_actions.workflow_run(environ, local_id=local_id)
    from cmlkit.git import checkout

    return github_actions.workflow_run(
        environ,
        repository="" if environ.get("GITHUB_REPOSITORY") else checkout.remote_repository(directory),
        commit=checkout.head_commit(directory),
        local_id=local_id,
    )


def clouds(environ: Mapping[str, str]) -> Callable[[str], Cloud]:
    """Region -> cloud, that of AWS_REGION for an empty name.

    boto3 itself reads the rest: credentials, AWS_ENDPOINT_URL, AWS_PROFILE and AWS_DEFAULT_REGION, but not AWS_REGION.
    """
    from cmlkit.clouds.aws import regions

    cloud_for = regions()
    return lambda region: cloud_for(region or environ.get("AWS_REGION", ""))
