"""Cost: price times time, with EC2's minimum of a minute."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from cmlkit.records.cost import Cost, cost, cost_of, cost_over, cost_until, dollars, hourly
from cmlkit.records.training_run import InstanceFacts, Resources, TrainingRun

INSTANCE = InstanceFacts(
    instance_id="i-1", instance_type="t3.medium", market="spot", region="eu-west-1", price=0.02, started=1000.0
)


@pytest.mark.parametrize(
    ("price", "seconds", "usd"), [(0.36, 3600.0, 0.36), (0.36, 90.0, 0.009), (0.36, 5.0, 0.006), (None, 60.0, None)]
)
def test_cost_is_by_the_second_and_a_minute_at_least(price: float | None, seconds: float, usd: float | None) -> None:
    assert cost(price, seconds) == (None if usd is None else pytest.approx(usd))


def test_an_instance_costs_from_its_start() -> None:
    assert cost_until(INSTANCE, 1000.0 + 1800.0).total == pytest.approx(0.01)


def test_without_a_start_the_cost_is_unknown() -> None:
    assert cost_until(replace(INSTANCE, started=None), 5000.0).total is None


def test_a_price_that_changes_counts_for_as_long_as_it_holds() -> None:
    # From 1000 to 4600 s: half an hour at 1 USD, half an hour at 3.
    assert cost_over([(2800.0, 3.0), (0.0, 9.0), (500.0, 1.0), (9000.0, 50.0)], 1000.0, 4600.0) == pytest.approx(2.0)
    assert cost_over([(500.0, 1.2)], 1000.0, 1005.0) == pytest.approx(0.02)  # a minute at least
    assert cost_over([(1000.0, 1.2)], 1000.0, 4600.0) == pytest.approx(1.2)
    assert cost_over([(1001.0, 1.0)], 1000.0, 4600.0) is None
    assert cost_over([], 1000.0, 4600.0) is None


def test_disk_address_and_the_forges_minutes_are_parts_of_the_cost() -> None:
    facts = replace(INSTANCE, disk_price=0.004, address_price=0.005, minute_price=0.002)
    found = cost_until(facts, 1000.0 + 1801.0)
    assert found.parts == {
        "instance": pytest.approx(0.01, rel=0.01),
        "disk": pytest.approx(0.002, rel=0.01),
        "public address": pytest.approx(0.0025, rel=0.01),
        "minutes of the job": pytest.approx(31 * 0.002),  # each begun one counts
    }
    assert found.total == pytest.approx(0.0145 + 0.062, rel=0.01)


def test_an_unknown_part_is_named_and_one_that_costs_nothing_is_not() -> None:
    found = cost_until(replace(INSTANCE, address_price=0.0), 1000.0 + 1800.0)
    assert found.parts == {"instance": pytest.approx(0.01), "disk": None}
    assert found.total == pytest.approx(0.01)
    assert cost_until(replace(INSTANCE, price=None, disk_price=1.0), 5000.0).total is None


# 0.18 USD per hour or 0.003 per minute for each part, so that a wrong span of time shows.
PRICED = replace(INSTANCE, price=0.18, disk_price=0.18, address_price=0.18, minute_price=0.003)


def run_of(instance: InstanceFacts | None) -> TrainingRun:
    """Return a training of ten minutes that began five minutes after the instance's boot."""
    resources = Resources(wall_seconds=600.0, cpu_seconds=9999.0, peak_memory_bytes=1)
    return TrainingRun(
        mode="command", command="", metrics={}, model="", resources=resources, started=1300.0, instance=instance
    )


@pytest.mark.parametrize(
    ("instance", "minutes"), [(PRICED, 15), (replace(PRICED, started=None), 10)], ids=["since boot", "training alone"]
)
def test_a_training_costs_its_instance_since_boot_or_if_that_is_unknown_the_training(
    instance: InstanceFacts, minutes: int
) -> None:
    assert astuple(cost_of(run_of(instance))) == pytest.approx([minutes * 0.003] * 4)


def test_the_cost_of_a_training_on_another_machine_is_unknown() -> None:
    assert cost_of(run_of(None)) == Cost()
    assert cost_of(run_of(None)).total is None


def test_an_address_is_billed_by_the_second_the_rest_for_a_minute_at_least() -> None:
    assert astuple(cost_until(PRICED, 1000.0)) == pytest.approx([0.003, 0.003, 0.0, 0.0])
    assert astuple(cost_until(PRICED, 1010.0)) == pytest.approx([0.003, 0.003, 0.0005, 0.003])


@pytest.mark.parametrize(
    ("facts", "usd"),
    [
        (PRICED, 4 * 0.18),
        (replace(PRICED, started=None, disk_price=None), 3 * 0.18),
        (replace(PRICED, price=None), None),
    ],
)
def test_an_hour_costs_all_parts_that_are_known(facts: InstanceFacts, usd: float | None) -> None:
    assert hourly(facts) == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (12.3456, "$12.35"),
        (1.0, "$1.00"),
        (0.5, "$0.50"),
        (0.1, "$0.10"),
        (0.0996, "$0.10"),
        (0.0949, "$0.095"),
        (0.05, "$0.05"),
        (0.0123, "$0.012"),
        (0.00034, "$0.00034"),
        (3e-12, "$0.000000000003"),
    ],
)
def test_amounts_are_shown_as_people_read_them(amount: float | None, text: str) -> None:
    assert dollars(amount) == text
