"""Prices: what AWS tells of them, and what it may leave out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cmlkit.clouds.aws.prices import Prices
from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.launching import Instance


class Region:
    """A region with one answer about spot prices, and one product in the Price List."""

    name = "eu-west-1"

    def __init__(self, *, history: Sequence[Mapping[str, Any]] = (), product: Mapping[str, Any] | None = None) -> None:
        self.asked: dict[str, Any] = {}
        self._history = history
        self._products = [] if product is None else [json.dumps(product)]

    def pages(self, operation: str, key: str, **asked: Any) -> Iterator[Any]:
        self.asked = asked
        yield from fields_of(self._history, "tell").items()

    def elsewhere(self, name: str) -> Region:
        return self

    def client(self, service: str, *, retrying: bool = True) -> Any:
        return SimpleNamespace(get_products=lambda **asked: {"PriceList": self._products})


def prices(**answers: Any) -> Prices:
    return Prices(cast("AwsRegion", Region(**answers)))


def test_the_price_of_now_is_asked_for_with_now_as_the_start() -> None:
    region = Region()
    before = datetime.now(UTC)
    Prices(cast("AwsRegion", region)).hourly(["t3.medium"], "spot")
    assert before <= region.asked["StartTime"] <= datetime.now(UTC)
    assert "EndTime" not in region.asked


def test_an_instance_is_charged_at_the_prices_of_its_own_life_in_its_own_zone() -> None:
    launched, until = 1_800_000_000.0, 1_800_007_200.0
    life = [(launched - 90, "0.1"), (launched + 3600, "0.3")]
    region = Region(history=[{"Timestamp": datetime.fromtimestamp(at, UTC), "SpotPrice": usd} for at, usd in life])
    spot = Instance(
        id="i-1",
        state="running",
        instance_type="t3.medium",
        market="spot",
        region=region.name,
        zone="eu-west-1b",
        launched=launched,
    )
    assert Prices(cast("AwsRegion", region)).charge(spot, until=until) == pytest.approx(0.4)
    assert region.asked["StartTime"] == datetime.fromtimestamp(launched, UTC)
    assert region.asked["EndTime"] == datetime.fromtimestamp(until, UTC)
    assert (region.asked["AvailabilityZone"], region.asked["InstanceTypes"]) == ("eu-west-1b", ["t3.medium"])


# All members of a SpotPrice are optional. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotPrice.html
def test_a_spot_price_that_says_too_little_is_left_out() -> None:
    whole = {"InstanceType": "t3.medium", "AvailabilityZone": "eu-west-1a", "SpotPrice": "0.0125"}
    partial = [{name: text for name, text in whole.items() if name != missing} for missing in whole]
    assert prices(history=[*partial, whole]).hourly(["t3.medium"], "spot") == {("t3.medium", "eu-west-1a"): 0.0125}


@pytest.mark.parametrize(
    "dimension",
    [{}, {"unit": "Hrs"}, {"unit": "Hrs", "pricePerUnit": {"CNY": "0.2"}}, {"pricePerUnit": {"USD": "0.2"}}],
)
def test_a_listed_price_in_no_dollars_or_no_hours_is_unknown(dimension: dict[str, Any]) -> None:
    product = {"terms": {"OnDemand": {"x": {"priceDimensions": {"y": dimension}}, "z": {}}}}
    assert prices(product=product).hourly(["t3.medium"], "on-demand") == {}
