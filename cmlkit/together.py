"""Work beside other work: calls that do not depend on each other, at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


def together(*calls: Callable[[], T], at_once: int = 8) -> list[T]:
    """Return the results of the calls, in their order.

    All of them have ended when this returns or raises, so that nothing goes on behind the caller's back. Of several
    errors, the one of the first call is raised.

    Args:
        at_once: How many run at the same time.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(max_workers=min(at_once, len(calls))) as pool:
        started = [pool.submit(call) for call in calls]
    return [each.result() for each in started]


def beside(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Return the results of two calls that run at the same time; see `together`."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        started = pool.submit(second)
        result = first()
    return result, started.result()


def within(seconds: float, call: Callable[[], T], *, late: Callable[[], Exception]) -> T:
    """Return a call's result, or raise `late()` if it takes longer.

    A look-up of a name has no limit of its own. The thread that waits for it does not keep the process from ending.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the result raises it
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return result.result(timeout=seconds)
    except Late:
        if result.done():  # the call's own error
            raise
        raise late() from None
