"""Refusals: the error, its cause and the next step for each refusing answer of GitHub."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from cmlkit.errors import CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.github.permissions import SCOPED, Kind, Needs, advice, scope_advice, scopes_in, workflows_advice

# GitHub asks for at least a minute where a secondary limit comes without `retry-after`.
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
SECONDARY_LIMIT_WAIT_SECONDS = 60.0

_NEEDS_LOGIN = "Set CMLKIT_TOKEN to a token that is valid; the one in use is expired, revoked or mistyped."


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A refusal that only its message identifies."""

    message: str
    error: type[ServiceError] | type[PermissionDenied]
    next_step: str = ""


_KNOWN = (
    _Known(
        message="not permitted to create or approve pull requests",
        error=PermissionDenied,
        next_step="Turn on 'Allow GitHub Actions to create and approve pull requests' under Settings > Actions >"
        " General > Workflow permissions (an organisation may have to allow it first), or use a GitHub App's token.",
    ),
    _Known(
        message="must authenticate via a GitHub App",
        error=PermissionDenied,
        next_step="Only GITHUB_TOKEN (with checks: write) and GitHub Apps may do this; personal access tokens may not.",
    ),
    # Before the two below: an answer with these words has one of theirs as well.
    _Known(
        message="must have verified signatures",
        error=PermissionDenied,
        next_step="The branch takes signed commits only. GitHub signs those of GITHUB_TOKEN and of GitHub Apps whatever"
        " their size, and those of a personal token up to 5 MiB: use one of the former, or keep the model elsewhere"
        " by publish.store.",
    ),
    _Known(
        message="Repository rule violations",
        error=PermissionDenied,
        next_step="A ruleset of the repository forbids it: see Settings > Rules > Rulesets, and let the token's actor"
        " bypass it, or choose another branch with --branch.",
    ),
    _Known(
        message="protected branch",
        error=PermissionDenied,
        next_step="The branch is protected: see Settings > Branches, or choose another branch with --branch.",
    ),
    _Known(
        message="was archived",
        error=PermissionDenied,
        next_step="The repository is archived, so nothing in it can change: unarchive it under Settings > General.",
    ),
    _Known(
        message="Issues are disabled",  # with the status 410
        error=NotFound,
        next_step="Turn Issues on under Settings > General > Features, or leave out publish.notify.",
    ),
    _Known(
        message="IP allow list",
        error=PermissionDenied,
        next_step="The organisation admits certain addresses only: add this machine's, or run elsewhere.",
    ),
    _Known(message="Reference already exists", error=Conflict),
    _Known(message="Reference does not exist", error=Conflict),
    _Known(message="not a fast forward", error=Conflict),
    _Known(
        message="Reference update failed",
        error=ServiceError,
        next_step="GitHub does not say why. A rule may protect the name (Settings > Rules), or a branch may have the"
        " name of its folder: with a branch `a` there is no `a/b`.",
    ),
    _Known(message="pull request already exists", error=Conflict),
    _Known(message="running a job", error=Conflict, next_step="Wait until the job has ended, or cancel it."),
    _Known(
        message="Git Repository is empty",
        error=NotFound,
        next_step="Push a first commit to it; there is no branch yet that a pull request could target.",
    ),
)


# What GitHub says of a branch, commit or pull request that it has made a moment ago, until all of it knows; of a ref
# that somebody else changes at the same time: https://github.com/github/rest-api-description/issues/4887; and of a
# merge while it still works out whether there are conflicts: https://github.com/cli/cli/issues/8092
_MAY_SETTLE = re.compile(
    "sha can't be blank|Head ref must be a branch|PullRequest head invalid|No commit found for SHA"
    "|Object does not exist|Could not resolve to a (?:node|PullRequest)|Reference update failed"
    "|Base branch was modified",
    re.IGNORECASE,
)


def may_settle(message: str) -> bool:
    """Return whether the refusal may end within a few seconds."""
    return _MAY_SETTLE.search(message) is not None


def is_too_large(error: CmlkitError) -> bool:
    """Return whether GitHub refused an object's size; git takes it."""
    return "input was too large" in error.message


