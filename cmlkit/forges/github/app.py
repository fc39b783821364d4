"""GitHub App credentials: a token of its installation, valid for an hour and for one repository."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import MissingExtra, NotFound, PermissionDenied, SettingsError
from cmlkit.forges.github import API_URL
from cmlkit.forges.github.client import checked_repository
from cmlkit.forges.github.transport import Transport, encoded

if TYPE_CHECKING:
    import requests

# GitHub takes a JWT for ten minutes at most, and none from the future: clocks differ a little.
# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
LIFETIME_SECONDS = 540
CLOCK_DRIFT_SECONDS = 60


def installation_token(
    *,
    app_id: str,
    private_key: str,
    repository: str,
    api_url: str = API_URL,
    session: requests.Session | None = None,
    clock: Clock | None = None,
    keep_secret: Callable[[str], None] = lambda value: None,
) -> str:
    """Return a token of the App's installation on the repository, limited to that repository.

    Args:
        app_id: The App's id or client id.
        private_key: The PEM file from GitHub; line ends may be written as backslash and n.
        keep_secret: Called with each credential that is made, before it is used.

    Raises:
        SettingsError: The key is not an RSA key in PEM, or the extra `app` is not installed.
        PermissionDenied: GitHub refuses the key, or the App is not installed there.
    """
    full_name, clock = checked_repository(repository), clock or SystemClock()
    keep_secret(proof := _jwt(app_id, private_key, clock.now()))
    http = Transport(token=proof, api_url=api_url, session=session, clock=clock)
    try:
        installation = http.get(encoded("repos", *full_name.split("/"), "installation"))
    except NotFound as error:
        raise PermissionDenied(
            f"The GitHub App {app_id} is not installed on {full_name}.",
            next_step="Install it there: the App's page, Install App.",
        ) from error
    path = encoded("app", "installations", installation.whole("id"), "access_tokens")
    # Each call makes another token, and each of them ends by itself: asking twice does no harm.
    answer = http.request("POST", path, body={"repositories": [full_name.partition("/")[2]]}, repeatable=True)
    keep_secret(token := answer.fields.filled("token"))
    return token


def _jwt(app_id: str, private_key: str, now: float) -> str:
    try:
        import jwt
    except ModuleNotFoundError as error:
        raise MissingExtra("A GitHub App as the credentials needs PyJWT.", extra="app") from error
    claims = {"iat": int(now) - CLOCK_DRIFT_SECONDS, "exp": int(now) + LIFETIME_SECONDS, "iss": app_id}
    try:
        return jwt.encode(claims, private_key.replace("\\n", "\n"), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise SettingsError(
            "CMLKIT_APP_PRIVATE_KEY is not an RSA private key in PEM.",
            next_step="Take the whole file that GitHub gave for download, from BEGIN to END.",
        ) from error
