"""Prices of instances per hour, on both markets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.planning import Market

# Only a few regions serve the Price List; it covers all regions.
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
PRICE_LIST_REGION = "us-east-1"
QUESTIONS_AT_ONCE = 8


class Prices:
    """Prices in the region, for Linux on shared hardware."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def hourly(self, instance_types: Sequence[str], market: Market) -> Mapping[tuple[str, str], float]:
        if market == "spot":
            return self._spot_prices(instance_types)
        with ThreadPoolExecutor(max_workers=QUESTIONS_AT_ONCE) as pool:
            prices = dict(zip(instance_types, pool.map(self._list_price, instance_types), strict=True))
        return {(name, ""): price for name, price in prices.items() if price is not None}

    def _spot_prices(self, instance_types: Sequence[str]) -> Mapping[tuple[str, str], float]:
        # With the current time as start, each type and zone has one price, the current one.
        history = self._region.pages(
            "describe_spot_price_history",
            "SpotPriceHistory",
            doing="tell spot prices",
            InstanceTypes=list(instance_types),
            ProductDescriptions=["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
            StartTime=datetime.now(UTC),
        )
        return {
            (str(item["InstanceType"]), str(item["AvailabilityZone"])): float(item["SpotPrice"]) for item in history
        }

    def _list_price(self, instance_type: str) -> float | None:
        wanted = {
            "instanceType": instance_type,
            "regionCode": self._region.name,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
        with explained(f"tell the price of {instance_type} in {self._region}"):
            answer = (
                self._region.elsewhere(PRICE_LIST_REGION)
                .client("pricing", retrying=False)
                .get_products(
                    ServiceCode="AmazonEC2",
                    Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
                    MaxResults=1,
                )
            )
        return next((_hourly(json.loads(product)) for product in answer["PriceList"]), None)


def _hourly(product: Any) -> float | None:
    """Return the USD per hour of a product in the Price List.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
    """
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] == "Hrs":
                return float(dimension["pricePerUnit"]["USD"])
    return None
