"""One git command in the user's checkout, with git's own words where it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cmlkit.errors import SettingsError

TIMEOUT_SECONDS = 60.0


def run_git(directory: Path, *arguments: str, send: bytes = b"", timeout: float = TIMEOUT_SECONDS) -> bytes:
    """What git prints.

    Args:
        send: For its standard input.
        timeout: Seconds.

    Raises:
        SettingsError: git is not installed, fails or takes too long.
    """
    try:
        done = subprocess.run(
            # A setting of the user's that would mix signatures into what is read here.
            ["git", "-c", "log.showSignature=false", *arguments],
            cwd=directory,
            input=send,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise SettingsError("git is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"git {arguments[0]} took more than {timeout:.0f} s.") from error
    if done.returncode != 0:
        raise SettingsError(f"git {arguments[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()[-400:]}")
    return done.stdout
