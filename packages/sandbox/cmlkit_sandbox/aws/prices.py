"""Prices of the most used types, for the Price List and the spot price history."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cmlkit_sandbox.aws.answer import Answer, ec2_answer, json_answer
from cmlkit_sandbox.aws.call import Call

# USD per hour of Linux on shared hardware in us-east-1, of each family's `large`; the other sizes follow from it.
# https://aws.amazon.com/ec2/pricing/on-demand/
_LARGE: Mapping[str, float] = {
    "t3": 0.0832,
    "t3a": 0.0752,
    "t4g": 0.0672,
    "m5": 0.096,
    "m5a": 0.086,
    "m6i": 0.096,
    "m6a": 0.0864,
    "m6g": 0.077,
    "m7i": 0.1008,
    "m7g": 0.0816,
    "c5": 0.085,
    "c5a": 0.077,
    "c6i": 0.085,
    "c6a": 0.0765,
    "c6g": 0.068,
    "c7i": 0.08925,
    "c7g": 0.0725,
    "r5": 0.126,
    "r6i": 0.126,
    "r6g": 0.1008,
}
_SIZES: Mapping[str, float] = {
    "nano": 1 / 16,
    "micro": 1 / 8,
    "small": 1 / 4,
    "medium": 1 / 2,
    "large": 1,
    "xlarge": 2,
    "2xlarge": 4,
    "4xlarge": 8,
    "8xlarge": 16,
    "12xlarge": 24,
    "16xlarge": 32,
}
_OTHERS: Mapping[str, float] = {
    "g4dn.xlarge": 0.526,
    "g4dn.2xlarge": 0.752,
    "g4dn.4xlarge": 1.204,
    "g4dn.8xlarge": 2.176,
    "g4dn.12xlarge": 3.912,
    "g5.xlarge": 1.006,
    "g5.2xlarge": 1.212,
    "g5.4xlarge": 1.624,
    "g5g.xlarge": 0.42,
    "g6.xlarge": 0.8048,
    "g6.2xlarge": 0.9776,
    "p3.2xlarge": 3.06,
    "p3.8xlarge": 12.24,
}
# USD per GB-month in us-east-1. https://aws.amazon.com/ebs/pricing/
_VOLUMES: Mapping[str, float] = {"gp3": 0.08, "gp2": 0.10, "standard": 0.05}
# About what a region costs more than us-east-1.
_REGIONS: Mapping[str, float] = {
    "us-east-1": 1.0,
    "us-east-2": 1.0,
    "us-west-2": 1.0,
    "us-west-1": 1.19,
    "ca-central-1": 1.11,
    "eu-west-1": 1.1,
    "eu-west-2": 1.14,
    "eu-west-3": 1.15,
    "eu-central-1": 1.16,
    "eu-north-1": 1.05,
    "ap-south-1": 1.05,
    "ap-southeast-1": 1.25,
    "ap-southeast-2": 1.27,
    "ap-northeast-1": 1.29,
    "sa-east-1": 1.6,
}
_ELSEWHERE = 1.2
# How long ago the price has changed, if nobody says so.
_LAST_CHANGE_SECONDS = 3600.0
_BURSTABLE = ("t3", "t3a", "t4g")


def on_demand_price(instance_type: str, region: str) -> float | None:
    """Return USD per hour; None if the sandbox has no price."""
    family, _, size = instance_type.partition(".")
    is_offered = size in _SIZES and (family in _BURSTABLE or _SIZES[size] >= 1 or family[-1:] == "g")
    base = _LARGE[family] * _SIZES[size] if family in _LARGE and is_offered else _OTHERS.get(instance_type)
    return None if base is None else round(base * _REGIONS.get(region, _ELSEWHERE), 7)


def spot_price(instance_type: str, zone: str) -> float | None:
    """Return USD per hour in an availability zone: a third or so of the on-demand price, the same each time."""
    price = on_demand_price(instance_type, zone[:-1])
    share = 0.30 + zlib.crc32(f"{instance_type} {zone}".encode()) % 16 / 100
    return None if price is None else round(price * share, 6)


def products(call: Call) -> Answer:
    """Answer the Price List's GetProducts.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
    """
    wanted = {str(item["Field"]): str(item["Value"]) for item in call.parameters.get("Filters", [])}
    if wanted.get("productFamily") == "Storage":
        return _volumes(wanted)
    names = [wanted["instanceType"]] if "instanceType" in wanted else [*_known_types()]
    regions = [wanted["regionCode"]] if "regionCode" in wanted else [*_REGIONS]
    found = [_product(name, region) for name in names for region in regions if on_demand_price(name, region)]
    return json_answer(
        {"FormatVersion": "aws_v1", "PriceList": [json.dumps(item) for item in found if _fits(item, wanted)]}
    )


def spot_history(call: Call, zones: Sequence[tuple[str, str]], changes: Sequence[tuple[float, float]] = ()) -> Answer:
    """Answer EC2's DescribeSpotPriceHistory: the price changes of each type in each zone, and the one before them.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html

    Args:
        zones: The pairs (type, zone) that the region offers.
        changes: Times, in seconds since the epoch, and the factor of all prices from then on.
    """
    start, end = _moment(call.text("StartTime"), 0.0), _moment(call.text("EndTime"), time.time())
    before = max([(0.0, 1.0), *(change for change in changes if change[0] <= start)])
    told = [(max(before[0], start - _LAST_CHANGE_SECONDS), before[1])]
    told += [change for change in changes if start < change[0] <= end]
    zones = [(name, zone) for name, zone in zones if call.text("AvailabilityZone") in ("", zone)]
    items = "".join(_spot_items(zones, at, factor) for at, factor in told)
    return ec2_answer(call.action, f"<spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken/>")


def _moment(text: str, missing: float) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else missing


def _spot_items(zones: Sequence[tuple[str, str]], at: float, factor: float) -> str:
    moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    return "".join(
        f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription>"
        f"<spotPrice>{price * factor:.6f}</spotPrice><timestamp>{moment}</timestamp>"
        f"<availabilityZone>{zone}</availabilityZone></item>"
        for name, zone in zones
        if (price := spot_price(name, zone)) is not None
    )


def _volumes(wanted: Mapping[str, str]) -> Answer:
    found = [_volume(name, region) for name in _VOLUMES for region in _REGIONS]
    return json_answer(
        {"FormatVersion": "aws_v1", "PriceList": [json.dumps(item) for item in found if _fits(item, wanted)]}
    )


def _volume(name: str, region: str) -> Mapping[str, object]:
    dimension = {
        "unit": "GB-Mo",
        "description": f"per GB-month of {name} provisioned storage",
        "pricePerUnit": {"USD": f"{_VOLUMES[name] * _REGIONS[region]:.10f}"},
    }
    attributes = {"volumeApiName": name, "regionCode": region, "servicecode": "AmazonEC2"}
    return {
        "serviceCode": "AmazonEC2",
        "product": {"productFamily": "Storage", "attributes": {**attributes, "productFamily": "Storage"}},
        "terms": {"OnDemand": {"SANDBOX.TERM": {"priceDimensions": {"SANDBOX.TERM.RATE": dimension}}}},
    }


def _known_types() -> list[str]:
    return [f"{family}.{size}" for family in _LARGE for size in _SIZES] + [*_OTHERS]


def _product(instance_type: str, region: str) -> Mapping[str, object]:
    dimension = {
        "unit": "Hrs",
        "description": f"On Demand Linux {instance_type} Instance Hour",
        "pricePerUnit": {"USD": f"{on_demand_price(instance_type, region):.10f}"},
    }
    attributes = {
        "instanceType": instance_type,
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
        "marketoption": "OnDemand",
        "servicecode": "AmazonEC2",
    }
    return {
        "serviceCode": "AmazonEC2",
        "product": {"productFamily": "Compute Instance", "attributes": attributes},
        "terms": {"OnDemand": {"SANDBOX.TERM": {"priceDimensions": {"SANDBOX.TERM.RATE": dimension}}}},
    }


def _fits(product: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    described = product["product"]
    assert isinstance(described, dict)
    return all(described["attributes"].get(name) == value for name, value in wanted.items())
