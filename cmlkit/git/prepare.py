"""The checkout, made ready for commits by a job: an author where there is none, and its whole history where asked."""

from __future__ import annotations

from pathlib import Path

from cmlkit.errors import ServiceError, SettingsError
from cmlkit.git.command import TIMEOUT_SECONDS, run_git

FETCH_TIMEOUT_SECONDS = 1800.0

# Whom GITHUB_TOKEN acts as; the number is the account's id, by which GitHub links commits to it.
USER_NAME = "github-actions[bot]"
USER_EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"


def set_author(directory: Path, *, name: str, email: str) -> dict[str, str]:
    """Set the author of future commits in this checkout only, where git knows none yet; the settings in force.

    Raises:
        SettingsError: `directory` is in no git repository, or git refuses.
    """
    _git(directory, "rev-parse", "--git-dir")
    return {
        setting: _value(directory, setting) or _set(directory, setting, value)
        for setting, value in {"user.name": name, "user.email": email}.items()
    }


def unshallow(directory: Path) -> bool:
    """Fetch the history that a shallow clone left out, with the checkout's own credentials; False where it is whole.

    Raises:
        SettingsError: `directory` is in no git repository.
        ServiceError: The remote does not give it.
    """
    if _git(directory, "rev-parse", "--is-shallow-repository") != "true":
        return False
    try:
        _git(directory, "fetch", "--quiet", "--unshallow", timeout=FETCH_TIMEOUT_SECONDS)
    except SettingsError as error:
        raise ServiceError(
            error.message, next_step="Give actions/checkout fetch-depth: 0, and leave its persist-credentials on."
        ) from error
    return True


def _value(directory: Path, setting: str) -> str:
    return _git(directory, "config", "--default", "", "--get", setting)


def _set(directory: Path, setting: str, value: str) -> str:
    _git(directory, "config", "--local", setting, value)
    return value


def _git(directory: Path, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> str:
    return run_git(directory, *arguments, timeout=timeout).decode("utf-8", "replace").strip()
