"""The ledger in pull requests: entries survive their body being replaced, and what is old or foreign does not count."""

from __future__ import annotations

import pytest

from cmlkit.publishing.spending import (
    WINDOW_SECONDS,
    Entry,
    carried,
    entries_in,
)

NOW = 1_717_142_400.0


def entry(run: str = "7", *, at: float = NOW, usd: float = 0.25) -> Entry:
    return Entry(run=run, attempt=1, usd=usd, at=at)


def test_an_entry_is_read_back_from_a_body() -> None:
    assert entries_in(f"Text\n{entry()}\nmore {entry('8')}") == [entry(), entry("8")]


@pytest.mark.parametrize(
    "text", ["{}", "{broken}", '{"run": "7"}', '{"run": "7", "attempt": 1, "usd": "much", "at": 1}', "[1]"]
)
def test_what_is_no_entry_is_left_out(text: str) -> None:
    assert entries_in(f"<!-- cmlkit-cost: {text} -->") == []


def test_a_new_body_keeps_the_entries_of_the_one_before_but_its_own_and_the_old_ones() -> None:
    before = "\n".join(map(str, [entry(usd=9), entry("6"), entry("5", at=NOW - WINDOW_SECONDS)]))
    assert entries_in(carried(before, f"New\n{entry()}", limit=1000)) == [entry(), entry("6")]


def test_a_body_of_a_run_without_cost_stays_as_it_is() -> None:
    assert carried(str(entry("6")), "New", limit=1000) == "New"


def test_what_does_not_fit_is_dropped_from_the_oldest_on() -> None:
    body = str(entry())
    before = "\n".join(str(entry(str(run), at=NOW - 100 + run)) for run in range(1, 50))
    kept = entries_in(carried(before, body, limit=3 * len(body)))
    assert [item.run for item in kept] == ["7", "49"]
