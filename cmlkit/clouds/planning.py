"""The part of a cloud that planning a launch needs: images, instance types, places, prices and quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cmlkit.errors import SettingsError

Market = Literal["spot", "on-demand"]
Architecture = Literal["x86_64", "arm64"]


class NotListed(SettingsError):
    """The cloud lists no resource with the id that a setting names; a new one is listed within seconds."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A machine image.

    Attributes:
        root_device: Name of the root volume, such as `/dev/sda1`.
        disk_size: Smallest size of the root volume, in GiB.
        further_devices: Names of the volumes that the image brings beside the root.
        for_gpus: Whether it is meant for types with GPUs (True) or without (False); None for both.
    """

    id: str
    name: str
    architecture: Architecture
    root_device: str
    disk_size: int
    further_devices: tuple[str, ...] = ()
    for_gpus: bool | None = None

    def serves(self, instance_type: InstanceType) -> bool:
        """Return whether an instance of that type can be launched from the image."""
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
    """The minimum that a type must have; `memory` in GiB."""

    architecture: Architecture
    cpus: int = 0
    memory: float = 0.0
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet for instances, its network, and its zone, such as `eu-west-1a`.

    Attributes:
        gives_public_addresses: Whether instances there get a public address automatically.
    """

    id: str
    network: str
    zone: str
    gives_public_addresses: bool = True


class Region(Protocol):
    """One region of a cloud, used with one account.

    All methods of this and of its subclasses are thread-safe. All raise `PermissionDenied` if a permission or the
    credentials are missing, `SettingsError` if the request names something that cannot exist, and `ServiceError` if the
    cloud failed for good.
    """

    @property
    def name(self) -> str:
        """The cloud's own name, for messages."""

    @property
    def region(self) -> str:
        """The region's name."""


class PlanningCloud(Region, Protocol):
    """One region of a cloud, for planning."""

    @property
    def types_command(self) -> str:
        """Command that lists the instance types, for messages."""

    def images(self, name: str) -> list[Image]:
        """Return the images with that name; if it is empty, the default ones for types with and without GPUs.

        Raises:
            SettingsError: The image is missing.
        """

    def instance_types(self, names: Sequence[str]) -> list[InstanceType]:
        """Return the named types that the region offers, in the order of `names`."""

    def fitting_types(self, needs: Needs) -> list[InstanceType]:
        """Return the smallest types of the current generation that meet the needs, smallest first."""

    def subnets(self, ids: Sequence[str]) -> list[Subnet]:
        """Return those of the given subnets that are in this region; the default network's if `ids` is empty.

        Raises:
            SettingsError: The region has no such subnet.
        """

    def closed_security_group(self, network: str, *, make: bool = True, tags: Mapping[str, str] | None = None) -> str:
        """Return the id of cmlkit's own group in the network, which lets nothing in; empty if missing.

        Args:
            make: Whether to create a missing group.
            tags: Tags for a new group, beside cmlkit's own.
        """

    def hourly_prices(self, instance_types: Sequence[str], market: Market) -> Mapping[tuple[str, str], float]:
        """Return USD per hour by (type, zone), as far as known; the zone is empty if prices do not depend on it."""

    def storage_price(self, disk_type: str) -> float | None:
        """Return USD per hour for a GiB of such a volume; None if unknown."""

    def address_price(self, subnet: Subnet) -> float | None:
        """Return USD per hour for the public address of an instance there, 0 without one; None if unknown."""

    def quota(self, instance_type: str, market: Market) -> str:
        """Return the cloud's name of the account's limit on running instances of this kind, for people."""