def rate_limit_wait(
    status: int, headers: Mapping[str, str], message: str, *, now: float, earlier: int = 0
) -> float | None:
    """Return the seconds to wait before a repetition, or None if the answer is not a rate limit.

    Args:
        now: Seconds since the epoch, used if the answer has no `date`: GitHub's clock counts, not this machine's.
        earlier: How often this request met a limit before; secondary limits need growing waits.
    """
    if status not in (403, 429):
        return None
    if (after := headers.get("retry-after", "")).isdecimal():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdecimal():
        return max(1.0, float(headers["x-ratelimit-reset"]) - (server_time(headers) or now) + 1.0)
    if status == 429 or re.search("secondary rate limit|abuse detection", message, re.IGNORECASE):
        return SECONDARY_LIMIT_WAIT_SECONDS * 2.0**earlier
    return None


def server_time(headers: Mapping[str, str]) -> float | None:
    """Return the time in an answer's `date`, in seconds since the epoch; None if it has none."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def refusal(what: str, *, status: int, headers: Mapping[str, str], message: str, kind: Kind) -> CmlkitError:
    """Return the error for an answer with a status of 400 or above that no retry can change.

    Args:
        what: The request, such as `POST /repos/octo/forest/pulls`.
        message: GitHub's words, from `said`.
        kind: The token's.
    """
    text = f"GitHub refused {what}: {status} {message}".rstrip(" .") + "."
    for known in _KNOWN:
        if known.message.lower() in message.lower():
            return _error(known.error, text, known.next_step, status)
    if "refusing to allow" in message:
        return _denied(text, workflows_advice(kind), message)
    if status == 401:
        return _error(PermissionDenied, text, _NEEDS_LOGIN, status)
    if status == 403:
        return _denied(text, _missing_permission(headers, kind), message)
    if status in (404, 410):
        seen = f"It does not exist, or the token may not see it. {_wanted(headers, kind)}".rstrip()
        return _error(NotFound, text, seen, status)
    return _error(Conflict if status == 409 else ServiceError, text, "", status)


def graphql_refusal(types: Set[str], message: str, *, kind: Kind, needs: str = "") -> CmlkitError:
    """Return the error for the errors of a GraphQL answer, by their types.

    Args:
        kind: The token's.
        needs: The permissions that the operation needs, which GraphQL does not tell: `a=read,b=write`.
    """
    text = f"GitHub refused the GraphQL request: {message}"
    if types & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        return _denied(text, advice(kind, Needs.parse(needs)), message)
    return Conflict(text, status=409) if "STALE_DATA" in types else ServiceError(text, status=422)


def _denied(text: str, next_step: str, message: str) -> PermissionDenied:
    error = PermissionDenied(text, next_step=next_step)
    # An integration is an App; GITHUB_TOKEN belongs to one.
    error.is_of_workflow = "not accessible by integration" in message.lower()
    return error


def _error(kind: type[ServiceError] | type[PermissionDenied], text: str, next_step: str, status: int) -> CmlkitError:
    if issubclass(kind, ServiceError):
        return kind(text, next_step=next_step, status=status)
    return kind(text, next_step=next_step)


def said(document: Any, content: bytes) -> str:
    """Return GitHub's message with its validation errors; the start of the body if it is not JSON."""
    if not isinstance(document, Mapping):
        return " ".join(re.sub(r"<[^>]*>", " ", content[:2000].decode("utf-8", "replace")).split())[:200]
    errors = document.get("errors")
    details = [_detail(item) for item in errors] if isinstance(errors, list) else []
    return "; ".join([str(document.get("message", "")), *filter(None, details)])


def _detail(error: Any) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))


def _missing_permission(headers: Mapping[str, str], kind: Kind) -> str:
    if match := re.search(r"url=(\S+)", headers.get("x-github-sso", "")):
        return f"The organisation wants single sign-on: authorise the token at {match[1]}"
    return _wanted(headers, kind) or "The token lacks a permission, or may not use this repository."


def _wanted(headers: Mapping[str, str], kind: Kind) -> str:
    """Return how to give the token what the endpoint needs, as far as GitHub's headers tell; empty if they do not."""
    # GitHub names scopes to tokens that have scopes, and permissions to the others.
    # https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permission-errors
    accepted = scopes_in(headers.get("x-accepted-oauth-scopes", ""))
    if kind in SCOPED and accepted:
        return scope_advice(set(accepted), granted=set(scopes_in(headers.get("x-oauth-scopes", ""))))
    return advice(kind, Needs.parse(headers.get("x-accepted-github-permissions", "")))
