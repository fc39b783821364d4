"""Findings: a fact, how bad it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cmlkit.errors import CmlkitError, SettingsError

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
