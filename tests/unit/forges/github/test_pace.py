"""The pace of requests: what GitHub's documentation of secondary limits allows, and not more."""

from __future__ import annotations

from cmlkit.forges.github.pace import Pace

NOW = 1_700_000_000.0


def moments(number: int, *, writes: bool) -> list[float]:
    """Seconds after the start at which so many requests are sent, if each is sent as early as it may."""
    pace, now = Pace(), NOW
    for _ in range(number):
        now += pace.wait(now, writes=writes)
    return [now - NOW]


def test_eighty_writes_go_at_once_and_the_next_a_minute_later() -> None:
    assert moments(80, writes=True) == [0.0]
    assert moments(81, writes=True) == [60.0]
    assert moments(161, writes=True) == [120.0]


def test_five_hundred_writes_fill_an_hour() -> None:
    assert moments(500, writes=True) == [360.0]
    assert moments(501, writes=True) == [3600.0]


def test_nine_hundred_reads_fill_a_minute() -> None:
    assert moments(900, writes=False) == [0.0]
    assert moments(901, writes=False) == [60.0]


def test_writes_cost_five_points_of_the_same_account() -> None:
    pace = Pace()
    assert [pace.wait(NOW, writes=True) for _ in range(80)] == [0.0] * 80
    assert [pace.wait(NOW, writes=False) for _ in range(500)] == [0.0] * 500
    assert pace.wait(NOW, writes=False) == 60.0


def test_what_is_a_minute_old_counts_no_more() -> None:
    pace = Pace()
    for _ in range(80):
        pace.wait(NOW, writes=True)
    assert pace.wait(NOW + 59, writes=True) == 1.0
    assert pace.wait(NOW + 61, writes=True) == 0.0
