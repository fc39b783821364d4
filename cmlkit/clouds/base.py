"""What cmlkit needs of a cloud, in the cloud's own nouns. `clouds/aws` is the one there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from cmlkit.errors import CapacityError

Market = Literal["spot", "on-demand"]
Architecture = Literal["x86_64", "arm64"]

ALIVE = ("pending", "running", "stopping", "stopped")
"""States of an instance that costs money, now or when it is started again."""


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


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose credentials are used; `server_time` in seconds since the epoch, None where the cloud does not say."""

    account: str
    arn: str
    server_time: float | None = None


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """One instance to launch.

    Attributes:
        client_token: Launching again with the same token gives the same instance; up to 64 characters.
        user_data: The script of the first boot. It holds the JIT config, so it is not shown.
        disk_size: GiB of the root volume.
        disk_type: Type of the root volume, such as `gp3`.
        max_price: USD per hour above which a spot instance is given back; no limit when 0.
        tags: On the instance and on all that comes into being with it.
    """

    client_token: str
    instance_type: str
    market: Market
    image: Image
    subnet: Subnet
    security_groups: tuple[str, ...]
    user_data: str = field(repr=False)
    disk_size: int
    disk_type: str = "gp3"
    max_price: float = 0.0
    iam_instance_profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance as the cloud lists it.

    Attributes:
        state: `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
        launched: Seconds since the epoch.
        reason: Why it is in its state, in the cloud's words; often empty.
    """

    id: str
    state: str
    instance_type: str
    market: Market
    region: str
    zone: str
    launched: float
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def alive(self) -> bool:
        return self.state in ALIVE


class Remedy(Enum):
    """What may help where a launch was refused."""

    LATER = "the same again, after a pause"
    OTHER_PLACE = "another instance type, zone, market or region"
    OTHER_QUOTA = "a market, family or region whose quota is not used up"
    OTHER_MARKET = "the other market"
    OTHER_REGION = "another region"


class LaunchRefused(CapacityError):
    """A launch was refused, and something else than the same at once may succeed.

    Attributes:
        code: The cloud's error code, such as `InsufficientInstanceCapacity`.
    """

    def __init__(self, message: str, *, code: str, remedy: Remedy, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.code = code
        self.remedy = remedy


class Cloud(Protocol):
    """One region of a cloud, worked on with one account.

    Methods may be called from several threads. All raise `PermissionDenied` where a permission or the credentials are
    missing, `SettingsError` where what was asked for cannot exist, and `ServiceError` where the cloud failed for good.
    """

    @property
    def region(self) -> str: ...

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

    def quota_limit(self, instance_type: str, market: Market) -> float:
        """How many vCPUs the account may have running under that limit."""

    def identity(self) -> Identity:
        """Who the credentials are."""

    def egress_problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        """Why an instance there would not reach the internet over HTTPS; empty where it would."""

    def launch(self, spec: InstanceSpec) -> Instance:
        """One instance, tagged from its first moment.

        Raises:
            LaunchRefused: Another place, market or time may help.
            AnswerLost: It may have been launched or not; launching with the same token again is safe.
        """

    def check_launch(self, spec: InstanceSpec) -> None:
        """Raise what `launch` would raise for want of permission or for wrong values; nothing is launched."""

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        """Raise what `terminate`, or `tag` with that key, would raise for want of permission; nothing is changed."""

    def check_security_group(self, network: str) -> None:
        """Raise what `closed_security_group` would raise for want of permission; nothing is made."""

    def instances(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        """Instances that have one of `ids` if any is given, and all of `tags`, where an empty value stands for any.

        An id that the region does not know is left out.
        """

    def terminate(self, ids: Collection[str]) -> None:
        """Terminate for good; one that is terminated already is fine. NotFound where an id is unknown."""

    def tag(self, ids: Collection[str], tags: Mapping[str, str]) -> None:
        """Put tags on instances."""

    def schedule_termination(self, name: str, instance_id: str, *, at: float, role: str) -> None:
        """Let the cloud itself terminate the instance at a time, whatever becomes of everything else.

        Args:
            name: Of the schedule, to cancel it by. Scheduling again under the same name is fine.
            at: Seconds since the epoch.
            role: ARN of the role that the schedule acts in.
        """

    def cancel_termination(self, name: str) -> None:
        """Cancel a scheduled termination; one that is gone already is fine."""

    def console_output(self, instance_id: str) -> str:
        """What the instance wrote on its console, as far as the cloud has it; may be empty."""


CloudFor = Callable[[str], Cloud]
"""Gives the cloud's region of that name; that of the environment when the name is empty."""
