"""Signals: the first one interrupts, the others wait, and the handlers come back."""

from __future__ import annotations

import signal
import threading

import pytest

from cmlkit.errors import Interrupted
from cmlkit.process import ENDING_SIGNALS
from cmlkit.runner.signals import catching_signals


@pytest.mark.usefixtures("hang_ups")
@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_interrupts_the_work(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=number.name), catching_signals():
        signal.raise_signal(number)


def test_a_second_signal_does_not_interrupt_the_clean_up() -> None:
    cleaned_up = False
    with catching_signals():
        try:
            signal.raise_signal(signal.SIGINT)
        except Interrupted:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            cleaned_up = True
    assert cleaned_up


def test_a_signal_that_is_held_back_is_raised_when_asked_for() -> None:
    with catching_signals() as signals:
        signals.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            signals.raise_if_received()


def test_without_a_signal_nothing_is_raised() -> None:
    with catching_signals() as signals:
        signals.raise_if_received()


@pytest.mark.usefixtures("hang_ups")
def test_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in ENDING_SIGNALS]
    with catching_signals():
        assert [signal.getsignal(number) for number in ENDING_SIGNALS] != before
    assert [signal.getsignal(number) for number in ENDING_SIGNALS] == before


def test_other_threads_leave_signals_alone() -> None:
    seen: list[object] = []

    def work() -> None:
        with catching_signals():
            seen.extend(signal.getsignal(number) for number in ENDING_SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(number) for number in ENDING_SIGNALS]
