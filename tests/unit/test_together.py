"""Work beside other work: at once, with the results in order, and nothing left running."""

from __future__ import annotations

import threading

import pytest

from cmlkit.together import beside, together, within


def test_calls_run_at_once_and_their_results_are_in_order() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def numbered(number: int) -> int:
        barrier.wait()  # nobody gets past it alone
        return number

    assert together(lambda: numbered(1), lambda: numbered(2), lambda: numbered(3)) == [1, 2, 3]


def test_no_more_run_at_a_time_than_allowed() -> None:
    pairs, lock, running, most = threading.Barrier(2, timeout=10), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pairs.wait()
        with lock:
            running -= 1

    together(*[work] * 8, at_once=2)
    assert most == 2


def test_the_first_error_in_order_is_raised_once_all_calls_have_ended() -> None:
    failed, ended = threading.Event(), []

    def slow() -> None:
        failed.wait(timeout=10)
        ended.append("slow")
        raise ValueError("first")

    def fast() -> None:
        failed.set()
        raise KeyError("second")

    with pytest.raises(ValueError, match="first"):
        together(slow, fast, lambda: ended.append("third"))
    assert sorted(ended) == ["slow", "third"]


def test_one_call_or_none_needs_no_thread() -> None:
    assert together(threading.current_thread) == [threading.current_thread()]
    assert together() == []


def test_two_calls_of_different_kinds_run_beside_each_other() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def text() -> str:
        barrier.wait()
        return "a"

    def number() -> int:
        barrier.wait()
        return 1

    assert beside(text, number) == ("a", 1)


def test_what_runs_beside_a_failing_call_ends_before_the_error_is_raised() -> None:
    ended = []

    def fails() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        beside(fails, lambda: ended.append("second"))
    assert ended == ["second"]


def test_a_call_that_never_ends_is_left_behind() -> None:
    never, before = threading.Event(), set(threading.enumerate())
    with pytest.raises(LookupError, match="nobody is there"):
        within(0.01, never.wait, late=lambda: LookupError("nobody is there"))
    # It does not keep the process from ending.
    assert [thread.daemon for thread in set(threading.enumerate()) - before] == [True]
    never.set()


def test_a_call_that_ends_in_time_gives_its_result_or_its_own_error() -> None:
    assert within(60.0, lambda: 3, late=LookupError) == 3
    with pytest.raises(TimeoutError, match="of the call"):
        within(60.0, lambda: failing(TimeoutError("of the call")), late=LookupError)


def failing(error: Exception) -> None:
    raise error
