"""git: what the checkout is. It is only asked, never changed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

TIMEOUT_SECONDS = 10

_REMOTE = re.compile(r"[:/](?P<owner>[^/:]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


def head_commit(directory: Path) -> str:
    """The commit that is checked out; empty outside a repository, or in one without commits."""
    return _ask(directory, "rev-parse", "--verify", "--quiet", "HEAD")


def prefix(directory: Path) -> PurePosixPath:
    """Where `directory` lies in its repository; `.` at its root, and outside of one."""
    return PurePosixPath(_ask(directory, "rev-parse", "--show-prefix") or ".")


def remote_repository(directory: Path) -> str:
    """`OWNER/NAME` by the URL of the remote `origin`; empty where there is none."""
    match = _REMOTE.search(_ask(directory, "config", "--get", "remote.origin.url"))
    return f"{match['owner']}/{match['name']}" if match else ""


def files(directory: Path) -> list[str]:
    """Paths that git tracks, or would track, relative to `directory`; none outside a repository."""
    listed = _ask(directory, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return [path for path in listed.split("\0") if path]


def _ask(directory: Path, *arguments: str) -> str:
    """What git answers, or nothing where it, or a repository, is not there."""
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
