"""Preparing the checkout for a job's commits: an author, git's trust in it, and the whole history on request."""

from __future__ import annotations

from pathlib import Path

from cmlkit.errors import GitFailed, NotARepository, ServiceError
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


def trust(directory: Path) -> Path:
    """Let git work in the repository around `directory`, although it belongs to another user; return its folder.

    This is a setting of the user, since git heeds no other; it lasts as long as the user's home.

    Raises:
        NotARepository: `directory` is in no git repository.
        GitFailed: The user has no home, or may not write there.
    """
    for folder in (directory, *directory.parents):
        if (folder / ".git").exists():
            git_text(directory, "config", "--global", "--add", "safe.directory", str(folder))
            return folder
    raise NotARepository(f"{directory} is in no git repository.", next_step="Run it in a clone of the repository.")


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
