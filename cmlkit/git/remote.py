"""A remote's address: the host, and the repository there, in every form that git and ssh know.

The forms are those of https://git-scm.com/docs/git-clone#_git_urls.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cmlkit.errors import GitError
from cmlkit.git.checkout import remote_address
from cmlkit.git.command import run_git

# Of the form git@host:owner/name. A colon after a slash is part of a path.
_SHORT = re.compile(r"(?:[^@/:]+@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^@/:\[\]]+):(?!//|:)(?P<path>.+)")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_WEB_SCHEMES = ("http", "https")
_SSH_SCHEMES = ("ssh", "git+ssh", "ssh+git")
SSH_SECONDS = ASK_SECONDS = 5.0
# Neither git, nor a program that keeps passwords, nor ssh may wait for a person.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never", "GCM_INTERACTIVE": "never"}
HTTPS_PORT = 443


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A repository on a server.

    Attributes:
        server: Root of the server's pages, such as `https://github.com`, with a port if the web's is in the address.
        repository: `OWNER/NAME`.
    """

    server: str
    repository: str


def origin(directory: Path) -> Remote | None:
    """Return the remote `origin` as git uses it, after `insteadOf`; None if it is missing or no server's.

    Raises:
        GitError: As from `cmlkit.git.checkout`.
    """
    return parsed(remote_address(directory, "origin") or "", resolve=ssh_host)


def default_branch(directory: Path, *, remote: str = "origin", seconds: float = ASK_SECONDS) -> str:
    """Return the default branch that the remote names when it is asked; nobody is asked for a password.

    Raises:
        GitError: The remote does not answer, or names none, as an empty repository.
    """
    asking = ("ls-remote", "--symref", "--", remote, "HEAD")
    answer = run_git(directory, *asking, environ={**os.environ, **_QUIET}, timeout=seconds, terminal=False)
    # https://git-scm.com/docs/git-ls-remote#Documentation/git-ls-remote.txt---symref
    if not (found := re.match(rb"ref: refs/heads/(\S+)\tHEAD\n", answer)):
        raise GitError(f"The remote {remote} names no default branch.")
    return os.fsdecode(found[1])


def parsed(address: str, *, resolve: Callable[[str], str] = lambda host: host) -> Remote | None:
    """Return the server and the repository of an address; None for a folder, or if it has another form.

    Args:
        resolve: Host in an address for ssh -> its real name, which ssh's configuration may have.
    """
    scheme, host, port, path = _parts(address.strip())
    owner, _, name = path.strip("/").removesuffix(".git").rpartition("/")
    if not (host and owner and name):
        return None
    if scheme in _SSH_SCHEMES:
        host = _without_ssh(host) if port == HTTPS_PORT else resolve(host)
    if scheme not in _WEB_SCHEMES:
        scheme, port = "https", None
    shown = f"[{host}]" if ":" in host else host.lower().removeprefix("www.")
    return Remote(server=f"{scheme}://{shown}{f':{port}' if port else ''}", repository=f"{owner}/{name}")


def ssh_host(host: str) -> str:
    """Return the name that ssh's configuration has for a host or alias; `host` itself without ssh. Nothing connects."""
    try:
        done = subprocess.run(
            ["ssh", "-G", "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SSH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return host
    known = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    name = known.get("hostname", host)
    return _without_ssh(name) if known.get("port") == str(HTTPS_PORT) else name


def _without_ssh(host: str) -> str:
    """Return the server to which a host for ssh on the port of HTTPS belongs: ssh.example.com is example.com's.

    https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port
    """
    return host.removeprefix("ssh.")


def _parts(address: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path; no host if the address is none of a server."""
    if "://" in address:
        try:
            parts = urlsplit(address)
            return parts.scheme.lower(), parts.hostname or "", parts.port, parts.path
        except ValueError:
            return "", "", None, ""
    if not _WINDOWS_DRIVE.match(address) and (match := _SHORT.fullmatch(address)):
        return "ssh", match["host"].strip("[]"), None, match["path"]
    return "", "", None, ""
