"""A live comment: what a file says while it is being written, without more writes than GitHub takes."""

from __future__ import annotations

import re
from collections.abc import Callable

from cmlkit.clock import Clock
from cmlkit.errors import CmlkitError
from cmlkit.formats import duration

POLL_SECONDS = 1.0
# GitHub takes 80 writes of content a minute and 500 an hour, and there are others who write.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
PAUSE_SECONDS = 20.0

# `epoch 3/10`, `step 3 of 10`, `30 %`; not a date, a path or a ratio of something else.
_STEPS = re.compile(r"(?<![\w/.])(\d{1,9}) ?(?:/| of ) ?(\d{1,9})(?![\w/])")
_PERCENT = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d+)?) ?%")


def follow(
    read: Callable[[], str],
    write: Callable[[str], None],
    *,
    is_over: Callable[[], bool],
    clock: Clock,
    warn: Callable[[str], None],
) -> None:
    """Write what `read` gives whenever it has changed, at most every `PAUSE_SECONDS`, and once more at the end.

    Below the text stands how long it has taken, and, where the text tells how far it is, how long it will.

    Args:
        read: The text now; empty as long as there is none.
        write: Shows it. A failure is told to `warn` and tried again with the next change, the last one is raised.
        is_over: Whether the file is complete.

    Raises:
        CmlkitError: The last text could not be written.
    """
    shown, started = "", clock.now()
    next_write = started
    while True:
        over = is_over()
        text = read()
        now = clock.now()
        # The last time for the line below it, too.
        if text and (over or (text != shown and now >= next_write)):
            next_write = now + PAUSE_SECONDS
            try:
                write(f"{text.rstrip()}\n\n{time_line(text, now - started, is_over=over)}\n")
                shown = text
            except CmlkitError as error:
                if over:
                    raise
                warn(f"The comment was not updated: {error.message}")
        if over:
            return
        clock.sleep(POLL_SECONDS)


def time_line(text: str, seconds: float, *, is_over: bool) -> str:
    """How long it has taken and, by what the text says last of how far it is, how long it will."""
    if is_over:
        return f"<sub>Ended after {duration(seconds)}.</sub>"
    share = progress_in(text)
    if share is None or not 0 < share < 1:
        return f"<sub>Running for {duration(seconds)}.</sub>"
    left = seconds * (1 - share) / share
    return f"<sub>Running for {duration(seconds)}, {share:.0%} done: about {duration(left)} left.</sub>"


def progress_in(text: str) -> float | None:
    """How far the work is, from 0 to 1, by the last line that tells it; None where none does."""
    for line in reversed(text.splitlines()):
        if steps := [(int(done), int(all_)) for done, all_ in _STEPS.findall(line) if 0 < int(all_) >= int(done)]:
            done, all_ = steps[-1]
            return done / all_
        if percents := [float(value) for value in _PERCENT.findall(line) if float(value) <= 100]:
            return percents[-1] / 100
    return None
