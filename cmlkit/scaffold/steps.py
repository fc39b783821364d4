"""The steps that remain once the files are written."""

from __future__ import annotations

from collections.abc import Mapping

from cmlkit.git.remote import Remote

OIDC_GUIDE = "https://github.com/cmlkit/cmlkit/blob/main/docs/how-to/oidc.md"


def steps(files: str, *, environ: Mapping[str, str], origin: Remote | None) -> list[str]:
    """Return what a person has to do once the files are written, with the pages of GitHub where it is done.

    Args:
        files: The text of the files.
        origin: The repository on its server; None if unknown.
    """
    server = environ.get("GITHUB_SERVER_URL") or (origin.server if origin else "https://github.com")
    page = f"{server}/{origin.repository if origin else 'OWNER/REPOSITORY'}/settings"
    found = _credential_steps(files, server=server, page=page)
    if "command: publish" in files:
        found.append(f"Allow GitHub Actions to create pull requests: {page}/actions")
    check = "; then see whether all is well: cmlkit doctor" if "secrets." in files else ""
    return [*found, f"Commit the files and push them{check}"]


def _credential_steps(workflow: str, *, server: str, page: str) -> list[str]:
    """Return what a person has to do so that a workflow may register runners and gets into the cloud."""
    steps = []
    if "secrets.CMLKIT_RUNNER_TOKEN" in workflow:
        tokens = f"{server}/settings/personal-access-tokens/new"
        steps.append(f"Make a fine-grained token with Administration: write: {tokens}")
        steps.append(f"Store it as the secret CMLKIT_RUNNER_TOKEN: {page}/secrets/actions")
    if "secrets.AWS_ACCESS_KEY_ID" in workflow:
        steps.append(f"Store the secrets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: {page}/secrets/actions")
    if "vars.AWS_ROLE_ARN" in workflow:
        steps.append(f"Make a role in AWS that the workflow may assume, with cmlkit access aws --write: {OIDC_GUIDE}")
        steps.append(f"Store its ARN as the variable AWS_ROLE_ARN: {page}/variables/actions")
    return steps
