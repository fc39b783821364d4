"""Cost: price times time, with EC2's minimum of a minute."""

from __future__ import annotations

import pytest

from cmlkit.records.cost import cost, cost_until, dollars
from cmlkit.records.training_run import InstanceFacts

INSTANCE = InstanceFacts(
    instance_id="i-1", instance_type="t3.medium", market="spot", region="eu-west-1", price=0.02, started=1000.0
)


@pytest.mark.parametrize(
    ("price", "seconds", "usd"), [(0.36, 3600.0, 0.36), (0.36, 90.0, 0.009), (0.36, 5.0, 0.006), (None, 60.0, None)]
)
def test_cost_is_by_the_second_and_a_minute_at_least(price: float | None, seconds: float, usd: float | None) -> None:
    assert cost(price, seconds) == (None if usd is None else pytest.approx(usd))


def test_an_instance_costs_from_its_start() -> None:
    assert cost_until(INSTANCE, 1000.0 + 1800.0) == pytest.approx(0.01)


def test_without_a_start_the_cost_is_unknown() -> None:
    assert cost_until(InstanceFacts(**{**vars(INSTANCE), "started": None}), 5000.0) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unknown"), (0.0, "$0.00"), (12.3456, "$12.35"), (0.0123, "$0.012"), (0.5, "$0.50"), (0.00034, "$0.00034")],
)
def test_amounts_are_shown_as_people_read_them(amount: float | None, text: str) -> None:
    assert dollars(amount) == text
