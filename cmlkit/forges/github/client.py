"""The client that all parts of the forge share: one repository over one transport."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from cmlkit.errors import AnswerLost, SettingsError, TooManyRequests
from cmlkit.forges.base import DELETED_ACCOUNT
from cmlkit.forges.github.memory import Memory
from cmlkit.forges.github.patience import PAUSES_SECONDS, given_up
from cmlkit.forges.github.transport import Transport, encoded
from cmlkit.records.fields import Fields

T = TypeVar("T")


class Client:
    """Requests about one repository.

    Args:
        full_name: `OWNER/NAME`.

    Raises:
        SettingsError: `full_name` is malformed.
    """

    def __init__(self, http: Transport, full_name: str) -> None:
        self.http = http
        self.full_name = checked_repository(full_name)
        self.memory = Memory()

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    def path(self, *segments: str | int) -> str:
        """Return the API path of a resource in the repository."""
        return f"/repos/{self.full_name}{encoded(*segments)}"

    def once(self, send: Callable[[], T], look: Callable[[], T | None]) -> T:
        """Send a write that must happen only once.

        Args:
            look: Returns the write's result, or None. Called after a lost answer, before the write is repeated.

        Raises:
            ServiceError: No try was answered, and the write did not happen.
        """
        for pause in (*PAUSES_SECONDS, PAUSES_SECONDS[-1]):
            try:
                return send()
            except AnswerLost as error:
                lost = error
            # GitHub may still be at work on it: what is looked for at once is not found, and is made twice.
            self.http.clock.sleep(max(pause, lost.wait))
            if isinstance(lost, TooManyRequests):
                continue  # it was refused, so there is nothing to look for
            if (found := look()) is not None:
                return found
        raise given_up(lost) from lost


def text(body: str) -> str:
    """Return a body with normal line ends: GitHub's pages store CR LF, and its API strips surrounding blanks."""
    return body.replace("\r\n", "\n").strip()


def commit_author(answer: Fields) -> str:
    """Return the login of a commit's author, or the e-mail address if GitHub knows no login."""
    address = answer.within("commit", "author").text("email", "")
    return answer.within("author").text("login", "") or address or DELETED_ACCOUNT


def checked_repository(full_name: str) -> str:
    """Return `OWNER/NAME`, or raise SettingsError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+/(?!\.\.?$)[A-Za-z0-9._-]+", full_name):
        raise SettingsError(
            f"The repository {full_name!r} is not of the form OWNER/NAME.",
            next_step="Set GITHUB_REPOSITORY, such as octo/random-forest.",
        )
    return full_name
