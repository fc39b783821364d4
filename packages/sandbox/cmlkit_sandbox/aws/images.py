"""Public machine images, and the SSM parameters that name their latest releases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

CANONICAL = "099720109477"
AMAZON = "898082745236"


@dataclass(frozen=True, kw_only=True)
class PublicImage:
    """An image that every region offers under its own id.

    Attributes:
        alias: The owner's alias, if any.
        disk_size: Smallest root volume, in GiB.
    """

    name: str
    architecture: str
    owner: str
    alias: str = ""
    parameter: str
    disk_size: int

    def id(self, region: str) -> str:
        return f"ami-0{hashlib.sha256(f'{region} {self.name}'.encode()).hexdigest()[:16]}"


def _ubuntu(architecture: str, called: str, version: str = "24.04", codename: str = "noble") -> PublicImage:
    return PublicImage(
        name=f"ubuntu/images/hvm-ssd-gp3/ubuntu-{codename}-{version}-{called}-server-20260101",
        architecture=architecture,
        owner=CANONICAL,
        parameter=f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{called}/hvm/ebs-gp3/ami-id",
        disk_size=8,
    )


def _deep_learning(architecture: str, kind: str) -> PublicImage:
    return PublicImage(
        name=f"Deep Learning {kind} OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260101",
        architecture=architecture,
        owner=AMAZON,
        alias="amazon",
        parameter=f"/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
        disk_size=35,
    )


# https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
# https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
IMAGES = (
    _ubuntu("x86_64", "amd64"),
    _ubuntu("arm64", "arm64"),
    _deep_learning("x86_64", "Base"),
    _deep_learning("arm64", "ARM64 Base"),
)


def parameters(region: str) -> Mapping[str, str]:
    """Return SSM parameter name -> image id."""
    return {image.parameter: image.id(region) for image in IMAGES}
