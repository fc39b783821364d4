"""Work beside other work: calls that do not depend on each other, at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
