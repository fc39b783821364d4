"""The clock: what time it is, and how to wait, so that whoever waits can be shown another one."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time, in seconds."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
