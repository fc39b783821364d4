"""HTTP access to a repository, for what git itself does not carry: URL and credentials."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

from cmlkit.errors import GitFailed, SettingsError
from cmlkit.git.checkout import remote_address
from cmlkit.git.command import ask_git, run_git

TIMEOUT_SECONDS = 20.0

_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?P<path>[^/].*)")
_URL = re.compile(r"(?P<scheme>https?|ssh|git)://(?:[^@/]*@)?(?P<host>[^/:]+)(?P<port>:\d+)?/(?P<path>.+)")


@dataclass(frozen=True, kw_only=True)
class GitAccess:
    """URL and credentials for git and Git LFS.

    Attributes:
        url: HTTP URL without credentials, such as `https://github.com/octo/forest.git`.
        authorization: Value of the Authorization header; empty for a public repository.
    """

    url: str
    authorization: str = field(default="", repr=False)


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header for a user name and a password or token."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def access_of(directory: Path, *, remote: str = "origin") -> GitAccess:
    """Return the remote of a checkout, with the credentials that actions/checkout left, else git's own for its host.

    Raises:
        SettingsError: The repository has no such remote.
        NotARepository: `directory` is in no git repository.
        GitError: git is not installed, refuses or fails.
    """
    address = remote_address(directory, remote)
    if address is None:
        raise SettingsError(
            f"The checkout has no remote {remote!r}, whose Git LFS server has the model.",
            next_step="Run it in a clone of the repository.",
        )
    url = web_address(address)
    return GitAccess(url=url, authorization=_left_by_checkout(directory, url) or _filled(directory, url))


def web_address(address: str) -> str:
    """Return the HTTP address of a remote that may use SSH: at GitHub both lead to one repository."""
    match = _URL.fullmatch(address) or _SCP.fullmatch(address)
    if match is None:
        raise SettingsError(f"The remote's address {address!r} has no counterpart over HTTP.")
    named = match.groupdict()
    scheme = named["scheme"] if named.get("scheme") in ("http", "https") else "https"
    port = (named.get("port") or "") if scheme == named.get("scheme") else ""
    path = named["path"].rstrip("/").removesuffix(".git")
    return f"{scheme}://{named['host']}{port}/{path}.git"


def _left_by_checkout(directory: Path, url: str) -> str:
    """Return the header in `http.https://github.com/.extraheader = AUTHORIZATION: basic …`, set by actions/checkout."""
    header = ask_git(directory, "config", "--get-urlmatch", "http.extraheader", url) or ""
    name, _, value = header.strip().partition(":")
    return value.strip() if name.lower() == "authorization" else ""


def _filled(directory: Path, url: str) -> str:
    """Return the header from git's credential helpers; empty if none knows the host. Never prompt."""
    try:
        filled = run_git(
            directory,
            *("-c", "core.askPass=true", "credential", "fill"),
            send=f"url={url}\n\n".encode(),
            timeout=TIMEOUT_SECONDS,
            terminal=False,
        )
    except GitFailed:
        return ""  # no helper knows the host
    lines = filled.decode("utf-8", "replace").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return basic(found.get("username", ""), found["password"]) if found.get("password") else ""
