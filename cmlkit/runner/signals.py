"""Signals: SIGINT, SIGTERM and SIGHUP raise `Interrupted`, so that the work can clean up after itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cmlkit.errors import Interrupted
from cmlkit.process import caught_signals, leave_closed_terminal


class Signals:
    """The signals that came. The first raises `Interrupted` in the main thread, unless `hold` was called before.

    GitHub sends SIGINT to a cancelled step, and SIGTERM 7.5 seconds later: the second must not break the clean-up after
    the first. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
    """

    def __init__(self) -> None:
        self._may_raise = True
        self._received = ""

    def receive(self, number: int, frame: FrameType | None) -> None:
        self._received = self._received or signal.Signals(number).name
        if number == signal.SIGHUP:
            leave_closed_terminal()
        if self._may_raise:
            self.raise_if_received()

    @property
    def received(self) -> bool:
        """Whether a signal came."""
        return bool(self._received)

    def hold(self) -> None:
        """Only remember signals from now on."""
        self._may_raise = False

    def raise_if_received(self) -> None:
        """Raise `Interrupted` if a signal came; later signals are only remembered."""
        if self._received:
            self.hold()
            raise Interrupted(f"Interrupted by {self._received}.")


@contextmanager
def catching_signals() -> Iterator[Signals]:
    """Let the signals that end a command raise `Interrupted` inside the block; outside the main thread, do nothing."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.receive) for number in caught_signals()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
