"""A live comment: what a file says while it is being written, without more writes than GitHub takes."""

from __future__ import annotations

from collections.abc import Callable

from cmlkit.clock import Clock
from cmlkit.errors import CmlkitError

POLL_SECONDS = 1.0
# GitHub takes 80 writes of content a minute and 500 an hour, and there are others who write.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
PAUSE_SECONDS = 20.0


def follow(
    read: Callable[[], str],
    write: Callable[[str], None],
    *,
    is_over: Callable[[], bool],
    clock: Clock,
    warn: Callable[[str], None],
) -> None:
    """Write what `read` gives whenever it has changed, at most every `PAUSE_SECONDS`, and once more at the end.

    Args:
        read: The text now; empty as long as there is none.
        write: Shows it. A failure is told to `warn` and tried again with the next change, the last one is raised.
        is_over: Whether the file is complete.

    Raises:
        CmlkitError: The last text could not be written.
    """
    shown, next_write = "", clock.now()
    while True:
        over = is_over()
        text = read()
        if text and text != shown and (over or clock.now() >= next_write):
            next_write = clock.now() + PAUSE_SECONDS
            try:
                write(text)
                shown = text
            except CmlkitError as error:
                if over:
                    raise
                warn(f"The comment was not updated: {error.message}")
        if over:
            return
        clock.sleep(POLL_SECONDS)
