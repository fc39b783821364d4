"""A live comment: the text of a file while it grows, within GitHub's limits for writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from cmlkit.clock import Clock
from cmlkit.errors import CmlkitError
from cmlkit.formats import duration

POLL_SECONDS = 1.0
# GitHub allows 80 writes of content a minute and 500 an hour, shared with other writers.
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
# The first pauses are shorter: a short training would otherwise end before its second update.
PAUSE_SECONDS = 20.0
FIRST_PAUSE_SECONDS = 2.0

# `epoch 3/10`, `step 3 of 10`, `30 %`; not a date, a path or a ratio of something else.
_STEPS = re.compile(r"(?<![\w/.])(\d{1,9}) ?(?:/| of ) ?(\d{1,9})(?![\w/])")
_PERCENT = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d+)?) ?%")


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look at the files of a comment.

    Attributes:
        text: Their text; empty as long as there is none.
        stamp: Differs from the last one if there is something new to show; None if there is not.
    """

    text: str
    stamp: Hashable


class Write(Protocol):
    """Shows the text of the last look."""

    def __call__(self, ending: str, *, is_last: bool) -> None:
        """Show the text with a line below it."""


def follow(
    look: Callable[[], Look],
    write: Write,
    *,
    is_over: Callable[[], bool],
    clock: Clock,
    warn: Callable[[str], None],
    is_left: Callable[[], bool] = lambda: False,
) -> None:
    """Write the text whenever it has changed, and once more at the end.

    The pause after a write doubles from `FIRST_PAUSE_SECONDS` to `PAUSE_SECONDS`.

    A line below the text gives the time so far and, if the text shows its progress, the time left.

    Args:
        write: After a failure, `warn` gets a message and the text is written again after the pause; the last failure is
            raised.
        is_over: Returns whether the text is complete.
        is_left: Returns whether its starter has ended without saying so. The next change then waits for no pause: the
            job may end at any moment, and this process with it.

    Raises:
        CmlkitError: The last text could not be written.
    """
    shown, started = None, clock.now()
    next_write, was_left, pause = started, False, FIRST_PAUSE_SECONDS
    while True:
        over = is_over()
        seen = look()
        now = clock.now()
        left = is_left()
        is_due = seen.stamp not in (None, shown) and (now >= next_write or (left and not was_left))
        # At the end the line below the text changes too.
        if seen.text and (over or is_due):
            next_write, was_left, pause = now + pause, left, min(2 * pause, PAUSE_SECONDS)
            try:
                write(time_line(seen.text, now - started, is_over=over), is_last=over)
                shown = seen.stamp
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
