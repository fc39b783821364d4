"""The GitHub CLI, if it is installed: the token that it keeps for a server, and secrets that it encrypts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from cmlkit.errors import PermissionDenied, ServiceError

TOKEN_SECONDS, SECRET_SECONDS = 3.0, 60.0


def stored_token(server_url: str, environ: Mapping[str, str]) -> str:
    """Return the token that the CLI keeps for the server, and for no other; empty without one.

    https://cli.github.com/manual/gh_auth_token
    """
    command = ["auth", "token", "--hostname", urlsplit(server_url).netloc]
    try:
        done = _run(command, environ, timeout=TOKEN_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def set_secret(server_url: str, repository: str, name: str, value: str, *, environ: Mapping[str, str]) -> None:
    """Store a secret of the repository; the value goes to the CLI's standard input, which encrypts it.

    https://cli.github.com/manual/gh_secret_set

    Raises:
        PermissionDenied: The CLI is not installed, or may not store it.
        ServiceError: It does not end.
    """
    page = f"{server_url}/{repository}/settings/secrets/actions"
    command = ["secret", "set", name, "--repo", f"{urlsplit(server_url).netloc}/{repository}"]
    try:
        done = _run(command, environ, timeout=SECRET_SECONDS, send=value.encode())
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            f"gh secret set took more than {SECRET_SECONDS:.0f} s.", next_step=f"Set it: {page}"
        ) from error
    except OSError as error:
        raise PermissionDenied(
            f"The secret {name} was not set: it must be encrypted, and gh, which does it, is not installed.",
            next_step=f"Install the GitHub CLI, https://cli.github.com, or set it by hand: {page}",
        ) from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").replace(value, "***").strip()
        raise PermissionDenied(f"gh did not set the secret {name}: {said}.", next_step=f"gh auth login, or: {page}")


def _run(
    arguments: Sequence[str], environ: Mapping[str, str], *, timeout: float, send: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    # It asks nothing here, and looks for no newer version of itself.
    quiet = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
    return subprocess.run(
        ["gh", *arguments], input=send, env={**environ, **quiet}, capture_output=True, timeout=timeout, check=False
    )
