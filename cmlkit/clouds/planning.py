"""What planning a launch needs of a cloud: images, instance types, places, prices and quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Market = Literal["spot", "on-demand"]
Architecture = Literal["x86_64", "arm64"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A machine image.

    Attributes:
        root_device: Name of the root volume, such as `/dev/sda1`.
        disk_size: GiB that the root volume must have at least.
        for_gpus: Whether it is meant for types with GPUs or for those without; None where it serves both.
    """

    id: str
    name: str
    architecture: Architecture
    root_device: str
    disk_size: int
    for_gpus: bool | None = None

    def serves(self, instance_type: InstanceType) -> bool:
        """Whether an instance of that type can be launched from the image."""
        return self.architecture == instance_type.architecture and self.for_gpus in (None, instance_type.gpus > 0)


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """A type of instance that the region offers; `memory` in GiB."""

    name: str
    architecture: Architecture
    cpus: int
    memory: float
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a type must have at least; `memory` in GiB."""

    architecture: Architecture
    cpus: int = 0
    memory: float = 0.0
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """Where an instance can be placed: a subnet, its network, and its zone, such as `eu-west-1a`.

    Attributes:
        gives_public_addresses: Whether an instance there gets a public address by itself.
    """

    id: str
    network: str
    zone: str
    gives_public_addresses: bool = True


class Region(Protocol):
    """One region of a cloud, worked on with one account.

    Methods of this and of what is made of it may be called from several threads. All raise `PermissionDenied` if a
    permission or the credentials are missing, `SettingsError` if what was asked for cannot exist, and `ServiceError` if
    the cloud failed for good.
    """

    @property
    def name(self) -> str:
        """The cloud's own name, for messages."""

    @property
    def region(self) -> str:
        """The region's name."""


class PlanningCloud(Region, Protocol):
    """What planning needs."""

    @property
    def types_command(self) -> str:
        """Command that lists the instance types, for messages."""

    def images(self, name: str) -> list[Image]:
        """The images that the name stands for; when it is empty, those for types with and without GPUs.

        Raises:
            SettingsError: There is none.
        """

    def instance_types(self, names: Sequence[str]) -> list[InstanceType]:
        """Those of the named types that the region offers, in the order of `names`."""

    def fitting_types(self, needs: Needs) -> list[InstanceType]:
        """The smallest types of the current generation that have what is needed, smallest first."""

    def subnets(self, ids: Sequence[str]) -> list[Subnet]:
        """The given subnets, as far as they are in this region; the default network's when `ids` is empty.

        Raises:
            SettingsError: There is none.
        """

    def closed_security_group(self, network: str, *, make: bool = True) -> str:
        """Id of cmlkit's own group in the network, which lets nothing in.

        Args:
            make: Whether to make one that is missing; else the answer is empty for it.
        """

    def hourly_prices(self, instance_types: Sequence[str], market: Market) -> Mapping[tuple[str, str], float]:
        """(type, zone) -> USD per hour, as far as it can be told; the zone is empty where it makes no difference."""

    def quota(self, instance_type: str, market: Market) -> str:
        """What the cloud calls the account's limit on running instances of this kind, for people to read."""
