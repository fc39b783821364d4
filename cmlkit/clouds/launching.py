"""The part of a cloud that launching, stopping and reaping need: its instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from cmlkit.clouds.planning import Image, Market, Region, Subnet
from cmlkit.errors import CapacityError, CmlkitError

ALIVE = ("pending", "running", "stopping", "stopped")
"""States in which an instance costs money, now or after it is started again."""


@dataclass(frozen=True, kw_only=True)
class FirstBoot:
    """A cloud's part of the boot script.

    Attributes:
        cloud: The cloud's name, for people.
        metadata_script: Bash functions that ask the cloud about the instance; `runner/life.sh` says which.
        user_data_limit: Largest size of user data, in bytes: the whole boot script after compression.
    """

    cloud: str
    metadata_script: str = field(repr=False)
    user_data_limit: int


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """One instance to launch.

    Attributes:
        name: Unique name, for people.
        client_token: Launching again with the same token gives the same instance; up to 64 characters.
        user_data: The boot script, gzipped or not. It has the runner's credential, so it is not shown.
        disk_size: GiB of the root volume.
        disk_type: Type of the root volume, such as `gp3`.
        max_price: USD per hour above which a spot instance is given back; no limit if 0.
        tags: Tags of the instance and of everything that is created with it.
        expires: Seconds since the epoch after which the cloud itself ends the instance, if it can, even if everything
            else fails; never if None.
        expiry_role: The role in which the cloud ends it, if it needs one.
    """

    name: str
    client_token: str
    instance_type: str
    market: Market
    image: Image
    subnet: Subnet
    security_groups: tuple[str, ...]
    user_data: bytes = field(repr=False)
    disk_size: int
    disk_type: str = "gp3"
    max_price: float = 0.0
    iam_instance_profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    expires: float | None = None
    expiry_role: str = ""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance as the cloud lists it.

    Attributes:
        name: Name, as in `InstanceSpec`; empty if missing.
        state: `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
        launched: Seconds since the epoch.
        ended: Seconds since the epoch; None if it has not ended, or the cloud does not say when.
        reason: Why it is in its state, in the cloud's words; often empty.
        taken_back: Whether the cloud itself ended it because it needs the capacity, or never had enough.
        failure: Why it never started, if the cloud accepted the launch and could not carry it out; else None.
    """

    id: str
    name: str = ""
    state: str
    instance_type: str
    market: Market
    region: str
    zone: str
    launched: float
    ended: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    taken_back: bool = False
    failure: LaunchRefused | None = None

    @property
    def alive(self) -> bool:
        return self.state in ALIVE


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A disk that no instance has.

    Attributes:
        name: Name of the instance that it was made for; empty if missing.
        size: GiB.
        delete_command: Shell command that deletes it.
    """

    id: str
    name: str = ""
    region: str
    size: int
    tags: Mapping[str, str] = field(default_factory=dict)
    delete_command: str


class Remedy(Enum):
    """Something to try after a refused launch."""

    LATER = "the same again, after a pause"
    OTHER_PLACE = "another instance type, zone, market or region"
    OTHER_TYPE = "another instance type"
    OTHER_QUOTA = "a market, family or region whose quota is not used up"
    OTHER_MARKET = "the other market"
    OTHER_REGION = "another region"


class LaunchRefused(CapacityError):
    """A launch was refused; its remedy may succeed.

    Attributes:
        code: The cloud's error code, such as `InsufficientInstanceCapacity`.
        words: The cloud's explanation; may be empty.
        ends_as: The kind of error that it is if no remedy succeeds.
        settles: Whether the same request may succeed within half a minute, as with resources that were just made.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        remedy: Remedy,
        next_step: str = "",
        words: str = "",
        ends_as: type[CmlkitError] = CapacityError,
        settles: bool = False,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.code = code
        self.remedy = remedy
        self.words = words
        self.ends_as = ends_as
        self.settles = settles

    @property
    def final(self) -> CmlkitError:
        """The error if nothing else is tried."""
        return self if self.ends_as is CapacityError else self.ends_as(self.message, next_step=self.next_step)


class LaunchIncomplete(CmlkitError):
    """An instance was launched, but its expiry could not be scheduled.

    Attributes:
        instance: The instance, which exists.
        error: Why its expiry is not scheduled.
        settles: As in `LaunchRefused`; the same request returns the same instance.
    """

    def __init__(self, instance: Instance, error: CmlkitError, *, settles: bool = False) -> None:
        super().__init__(error.message, next_step=error.next_step)
        self.instance = instance
        self.error = error
        self.settles = settles


class LaunchingCloud(Region, Protocol):
    """One region of a cloud, for launching, stopping and reaping."""

    @property
    def first_boot(self) -> FirstBoot:
        """The cloud's part of the boot script, and the size limit of the whole."""

    def check_spec(self, spec: InstanceSpec) -> None:
        """Raise SettingsError if the cloud never accepts such tags; no request is made."""

    def launch(self, spec: InstanceSpec) -> Instance:
        """Launch one instance with its tags, and return it.

        Raises:
            LaunchRefused: Another place, market or time may help.
            LaunchIncomplete: It was launched, but its expiry is not scheduled.
            AnswerLost: It may have been launched or not; launching with the same token again is safe.
        """

    def instances(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        """Return the instances with one of `ids` (any if empty) and all of `tags`; an empty value matches any.

        An id that the region does not know is left out.
        """

    def terminate(self, ids: Collection[str]) -> None:
        """Terminate instances for good; some may be terminated already. Raise NotFound if an id is unknown."""

    def tag(self, ids: Collection[str], tags: Mapping[str, str]) -> None:
        """Put tags on instances."""

    def cancel_expiry(self, instance: Instance) -> None:
        """Cancel the scheduled end of an instance that is gone; do nothing if none is scheduled."""

    def loose_volumes(self, *, tags: Mapping[str, str]) -> list[Volume]:
        """Return the volumes with all of `tags` that no instance has; an empty value matches any."""

    def console_output(self, instance_id: str) -> str:
        """Return the instance's console output as far as the cloud has it; may be empty."""
