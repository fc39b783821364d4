"""Prices: what AWS tells of them, and what it may leave out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cmlkit.clouds.aws.prices import Prices
from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.aws.region import AwsRegion


class Region:
    """A region with one answer about spot prices, and one product in the Price List."""

    name = "eu-west-1"

    def __init__(self, *, history: Sequence[Mapping[str, Any]] = (), product: Mapping[str, Any] | None = None) -> None:
        self._history = history
        self._products = [] if product is None else [json.dumps(product)]

    def pages(self, operation: str, key: str, **asked: Any) -> Iterator[Any]:
        yield from fields_of(self._history, "tell").items()

    def elsewhere(self, name: str) -> Region:
        return self

    def client(self, service: str, *, retrying: bool = True) -> Any:
        return SimpleNamespace(get_products=lambda **asked: {"PriceList": self._products})


def prices(**answers: Any) -> Prices:
    return Prices(cast("AwsRegion", Region(**answers)))


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
