"""The edges, built from the environment: tokens, GitHub, AWS, and the workflow run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.ci import github_actions
from cmlkit.errors import PermissionDenied, SettingsError
from cmlkit.records.workflow_run import WorkflowRun

if TYPE_CHECKING:
    from cmlkit.cli.options import Invocation
    from cmlkit.clouds.base import Cloud
    from cmlkit.forges.github import GitHub
    from cmlkit.git.access import GitAccess

API_URL = "https://api.github.com"
TOKENS = ("CMLKIT_TOKEN", "GITHUB_TOKEN", "REPO_TOKEN")
RUNNER_TOKENS = ("CMLKIT_RUNNER_TOKEN", *TOKENS)


def github(invocation: Invocation, workflow_run: WorkflowRun) -> GitHub:
    """The repository's GitHub, with the token of the environment.

    Raises:
        PermissionDenied: No token is set.
    """
    from cmlkit.forges.github import GitHub

    return GitHub(**_options(invocation, workflow_run))


def publishing_github(invocation: Invocation, workflow_run: WorkflowRun) -> GitHub:
    """The repository's GitHub, with the fork that the settings name for branches.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The fork's name is malformed, or that of the repository.
    """
    spec = invocation.settings.publish
    if not spec.fork:
        return github(invocation, workflow_run)
    from cmlkit.forges.github.forked import ForkedGitHub

    return ForkedGitHub(fork=spec.fork, base=spec.base, **_options(invocation, workflow_run))


def _options(invocation: Invocation, workflow_run: WorkflowRun) -> dict[str, Any]:
    return {
        "repository": workflow_run.repository,
        "token": _token(invocation.environ, TOKENS, workflow_run),
        "api_url": invocation.environ.get("GITHUB_API_URL") or API_URL,
        "notify": invocation.progress.note,
        "environ": invocation.environ,
    }


def github_if_any(invocation: Invocation, workflow_run: WorkflowRun) -> GitHub | None:
    """The repository's GitHub, for what is only nice to know; None without a token."""
    has_token = any(invocation.environ.get(name, "").strip() for name in TOKENS)
    return github(invocation, workflow_run) if has_token else None


def git_access(environ: Mapping[str, str]) -> GitAccess | None:
    """The way to the repository of the workflow run with the token of the environment; None outside of one."""
    token = next((token for name in TOKENS if (token := environ.get(name, "").strip())), "")
    server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    if not (token and server and repository):
        return None
    from cmlkit.git.access import GitAccess, basic

    return GitAccess(url=f"{server.rstrip('/')}/{repository}.git", authorization=basic("x-access-token", token))


def runner_github(invocation: Invocation, workflow_run: WorkflowRun) -> GitHub:
    """GitHub with the token, and in the scope, that registering runners takes.

    Raises:
        PermissionDenied: No token is set.
        SettingsError: The organisation has no runner group of the name that the settings give.
    """
    from cmlkit.forges.github import GitHub

    spec = invocation.settings.runner
    forge = GitHub(
        repository=workflow_run.repository,
        token=_runner_token(invocation, workflow_run),
        api_url=invocation.environ.get("GITHUB_API_URL") or API_URL,
        runner_scope="organisation" if spec.scope == "organisation" else "repository",
        notify=invocation.progress.note,
    )
    forge.use_runner_group(spec.runner_group)
    return forge


def _runner_token(invocation: Invocation, workflow_run: WorkflowRun) -> str:
    """CMLKIT_RUNNER_TOKEN, else a token of the GitHub App, else the token for everything."""
    environ = invocation.environ
    app_id, private_key = environ.get("CMLKIT_APP_ID", ""), environ.get("CMLKIT_APP_PRIVATE_KEY", "")
    if environ.get(RUNNER_TOKENS[0], "").strip() or not (app_id or private_key):
        return _token(environ, RUNNER_TOKENS, workflow_run)
    if not (app_id and private_key):
        raise SettingsError(
            "Only one of CMLKIT_APP_ID and CMLKIT_APP_PRIVATE_KEY is set.", next_step="Set both in the step's env."
        )
    from cmlkit.forges.github.app import installation_token

    return installation_token(
        app_id=app_id,
        private_key=private_key,
        repository=workflow_run.repository,
        api_url=environ.get("GITHUB_API_URL") or API_URL,
    )


def _token(environ: Mapping[str, str], names: Sequence[str], workflow_run: WorkflowRun) -> str:
    for name in names:
        if token := environ.get(name, "").strip():
            return token
    hint = " Registering runners takes more than the workflow's own GITHUB_TOKEN." if names is RUNNER_TOKENS else ""
    raise PermissionDenied(
        f"No GitHub token is set for {workflow_run.repository}.",
        next_step=f"Set one of {', '.join(names)} in the step's env.{hint}",
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
