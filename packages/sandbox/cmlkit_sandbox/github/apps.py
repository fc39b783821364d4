"""GitHub Apps: an App authenticates with a JWT and gets tokens for its installations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cmlkit_sandbox.github.accounts import Account, Level

# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
LONGEST_JWT_SECONDS = 600
CLOCK_SKEW_SECONDS = 60
TOKEN_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class App:
    """A GitHub App with one installation.

    Attributes:
        public_key: PEM of the key that verifies its JWTs.
        installation_id: Its installation on the account `owner`, for all of that account's repositories.
        permissions: Its permissions there.
    """

    id: int
    slug: str
    public_key: str
    owner: Account
    bot: Account
    installation_id: int
    permissions: Mapping[str, Level]
    created: str


def app_of(apps: Mapping[int, App], assertion: str, *, now: float) -> App | None:
    """Return the App that signed a JWT; None if the JWT is invalid or the App unknown."""
    # Of the extra `app`, which whoever has an App has.
    import jwt

    try:
        issuer = int(jwt.decode(assertion, options={"verify_signature": False})["iss"])
        app = apps[issuer]
        claims = jwt.decode(
            assertion,
            app.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss"]},
        )
    except (jwt.InvalidTokenError, KeyError, ValueError):
        return None
    starts, ends = float(claims["iat"]), float(claims["exp"])
    is_now = starts <= now + CLOCK_SKEW_SECONDS and now < ends <= now + LONGEST_JWT_SECONDS + CLOCK_SKEW_SECONDS
    return app if is_now else None
