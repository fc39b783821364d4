"""The repository that `--repo` names: an address in any form, compared with the run's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cmlkit.errors import SettingsError

_SSH = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?P<path>[^/].*)")
SERVER = "https://github.com"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A repository, or its owner alone, as an address names it.

    Attributes:
        host: Empty in the short form `OWNER/NAME`.
        name: Empty if the address is that of the owner.
    """

    host: str
    owner: str
    name: str


def named(address: str) -> Named | None:
    """Return what a URL, an SSH address or `OWNER/NAME` names; None if it is nothing of these."""
    text = address.strip()
    if "://" in text:
        parts = urlsplit(text)
        host, path = parts.hostname or "", parts.path
    elif match := _SSH.fullmatch(text):
        host, path = match["host"], match["path"]
    else:
        host, path = "", text
    words = path.strip("/").removesuffix(".git").split("/")
    if not host and len(words) == 3 and "." in words[0]:
        host, words = words[0], words[1:]
    if len(words) > 2 or not all(words) or (len(words) == 1 and not host):
        return None
    return Named(host=host.lower(), owner=words[0], name=words[1] if len(words) == 2 else "")


def checked(address: str, *, spelled: str, environ: Mapping[str, str]) -> Named:
    """Return the repository of the run, or its owner, that an address names; any repository if no run names one.

    Raises:
        SettingsError: The address is malformed, or names another repository or server.
    """
    found = named(address)
    if found is None:
        raise SettingsError(
            f"{spelled} names no repository.",
            next_step="Write OWNER/NAME or the repository's address, or leave it out.",
        )
    server = urlsplit(environ.get("GITHUB_SERVER_URL") or SERVER).hostname or ""
    if found.host not in ("", server):
        raise SettingsError(
            f"{spelled} names a repository at {found.host}; this run works with {server}.",
            next_step="Leave the flag out in a workflow; elsewhere, set GITHUB_SERVER_URL to the server's address.",
        )
    run = environ.get("GITHUB_REPOSITORY", "")
    theirs = f"{found.owner}/{found.name}" if found.name else found.owner
    if run and theirs.lower() != (run if found.name else run.partition("/")[0]).lower():
        raise SettingsError(
            f"{spelled} names {theirs}; this run belongs to {run}, and cmlkit works for the repository of its run.",
            next_step=f"Leave the flag out, or run this in a workflow of {theirs}.",
        )
    return found
