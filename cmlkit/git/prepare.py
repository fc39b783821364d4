"""Preparing the checkout for a job's commits: an author if git knows none, and the whole history on request."""

from __future__ import annotations

from pathlib import Path

from cmlkit.errors import GitFailed, ServiceError
from cmlkit.git.command import git_text

FETCH_TIMEOUT_SECONDS = 1800.0


def set_author(directory: Path, *, name: str, email: str) -> dict[str, str]:
    """Set the author of future commits in this checkout only, if git knows none yet; return the settings in force.

    Raises:
        NotARepository: `directory` is in no git repository.
        GitError: git is not installed, refuses or fails.
    """
    git_text(directory, "rev-parse", "--git-dir")
    return {
        setting: _value(directory, setting) or _set(directory, setting, value)
        for setting, value in {"user.name": name, "user.email": email}.items()
    }


def deepen(directory: Path, depth: int) -> bool:
    """Fetch history that a shallow clone left out, with the checkout's own credentials; False if it is whole.

    Args:
        depth: Commits that each branch shall have at least; 0 is all, with the tags.

    Raises:
        NotARepository: `directory` is in no git repository.
        ServiceError: The remote does not give the history.
    """
    if git_text(directory, "rev-parse", "--is-shallow-repository") != "true":
        return False
    wanted = [f"--depth={depth}"] if depth else ["--unshallow", "--tags"]
    try:
        git_text(directory, "fetch", "--quiet", *wanted, timeout=FETCH_TIMEOUT_SECONDS)
    except GitFailed as error:
        raise ServiceError(
            error.message, next_step="Give actions/checkout fetch-depth: 0, and leave its persist-credentials on."
        ) from error
    return True


def _value(directory: Path, setting: str) -> str:
    return git_text(directory, "config", "--default", "", "--get", setting)


def _set(directory: Path, setting: str, value: str) -> str:
    git_text(directory, "config", "--local", setting, value)
    return value
