"""GitHub: the forge, through its REST API and, where that falls short, GraphQL.

This module opens it from the environment. The forge itself, `GitHub`, is imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cmlkit.errors import SettingsError
from cmlkit.forges.github.facts import FACTS
from cmlkit.forges.github.hosts import API_URL, API_VARIABLE, environ_at, stored_under, withheld
from cmlkit.forges.tokens import Tokens
from cmlkit.settings import variables

if TYPE_CHECKING:
    from cmlkit.forges.github.repository import GitHub as GitHub
    from cmlkit.git.access import GitAccess

__all__ = ["API_URL", "FACTS", "GitHub", "environ_at", "signing_in", "with_stored_token", "withheld"]

# The workflow's own, the only one but a GitHub App's that may create checks.
JOB_VARIABLE = "GITHUB_TOKEN"
TOKENS = Tokens(
    forge=FACTS.name,
    variables=(variables.TOKEN, JOB_VARIABLE, "REPO_TOKEN", "repo_token"),
    keeper="the GitHub CLI",
)
RUNNER_TOKENS = Tokens(
    forge=FACTS.name,
    # The workflow's own token goes last: it never may.
    variables=(variables.RUNNER_TOKEN, variables.TOKEN, "REPO_TOKEN", "repo_token", JOB_VARIABLE),
    advice="Registering runners takes more than the workflow's own GITHUB_TOKEN: a fine-grained token or a GitHub App"
    " with the repository permission Administration: Read and write, or a classic token with the scope repo.",
)
# A GitHub App, instead of a token, for runners.
APP_ID, APP_PRIVATE_KEY = variables.APP_ID, variables.APP_PRIVATE_KEY


def open_forge(
    *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], hurried: bool = False
) -> GitHub:
    """Return the repository, with the token of the environment."""
    from cmlkit.forges.github.repository import GitHub

    token, job_token = TOKENS.required(environ, repository=repository), environ.get(JOB_VARIABLE, "").strip()
    return GitHub(
        repository=repository,
        token=token,
        checks_token=job_token if job_token != token else "",
        api_url=_api_url(environ),
        notify=notify,
        environ=environ,
        hurried=hurried,
    )


def open_for_publishing(
    *, repository: str, environ: Mapping[str, str], notify: Callable[[str], None], fork: str, base: str
) -> GitHub:
    """Return the repository, with branches and commits in the fork, if one is named."""
    github = open_forge(repository=repository, environ=environ, notify=notify)
    return github.with_fork(fork, base=base) if fork else github


def open_for_runners(
    *,
    repository: str,
    environ: Mapping[str, str],
    notify: Callable[[str], None],
    keep_secret: Callable[[str], None],
    scope: str,
    group: str,
    hurried: bool = False,
) -> GitHub:
    """Return the repository with the token, and in the scope, that registering runners takes."""
    from cmlkit.forges.github.repository import GitHub

    by_app = _uses_app(environ)
    github = GitHub(
        repository=repository,
        token=(
            _app_token(repository, environ, keep_secret)
            if by_app
            else RUNNER_TOKENS.required(environ, repository=repository)
        ),
        is_of_app=by_app,
        api_url=_api_url(environ),
        runner_scope="organisation" if scope == "organisation" else "repository",
        notify=notify,
        hurried=hurried,
        keep_secret=keep_secret,
    )
    github.use_runner_group(group)
    return github


def with_stored_token(server_url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the token that the GitHub CLI keeps for the server, unless another is set."""
    name = stored_under(server_url, environ)
    if not name or TOKENS.found(environ_at(server_url, environ)):
        return environ
    from cmlkit.forges.github.command_line import stored_token

    token = stored_token(server_url, environ)
    return {**environ, name: token} if token else environ


def signing_in(server_url: str, environ: Mapping[str, str]) -> str:
    """Return how a person gets a token for the server: the GitHub CLI's, or one in a variable that reaches it."""
    name = stored_under(server_url, environ)
    if not name:
        return f"Set {variables.TOKEN} to a token for {environ[API_VARIABLE]}."
    return (
        f"Sign in with the GitHub CLI: gh auth login --hostname {urlsplit(server_url).netloc}; or set {name} to a token"
        " that may write contents and pull requests."
    )


def git_access(environ: Mapping[str, str]) -> GitAccess | None:
    """Return how git reaches the repository of the workflow run; None outside of one, or without a token."""
    token = TOKENS.found(environ)
    server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    if not (token and server and repository):
        return None
    from cmlkit.git.access import GitAccess, basic

    return GitAccess(url=f"{server.rstrip('/')}/{repository}.git", authorization=basic("x-access-token", token))


def _api_url(environ: Mapping[str, str]) -> str:
    return environ.get(API_VARIABLE) or API_URL


def _uses_app(environ: Mapping[str, str]) -> bool:
    """Return whether a GitHub App registers runners; CMLKIT_RUNNER_TOKEN goes before it, other tokens after it."""
    is_named = bool(environ.get(APP_ID) or environ.get(APP_PRIVATE_KEY))
    return is_named and not environ.get(RUNNER_TOKENS.variables[0], "").strip()


def _app_token(repository: str, environ: Mapping[str, str], keep_secret: Callable[[str], None]) -> str:
    app_id, private_key = environ.get(APP_ID, ""), environ.get(APP_PRIVATE_KEY, "")
    if not (app_id and private_key):
        raise SettingsError(
            f"Only one of {APP_ID} and {APP_PRIVATE_KEY} is set.", next_step="Set both in the step's env."
        )
    from cmlkit.forges.github.app import installation_token

    return installation_token(
        app_id=app_id,
        private_key=private_key,
        repository=repository,
        api_url=_api_url(environ),
        keep_secret=keep_secret,
    )


def __getattr__(name: str) -> Any:
    if name != "GitHub":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cmlkit.forges.github.repository import GitHub

    globals()[name] = GitHub
    return GitHub
