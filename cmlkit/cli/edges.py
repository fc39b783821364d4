"""The edges, built from the environment: tokens, GitHub, AWS, and the workflow run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cmlkit import actions
from cmlkit.config import RunnerSpec
from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.run import WorkflowRun

if TYPE_CHECKING:
    from cmlkit.clouds.base import Cloud
    from cmlkit.forges.github import GitHub
    from cmlkit.progress import Progress

TOKENS = ("CMLKIT_TOKEN", "GITHUB_TOKEN", "REPO_TOKEN")
RUNNER_TOKENS = ("CMLKIT_RUNNER_TOKEN", *TOKENS)


def github(
    environ: Mapping[str, str], workflow_run: WorkflowRun, progress: Progress, *, for_runners: bool = False
) -> GitHub:
    """The repository's GitHub, with the token of the environment.

    Raises:
        PermissionDenied: No token is set.
    """
    from cmlkit.forges.github import GitHub

    names = RUNNER_TOKENS if for_runners else TOKENS
    token = next((environ[name].strip() for name in names if environ.get(name, "").strip()), "")
    if not token:
        raise PermissionDenied(
            f"No GitHub token is set for {workflow_run.repository}.",
            next_step=f"Set one of {', '.join(names)} in the step's env."
            + (" Registering runners takes more than the workflow's own GITHUB_TOKEN." if for_runners else ""),
        )
    url = environ.get("GITHUB_API_URL") or "https://api.github.com"
    return GitHub(repository=workflow_run.repository, token=token, api_url=url, notify=progress.note)


def workflow_run(environ: Mapping[str, str], *, directory: Path = Path()) -> WorkflowRun:
    """The run of the environment, or one for this checkout outside Actions."""
    if environ.get("GITHUB_REPOSITORY") and environ.get("GITHUB_SHA"):
        return actions.workflow_run(environ)
    from cmlkit import git

    return actions.workflow_run(
        environ,
        repository="" if environ.get("GITHUB_REPOSITORY") else git.remote_repository(directory),
        commit=git.head_commit(directory),
    )


def with_regions(spec: RunnerSpec, environ: Mapping[str, str]) -> RunnerSpec:
    """The spec with AWS's own region variables where the settings name none.

    Raises:
        SettingsError: No region is known.
    """
    if spec.region:
        return spec
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise SettingsError(
            "No AWS region is set.", next_step="Set runner.region in cmlkit.yaml, --region, or AWS_REGION."
        )
    return dataclasses.replace(spec, region=(region,))


def clouds() -> Callable[[str], Cloud]:
    """Region -> cloud. boto3 reads its own variables: credentials, AWS_ENDPOINT_URL, AWS_PROFILE."""
    from cmlkit.clouds.aws import AwsCloud

    return lambda region: AwsCloud(region=region)
