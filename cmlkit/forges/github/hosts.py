"""Hosts of GitHub: the addresses that belong to a server, and the tokens that may be sent there."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from cmlkit.settings import variables

SERVER_VARIABLE, API_VARIABLE = "GITHUB_SERVER_URL", "GITHUB_API_URL"
PUBLIC = "github.com"
API_URL = "https://api.github.com"
# https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/network-details-for-ghecom
RESIDENCY = ".ghe.com"
# The GitHub CLI's own: https://cli.github.com/manual/gh_help_environment
HOST_VARIABLE = "GH_HOST"
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
# Those that a shell may have for github.com.
PUBLIC_TOKENS = ("GITHUB_TOKEN", "REPO_TOKEN", "repo_token")
OWN_TOKENS = (variables.TOKEN, variables.RUNNER_TOKEN, variables.APP_ID, variables.APP_PRIVATE_KEY)


def api_url(server_url: str) -> str:
    """Return the root of the REST API of a server, such as `https://github.com`."""
    parts = urlsplit(server_url)
    host = (parts.hostname or "").lower()
    if host == PUBLIC:
        return API_URL
    if host.endswith(RESIDENCY):
        return f"https://api.{host.removeprefix('api.')}"
    return f"{parts.scheme or 'https'}://{parts.netloc}/api/v3"


def is_githubs_own(server_url: str) -> bool:
    """Return whether GitHub runs the server: github.com, or an enterprise's with data residency."""
    host = (urlsplit(server_url).hostname or "").lower()
    return host == PUBLIC or host.endswith(RESIDENCY)


def environ_at(server_url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for requests to a server: its API's address, and only tokens that are meant for it.

    A job names its server, and its variables count as they are. Elsewhere the server is that of the checkout, which
    may be anybody's: a server that GitHub does not run gets the token in GH_ENTERPRISE_TOKEN, and cmlkit's own if
    GH_HOST names the server.
    """
    if environ.get(API_VARIABLE):
        return dict(environ)
    left_out = _left_out(server_url, environ)
    kept = {name: value for name, value in environ.items() if name not in left_out}
    enterprise = next((token for name in ENTERPRISE_TOKENS if (token := environ.get(name, "").strip())), "")
    if enterprise and _is_of_checkout(server_url, environ):
        kept.setdefault(variables.TOKEN, enterprise)
    return {**kept, API_VARIABLE: api_url(server_url)}


def withheld(server_url: str, environ: Mapping[str, str]) -> str:
    """Return which tokens `environ_at` leaves out, and how to send them; empty if it keeps all."""
    if not (names := _left_out(server_url, environ)):
        return ""
    host = urlsplit(server_url).netloc
    return (
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not sent to {host}, the server of this checkout. If"
        f" it is yours, set GH_ENTERPRISE_TOKEN, or {HOST_VARIABLE}={host} with {variables.TOKEN}."
    )


def stored_under(server_url: str, environ: Mapping[str, str]) -> str:
    """Return the variable in which `environ_at` takes a token that is kept for the server, and for no other.

    Empty if requests about the server's repositories go to another host, which must not get that token.
    """
    api = environ.get(API_VARIABLE)
    if api and urlsplit(api).netloc.lower() != urlsplit(api_url(server_url)).netloc.lower():
        return ""
    return ENTERPRISE_TOKENS[0] if _is_of_checkout(server_url, environ) else variables.TOKEN


def _left_out(server_url: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    if not _is_of_checkout(server_url, environ):
        return ()
    is_named = environ.get(HOST_VARIABLE, "").lower() == urlsplit(server_url).netloc.lower()
    names = PUBLIC_TOKENS if is_named else (*OWN_TOKENS, *PUBLIC_TOKENS)
    return tuple(name for name in names if environ.get(name, "").strip())


def _is_of_checkout(server_url: str, environ: Mapping[str, str]) -> bool:
    """Return whether nothing but the checkout says that this server is to be trusted."""
    return not (environ.get(API_VARIABLE) or environ.get(SERVER_VARIABLE) or is_githubs_own(server_url))
