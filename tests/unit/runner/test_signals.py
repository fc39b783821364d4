"""Signals: the first one interrupts, the others wait, and the handlers come back."""

from __future__ import annotations

import signal
import threading

import pytest

from cmlkit.errors import Interrupted
from cmlkit.runner.signals import SIGNALS, interruptible


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_the_work(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=number.name), interruptible():
        signal.raise_signal(number)


def test_a_second_signal_does_not_interrupt_the_clean_up() -> None:
    cleaned_up = False
    with interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        except Interrupted:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            cleaned_up = True
    assert cleaned_up


def test_a_signal_that_is_held_back_is_raised_when_asked_for() -> None:
    with interruptible() as interruption:
        interruption.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            interruption.raise_if_received()


def test_without_a_signal_nothing_is_raised() -> None:
    with interruptible() as interruption:
        interruption.raise_if_received()


def test_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_other_threads_leave_signals_alone() -> None:
    seen: list[object] = []

    def work() -> None:
        with interruptible():
            seen.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(number) for number in SIGNALS]
