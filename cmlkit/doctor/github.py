"""Checks of GitHub: the tokens, their permissions, and the repository's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from cmlkit.doctor.finding import Finding, clock_finding, failed, first_answer, looked, ok, untold, warning
from cmlkit.doctor.workflows import Named
from cmlkit.errors import CmlkitError, PermissionDenied, SettingsError
from cmlkit.forges.access import Access, AccessForge
from cmlkit.forges.runners import RunnerForge
from cmlkit.formats import plural

DAY_SECONDS = 86_400.0
# Long enough to make a new token before the old one fails at 08:00 on a holiday.
EXPIRY_WARNING_SECONDS = 7 * DAY_SECONDS
# A launch and a publish take a few dozen.
FEW_REQUESTS = 100
# https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
PUBLISHING_SCOPES = {"repo", "public_repo"}
PULL_REQUESTS_SETTING = (
    "Settings > Actions > General > Allow GitHub Actions to create and approve pull requests; or publish with another"
    " token in CMLKIT_TOKEN."
)
SETTING = "Set it, as in: cmlkit access github --set; or under Settings > Secrets and variables > Actions."


def publishing(
    forge: Callable[[], AccessForge], now: float, *, named: Named, seconds: float | None
) -> tuple[Finding, ...]:
    """Return whether the token for publishing suffices.

    Args:
        now: Seconds since the epoch.
        seconds: As in `first_answer`.
    """
    found = looked("GitHub token", lambda: _publishing(forge(), now, named, seconds))
    further = "The repository, and what is set there for workflows,"
    return (*found, *untold("GitHub repository", found, what=further))


def registering(forge: Callable[[], RunnerForge], *, seconds: float | None) -> tuple[Finding, ...]:
    """Return whether the token for registering runners suffices; `seconds` as in `first_answer`."""
    return looked("GitHub runners", lambda: _runners(forge, seconds))


def _publishing(forge: AccessForge, now: float, named: Named, seconds: float | None) -> Iterator[Finding]:
    access = first_answer("GitHub", forge.access, seconds=seconds)
    yield ok("GitHub token", f"It is {access.kind}, and sees {access.repository}.")
    yield from _validity(access, now)
    yield from clock_finding("GitHub clock", theirs=access.server_time, ours=now)
    yield from _repository(access)
    yield from _pull_requests(forge, access)
    for name in named.secrets:
        yield from _named(f"secret {name}", partial(forge.has_secret, name), named)
    for name in named.variables:
        yield from _named(f"variable {name}", partial(forge.variable, name), named)


def _named(what: str, look: Callable[[], object], named: Named) -> Iterator[Finding]:
    """Look whether a secret or variable that a workflow of the repository names is set."""
    try:
        there = look()
    except CmlkitError:
        detail = f"This token cannot tell whether the {what} is set."
        yield warning("GitHub settings", detail, "Look under Settings > Secrets and variables > Actions.")
        return
    if there:
        yield ok("GitHub settings", f"The {what} is set.")
    elif named.has_environments:
        detail = f"The {what} is missing, unless the environment of the job that needs it has it."
        yield warning("GitHub settings", detail, SETTING)
    else:
        missing = SettingsError(f"The {what}, which a workflow here needs, is missing.", next_step=SETTING)
        yield failed("GitHub settings", missing)


def _validity(access: Access, now: float) -> Iterator[Finding]:
    if access.expires is not None:
        days = (access.expires - now) / DAY_SECONDS
        detail = f"The token is valid for {plural(round(days), 'more day')}."
        if access.expires - now < EXPIRY_WARNING_SECONDS:
            yield warning("GitHub token", detail, "Make a new one, and store it as the secret.")
        else:
            yield ok("GitHub token", detail)
    if access.scopes is not None and not PUBLISHING_SCOPES & set(access.scopes):
        yield failed(
            "GitHub token",
            PermissionDenied(
                f"The classic token has the scopes {', '.join(access.scopes) or 'none'}, but not repo.",
                next_step="Give it the scope repo, or use a fine-grained token.",
            ),
        )
    if access.requests_left is not None and access.requests_left < FEW_REQUESTS:
        yield warning("GitHub rate limit", f"{access.requests_left} requests are left for this hour.")


def _repository(access: Access) -> Iterator[Finding]:
    if access.archived:
        archived = SettingsError(f"{access.repository} is archived: nothing can be written.", next_step="Unarchive it.")
        yield failed("GitHub repository", archived)
    elif access.may_push is False:
        refused = PermissionDenied(
            f"The token may not write to {access.repository}.",
            next_step=access.advice,
        )
        yield failed("GitHub repository", refused)
    else:
        yield ok("GitHub repository", f"{access.repository} can be written; its default branch is {access.branch}.")


def _pull_requests(forge: AccessForge, access: Access) -> Iterator[Finding]:
    if not access.is_workflows:
        return
    try:
        allowed = forge.actions_may_create_pull_requests()
    except CmlkitError:
        detail = "This token cannot tell whether workflows may open pull requests."
        yield warning("GitHub pull requests", detail, f"Check {PULL_REQUESTS_SETTING}")
        return
    if allowed:
        yield ok("GitHub pull requests", "Workflows may open pull requests.")
    else:
        error = PermissionDenied("Workflows may not open pull requests here.", next_step=PULL_REQUESTS_SETTING)
        yield failed("GitHub pull requests", error)


def _runners(opened: Callable[[], RunnerForge], seconds: float | None) -> Iterator[Finding]:
    """List runners, which needs only read access: registering needs write access, so a launch may still fail."""

    def listed() -> tuple[RunnerForge, int]:
        # A GitHub App's token and a group's name are asked for when it is opened.
        forge = opened()
        return forge, len(forge.runners())

    forge, count = first_answer("GitHub", listed, seconds=seconds)
    yield ok("GitHub runners", f"The token may list self-hosted runners; there are {count} now.")
    yield from _group(forge)
    yield ok("GitHub runners", f"GitHub offers {forge.runner_download(architecture='x64').filename}.")


def _group(forge: RunnerForge) -> Iterator[Finding]:
    """Look whether GitHub gives the organisation's runners jobs of this repository: else they wait for a day."""
    group = forge.runner_group()
    if group is None:
        return
    if not group.is_closed:
        yield ok("GitHub runner group", f"Runners of the group {group.name} may take jobs of this repository.")
        return
    closed = SettingsError(
        f"Runners of the group {group.name} take no jobs of public repositories, and this repository is public.",
        next_step="Let an owner of the organisation turn on 'Allow public repositories' for the group under Settings >"
        " Actions > Runner groups, or register with the repository: runner.scope: repository.",
    )
    yield failed("GitHub runner group", closed)
