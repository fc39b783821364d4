"""Findings: a fact, how bad it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from cmlkit.errors import CmlkitError, ServiceError, SettingsError
from cmlkit.together import within

T = TypeVar("T")
State = Literal["ok", "warning", "failed"]

# AWS refuses requests whose time is five minutes off; GitHub refuses an App's tokens if they are more than ten off.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
SKEW_FAILED_SECONDS = 300.0
SKEW_WARNING_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        detail: The fact or the problem, in one sentence.
        remedy: The next step; empty if nothing needs doing.
        error: The error; None unless `state` is `failed`.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""
    error: CmlkitError | None = None


def ok(subject: str, detail: str) -> Finding:
    return Finding(subject=subject, state="ok", detail=detail)


def warning(subject: str, detail: str, remedy: str = "") -> Finding:
    return Finding(subject=subject, state="warning", detail=detail, remedy=remedy)


def failed(subject: str, error: CmlkitError) -> Finding:
    return Finding(subject=subject, state="failed", detail=error.message, remedy=error.next_step, error=error)


def looked(subject: str, look: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    """Return a check's findings; an error that cmlkit explains ends the check and becomes its last finding."""
    found: list[Finding] = []
    try:
        for finding in look():
            # One at a time, to keep the findings before an error.
            found.append(finding)  # noqa: PERF402
    except CmlkitError as error:
        found.append(failed(subject, error))
    return tuple(found)


def first_failure(findings: Sequence[Finding]) -> CmlkitError | None:
    """Return the error of the first failed finding; None if none failed."""
    return next((finding.error for finding in findings if finding.error is not None), None)


def clock_finding(subject: str, *, theirs: float | None, ours: float) -> list[Finding]:
    """Return how far this machine's clock is off theirs (both in seconds since the epoch); nothing if unknown."""
    if theirs is None:
        return []
    skew = ours - theirs
    detail = f"This machine's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}."
    remedy = "Synchronize it with a time server: timedatectl set-ntp true."
    if abs(skew) >= SKEW_FAILED_SECONDS:
        return [failed(subject, SettingsError(detail, next_step=remedy))]
    return [warning(subject, detail, remedy)] if abs(skew) >= SKEW_WARNING_SECONDS else [ok(subject, detail)]


# Without a network, all checks end within some five seconds: the first answers of all services are waited for at once.
FIRST_ANSWER_SECONDS = 3.5


def first_answer(who: str, ask: Callable[[], T], *, seconds: float | None) -> T:
    """Return a service's first answer.

    Args:
        seconds: How long to wait for it; as long as the service's own limits allow if None.

    Raises:
        ServiceError: It does not come in that time, as without a network, a name server or a proxy that answers.
    """
    if seconds is None:
        return ask()

    def late() -> ServiceError:
        return ServiceError(
            f"{who} gave no answer within {seconds:g} s.", next_step="Check the network, its names and its proxy."
        )

    return within(seconds, ask, late=late)


def untold(subject: str, findings: Sequence[Finding], *, what: str) -> tuple[Finding, ...]:
    """Return that further facts cannot be told if one of the findings is that the service gave no answer."""
    lost = next((item for item in findings if isinstance(item.error, ServiceError) and not item.error.status), None)
    if lost is None:
        return ()
    return (warning(subject, f"{what} cannot be told: there was no answer.", "Run doctor again with a network."),)
