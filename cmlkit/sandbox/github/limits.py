"""The primary rate limit: so many requests an hour for each token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cmlkit.sandbox.github.accounts import Token

HOUR_SECONDS = 3600
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: requests without a token.
ANONYMOUS_LIMIT = 60


@dataclass(kw_only=True)
class Window:
    """An hour of one token; `reset` in seconds since the epoch."""

    reset: int
    used: int = 0


@dataclass(kw_only=True)
class Limits:
    """What each token has used of its hour.

    Args:
        now: Seconds since the epoch.
    """

    now: Callable[[], float]
    windows: dict[str, Window] = field(default_factory=dict)

    def use(self, token: Token | None) -> bool:
        """Count one request; False where the token has none left."""
        window = self._window(token)
        if window.used >= _limit(token):
            return False
        window.used += 1
        return True

    def state(self, token: Token | None) -> dict[str, int]:
        """As GET /rate_limit writes it."""
        window, limit = self._window(token), _limit(token)
        return {"limit": limit, "used": window.used, "remaining": limit - window.used, "reset": window.reset}

    def headers(self, token: Token | None) -> dict[str, str]:
        """As every answer carries it."""
        state = {f"X-RateLimit-{name.title()}": str(value) for name, value in self.state(token).items()}
        return {**state, "X-RateLimit-Resource": "core"}

    def _window(self, token: Token | None) -> Window:
        key = "" if token is None else token.value
        window = self.windows.get(key)
        if window is None or window.reset <= self.now():
            window = self.windows[key] = Window(reset=int(self.now()) + HOUR_SECONDS)
        return window


def _limit(token: Token | None) -> int:
    return ANONYMOUS_LIMIT if token is None else token.rate_limit
