"""A live comment: the text of a file while it grows, within GitHub's limits for writes."""

from __future__ import annotations

import re
from collections.abc import Callable

from cmlkit.clock import Clock
from cmlkit.errors import CmlkitError
from cmlkit.formats import duration

POLL_SECONDS = 1.0
# GitHub allows 80 writes of content a minute and 500 an hour, shared with other writers.
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
    """Write the text whenever it has changed, at most every `PAUSE_SECONDS`, and once more at the end.

    A line below the text gives the time so far and, if the text shows its progress, the time left.

    Args:
        read: Returns the current text; empty as long as there is none.
        write: Shows the text. After a failure, `warn` gets a message and the next change is written; the last
            failure is raised.
        is_over: Returns whether the file is complete.

    Raises:
        CmlkitError: The last text could not be written.
    """
    shown, started = "", clock.now()
    next_write = started
    while True:
        over = is_over()
        text = read()
        now = clock.now()
        # At the end the line below the text changes too.
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
    """Return the line with the time so far and, if the text shows its progress, the time left."""
    if is_over:
        return f"<sub>Ended after {duration(seconds)}.</sub>"
    share = progress_in(text)
    if share is None or not 0 < share < 1:
        return f"<sub>Running for {duration(seconds)}.</sub>"
    left = seconds * (1 - share) / share
    return f"<sub>Running for {duration(seconds)}, {share:.0%} done: about {duration(left)} left.</sub>"


def progress_in(text: str) -> float | None:
    """Return the progress from 0 to 1 in the last line that shows it; None if no line does."""
    for line in reversed(text.splitlines()):
        if steps := [(int(done), int(all_)) for done, all_ in _STEPS.findall(line) if 0 < int(all_) >= int(done)]:
            done, all_ = steps[-1]
            return done / all_
        if percents := [float(value) for value in _PERCENT.findall(line) if float(value) <= 100]:
            return percents[-1] / 100
    return None
