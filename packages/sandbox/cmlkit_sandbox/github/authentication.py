"""Authentication: tokens in the forms that GitHub accepts."""

from __future__ import annotations

import base64
import binascii

from werkzeug.wrappers import Request

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.refusals import Refusal

# https://docs.github.com/en/rest/authentication: the password of those who give the token as the user.
TOKEN_IS_THE_USER = "x-oauth-basic"  # noqa: S105


def token_of(hub: Hub, request: Request) -> Token | None:
    """Return a request's token; None without one.

    Raises:
        Refusal: The token is unknown or has expired.
    """
    value = _presented(request.headers.get("Authorization", ""))
    if not value:
        return None
    token = hub.tokens.get(value)
    if token is None or (token.expires is not None and token.expires <= hub.now()):
        raise Refusal(401, "Bad credentials")
    return token


def _presented(authorization: str) -> str:
    """Return the token in `Bearer TOKEN`, `token TOKEN`, or the password (or else the user) of `Basic …`."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return rest.strip()
    if scheme.lower() != "basic":
        return "?" if authorization else ""
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "?"
    return user if password in ("", TOKEN_IS_THE_USER) else password
