"""Patience: how often and after which pauses a request is repeated."""

from __future__ import annotations

from collections.abc import Sequence

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import AnswerLost, CmlkitError, ServiceError

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)  # between the tries of a request that got no usable answer
SETTLING_SECONDS = (1.0, 2.0, 4.0)  # until GitHub's own replicas know what it has made a moment ago
LEAST_LIMIT_SECONDS = 1.0  # doubled with each further limit: a server may ask for no wait at all, and never stop
MAX_SECONDS = 3600.0  # for all tries of one request together, with the time that its answers take
MAX_WAIT_SECONDS = 900.0  # for all rate limits of one request together; a primary one may ask for an hour


class Patience:
    """The waits of one request. Each method returns the seconds to wait, or raises if waiting is useless.

    Args:
        pauses: Between its tries, in seconds; none for a single try.
    """

    def __init__(
        self, max_wait: float, *, clock: Clock | None = None, pauses: Sequence[float] = PAUSES_SECONDS
    ) -> None:
        self.max_wait = max_wait
        self._clock = clock or SystemClock()
        self._began = self._clock.now()
        self.limits = 0
        self._waited = 0.0
        self._pauses, self._tries = list(pauses), len(pauses) + 1
        self._settling = list(SETTLING_SECONDS)

    def after_loss(self, lost: AnswerLost) -> float:
        if not self._pauses or self._is_over():
            raise given_up(lost, tries=self._tries - len(self._pauses)) from lost
        return self._pauses.pop(0)

    def after_limit(self, wait: float, error: CmlkitError) -> float:
        wait = max(wait, LEAST_LIMIT_SECONDS * 2.0**self.limits)
        self.limits += 1
        self._waited += wait
        if self._waited > self.max_wait or self._is_over():
            raise ServiceError(
                f"{error} The rate limit asks for {wait:.0f} s, more than cmlkit waits ({self.max_wait:.0f} s).",
                next_step="Run again after that time, or use a token with a limit of its own, such as a GitHub App's.",
                status=429,
            )
        return wait

    def after_refusal(self, error: CmlkitError) -> float:
        """Wait after a refusal that may only mean that GitHub does not yet see a resource that was just created."""
        if not self._settling or self._is_over():
            raise error
        return self._settling.pop(0)

    def _is_over(self) -> bool:
        return self._clock.now() - self._began > MAX_SECONDS


def given_up(lost: AnswerLost, *, tries: int = len(PAUSES_SECONDS) + 1) -> ServiceError:
    """Return the error after the last try."""
    return ServiceError(
        f"{lost.message.rstrip('.')} (after {tries} {'try' if tries == 1 else 'tries'}).",
        next_step=lost.next_step or "Run again later; https://www.githubstatus.com tells whether GitHub has an outage.",
        status=lost.status,
    )
