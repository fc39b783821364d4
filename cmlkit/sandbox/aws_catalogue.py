"""What everybody finds in AWS: public images and the parameters that name them, and prices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UBUNTU_OWNER = "099720109477"
AMAZON_OWNER = "137112412989"

# USD per hour for Linux in eu-west-1, as the public price list had them in 2025.
ON_DEMAND_PRICES: Mapping[str, float] = {
    "t3.micro": 0.0114,
    "t3.small": 0.0228,
    "t3.medium": 0.0456,
    "t3.large": 0.0912,
    "t3a.medium": 0.0408,
    "t4g.medium": 0.0368,
    "m5.large": 0.107,
    "m5.xlarge": 0.214,
    "c5.large": 0.096,
    "c5.xlarge": 0.192,
    "c5.2xlarge": 0.384,
    "c6i.large": 0.0912,
    "c6i.xlarge": 0.1824,
    "c7g.large": 0.0774,
    "r5.large": 0.141,
    "g4dn.xlarge": 0.587,
    "g5.xlarge": 1.123,
    "p3.2xlarge": 3.305,
}
SPOT_SHARE = 0.36
"""What a spot instance costs of the on-demand price."""


@dataclass(frozen=True, kw_only=True)
class PublicImage:
    """An image that its publisher renews under one SSM parameter."""

    id: str
    name: str
    architecture: str
    owner: str
    parameter: str


def _ubuntu(number: int, architecture: str, called: str) -> PublicImage:
    return PublicImage(
        id=f"ami-0ab0000000000000{number}",
        name=f"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{called}-server-20260101",
        architecture=architecture,
        owner=UBUNTU_OWNER,
        parameter=f"/aws/service/canonical/ubuntu/server/24.04/stable/current/{called}/hvm/ebs-gp3/ami-id",
    )


def _deep_learning(number: int, architecture: str, kind: str) -> PublicImage:
    return PublicImage(
        id=f"ami-0d10000000000000{number}",
        name=f"Deep Learning {kind} OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260101",
        architecture=architecture,
        owner=AMAZON_OWNER,
        parameter=f"/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
    )


IMAGES = (
    _ubuntu(1, "x86_64", "amd64"),
    _ubuntu(2, "arm64", "arm64"),
    _deep_learning(1, "x86_64", "Base"),
    _deep_learning(2, "arm64", "ARM64 Base"),
)


def add_images(backend: Any) -> None:
    """Put the public images into moto's EC2 backend of one region."""
    from moto.ec2.models.amis import Ami

    for image in IMAGES:
        backend.amis[image.id] = Ami(
            backend,
            image.id,
            name=image.name,
            architecture=image.architecture,
            owner_id=image.owner,
            public=True,
            root_device_name="/dev/sda1",
            root_device_type="ebs",
        )


def parameter_values() -> dict[str, str]:
    """SSM parameter -> image id."""
    return {image.parameter: image.id for image in IMAGES}


def price_list(filters: Mapping[str, str]) -> list[str]:
    """What the Price List's GetProducts answers for an instance type: one product as JSON, or nothing."""
    price = ON_DEMAND_PRICES.get(filters.get("instanceType", ""))
    if price is None:
        return []
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{price:.10f}"}}
    product = {
        "product": {"attributes": dict(filters)},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {"T": {"priceDimensions": {"D": dimension}}}},
    }
    return [json.dumps(product)]
