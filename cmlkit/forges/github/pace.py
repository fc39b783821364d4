"""Pace: no more writes than GitHub takes, so that it has nothing to refuse.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0
WRITES_A_MINUTE, WRITES_AN_HOUR, POINTS_A_MINUTE = 80, 500, 900
POINTS_OF_A_READ, POINTS_OF_A_WRITE = 1, 5


@dataclass
class _Window:
    """The last uses of a limit, as many as it allows."""

    limit: int
    seconds: float
    uses: deque[float] = field(default_factory=deque)

    def earliest(self, moment: float, number: int) -> float:
        """Return the first moment from `moment` on at which the limit allows so many more uses."""
        if len(self.uses) + number <= self.limit:
            return moment
        return max(moment, self.uses[len(self.uses) + number - self.limit - 1] + self.seconds)

    def use(self, moment: float, number: int) -> None:
        self.uses.extend([moment] * number)
        while len(self.uses) > self.limit:
            self.uses.popleft()


class Pace:
    """The requests of this process with one token; what others send with it, GitHub alone knows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writes = (_Window(WRITES_A_MINUTE, MINUTE_SECONDS), _Window(WRITES_AN_HOUR, HOUR_SECONDS))
        self._points = _Window(POINTS_A_MINUTE, MINUTE_SECONDS)

    def wait(self, now: float, *, writes: bool) -> float:
        """Return the seconds to wait before the next request, whose turn is taken by that.

        Args:
            now: In seconds since the epoch.
        """
        uses = [(self._points, POINTS_OF_A_WRITE if writes else POINTS_OF_A_READ)]
        uses += [(window, 1) for window in self._writes] if writes else []
        with self._lock:
            moment = max(window.earliest(now, number) for window, number in uses)
            for window, number in uses:
                window.use(moment, number)
        return moment - now
