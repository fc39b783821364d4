"""Rate limits: requests per hour and token, and new content per minute and hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cmlkit_sandbox.github.accounts import Token

HOUR_SECONDS = 3600
MINUTE_SECONDS = 60
POINTS_OF_A_WRITE = 5
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: requests without a token.
ANONYMOUS_LIMIT = 60


@dataclass(kw_only=True)
class Window:
    """One token's current hour; `reset` in seconds since the epoch."""

    reset: int
    used: int = 0


@dataclass(kw_only=True)
class Limits:
    """Each token's use of its hour.

    Args:
        now: Clock, in seconds since the epoch.
        content_a_minute: Content-creating requests allowed per minute and token; None for no limit. GitHub's
            own secondary limit is 80.
        content_an_hour: The same per hour; GitHub's own limit is 500.
        points_a_minute: Points per minute and token, of which a read costs one and a write five; GitHub's own limit is
            900.
    """

    now: Callable[[], float]
    content_a_minute: int | None = None
    content_an_hour: int | None = None
    points_a_minute: int | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    created: dict[str, list[float]] = field(default_factory=dict)
    spent: dict[str, list[float]] = field(default_factory=dict)

    def secondary(self, token: Token | None, *, writes: bool) -> int:
        """Count one request for the secondary limits; return the seconds to wait if there were too many, else 0."""
        points = [each for each in self.spent.get(_key(token), []) if each > self.now() - MINUTE_SECONDS]
        cost = POINTS_OF_A_WRITE if writes else 1
        if self.points_a_minute is not None and len(points) + cost > self.points_a_minute:
            return int(points[0] + MINUTE_SECONDS - self.now()) + 1
        wait = self.create_content(token) if writes else 0
        if not wait:
            self.spent[_key(token)] = [*points, *[self.now()] * cost]
        return wait

    def use(self, token: Token | None) -> bool:
        """Count one request; return False if the token has none left."""
        window = self._window(token)
        if window.used >= _limit(token):
            return False
        window.used += 1
        return True

    def create_content(self, token: Token | None) -> int:
        """Count one content-creating request; return the seconds to wait if there were too many, else 0."""
        now = self.now()
        made = [each for each in self.created.get(_key(token), []) if each > now - HOUR_SECONDS]
        for seconds, limit in ((MINUTE_SECONDS, self.content_a_minute), (HOUR_SECONDS, self.content_an_hour)):
            recent = [each for each in made if each > now - seconds]
            if limit is not None and len(recent) >= limit:
                return int(recent[0] + seconds - now) + 1
        self.created[_key(token)] = [*made, now]
        return 0

    def state(self, token: Token | None) -> dict[str, int]:
        """Return the answer to GET /rate_limit."""
        window, limit = self._window(token), _limit(token)
        return {"limit": limit, "used": window.used, "remaining": limit - window.used, "reset": window.reset}

    def headers(self, token: Token | None) -> dict[str, str]:
        """Return the rate-limit headers of every answer."""
        state = {f"X-RateLimit-{name.title()}": str(value) for name, value in self.state(token).items()}
        return {**state, "X-RateLimit-Resource": "core"}

    def _window(self, token: Token | None) -> Window:
        key = _key(token)
        window = self.windows.get(key)
        if window is None or window.reset <= self.now():
            window = self.windows[key] = Window(reset=int(self.now()) + HOUR_SECONDS)
        return window


def _key(token: Token | None) -> str:
    return "" if token is None else token.value


def _limit(token: Token | None) -> int:
    return ANONYMOUS_LIMIT if token is None else token.rate_limit
