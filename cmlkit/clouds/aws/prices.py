"""Prices of instances per hour, on both markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from cmlkit.clouds.aws.refusal import explained, fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.launching import Instance
from cmlkit.clouds.planning import Market, Subnet
from cmlkit.records.cost import cost, cost_over
from cmlkit.records.fields import Fields
from cmlkit.records.json_text import read_json

# Only a few regions serve the Price List; it covers all regions.
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
PRICE_LIST_REGION = "us-east-1"
# The month that AWS's own calculator takes. https://docs.aws.amazon.com/pricing-calculator/latest/userguide/ebs.html
HOURS_A_MONTH = 730.0
# In every region. https://aws.amazon.com/vpc/pricing/
PUBLIC_ADDRESS_USD_PER_HOUR = 0.005
QUESTIONS_AT_ONCE = 8
LINUX = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]
WAIVED_SECONDS = 3600.0
"""The first hour of a spot instance on Linux or Windows costs nothing if AWS itself interrupts it in that hour."""


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

    def storage(self, disk_type: str) -> float | None:
        """Return USD per hour for a GiB of volumes of that type, without further throughput and IOPS."""
        wanted = {"productFamily": "Storage", "volumeApiName": disk_type, "regionCode": self._region.name}
        monthly = self._listed(wanted, doing=f"tell the price of {disk_type} volumes in {self._region}", unit="GB-Mo")
        return None if monthly is None else monthly / HOURS_A_MONTH

    def charge(self, instance: Instance, *, until: float) -> float | None:
        """Return USD for an instance from its launch to `until`, at the prices of that time; None if unknown.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-for-interrupted-spot-instances.html
        """
        if instance.market == "on-demand":
            return cost(self._list_price(instance.instance_type), until - instance.launched)
        if instance.taken_back and until - instance.launched < WAIVED_SECONDS:
            return 0.0
        history = self._region.pages(
            "describe_spot_price_history",
            "SpotPriceHistory",
            doing="tell spot prices",
            InstanceTypes=[instance.instance_type],
            AvailabilityZone=instance.zone,
            ProductDescriptions=LINUX,
            # With it comes the last change before.
            StartTime=datetime.fromtimestamp(instance.launched, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
        )
        changes = [
            (item.moment("Timestamp"), item.number("SpotPrice"))
            for item in history
            if item.has("Timestamp") and item.has("SpotPrice")
        ]
        return cost_over(changes, instance.launched, until)

    def _spot_prices(self, instance_types: Sequence[str]) -> Mapping[tuple[str, str], float]:
        # With the current time as start, each type and zone has one price, the current one.
        history = self._region.pages(
            "describe_spot_price_history",
            "SpotPriceHistory",
            doing="tell spot prices",
            InstanceTypes=list(instance_types),
            ProductDescriptions=LINUX,
            StartTime=datetime.now(UTC),
        )
        return {
            (item.text("InstanceType"), item.text("AvailabilityZone")): item.number("SpotPrice")
            for item in history
            if item.has("InstanceType") and item.has("AvailabilityZone") and item.has("SpotPrice")
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
        return self._listed(wanted, doing=f"tell the price of {instance_type} in {self._region}", unit="Hrs")

    def _listed(self, wanted: Mapping[str, str], *, doing: str, unit: str) -> float | None:
        """Return the first price in the Price List, in USD per `unit`, of a product with those attributes."""
        with explained(doing):
            answer = (
                self._region.elsewhere(PRICE_LIST_REGION)
                .client("pricing", retrying=False)
                .get_products(
                    ServiceCode="AmazonEC2",
                    Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
                    MaxResults=1,
                )
            )
            products = [read_json(product) for product in fields_of(answer, doing).texts("PriceList")]
        return next((_price(fields_of(product, doing), unit) for product in products), None)


def address_price(subnet: Subnet) -> float | None:
    """Return USD per hour for the public address that an instance in the subnet gets; 0 if it gets none."""
    return PUBLIC_ADDRESS_USD_PER_HOUR if subnet.gives_public_addresses else 0.0


def _price(product: Fields, unit: str) -> float | None:
    """Return the USD per `unit` of a product in the Price List.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
    """
    terms = product.within("terms", "OnDemand")
    for term in map(terms.inside, terms.names()):
        dimensions = term.within("priceDimensions")
        for dimension in map(dimensions.inside, dimensions.names()):
            usd = dimension.within("pricePerUnit")
            if dimension.text("unit", "") == unit and usd.has("USD"):
                return usd.number("USD")
    return None
