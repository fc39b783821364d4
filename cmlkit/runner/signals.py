"""Interruption: SIGINT and SIGTERM as an `Interrupted` that lets the work clean up after itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cmlkit.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Raises `Interrupted` at the first signal, in the main thread, and only while it may.

    GitHub sends SIGINT to a cancelled step, and SIGTERM 7.5 seconds later: the second must not break the clean-up that
    the first began. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
    """

    def __init__(self) -> None:
        self._may_raise = True
        self._received = ""

    def receive(self, number: int, frame: FrameType | None) -> None:
        self._received = self._received or signal.Signals(number).name
        if self._may_raise:
            self.raise_if_received()

    @property
    def received(self) -> bool:
        """Whether a signal came."""
        return bool(self._received)

    def hold(self) -> None:
        """From now on signals are only remembered."""
        self._may_raise = False

    def raise_if_received(self) -> None:
        """Raise `Interrupted` if a signal came; those that come later are only remembered."""
        if self._received:
            self.hold()
            raise Interrupted(f"Interrupted by {self._received}.")


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Let SIGINT and SIGTERM raise `Interrupted` inside; elsewhere than in the main thread signals are left alone."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.receive) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
