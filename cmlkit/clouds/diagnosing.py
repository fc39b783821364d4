"""The part of a cloud that the doctor and a preview need: the account, and requests that it would refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cmlkit.clouds.launching import Instance, InstanceSpec
from cmlkit.clouds.planning import Market, Region, Subnet


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The owner of the credentials.

    Attributes:
        principal: The user or role, as the cloud writes it.
        server_time: Seconds since the epoch; None if unknown.
    """

    account: str
    principal: str
    server_time: float | None = None


class DiagnosingCloud(Region, Protocol):
    """One region of a cloud, for the doctor, a preview, and the charges of a run."""

    def charge(self, instance: Instance, *, until: float) -> float | None:
        """Return USD for an instance from its launch to `until`, at the prices of that time; None if unknown.

        Disk, address and data are not contained. What the cloud waives, as for some interruptions, is 0.
        """

    def identity(self) -> Identity:
        """Return the owner of the credentials."""

    def egress_problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        """Return why an instance there would not reach the internet over HTTPS; empty if it would."""

    def quota_limit(self, instance_type: str, market: Market) -> float:
        """Return how many vCPUs the account may run under that limit."""

    def profile_problem(self, profile: str) -> str:
        """Return why instances get no access through that profile; empty if nothing that can be seen is wrong."""

    def expiry_role_problem(self, role: str) -> str:
        """Return why nothing can end instances in that role; empty if nothing that can be seen is wrong."""

    def check_launch(self, spec: InstanceSpec) -> None:
        """Raise the error of `launch` if a permission is missing or a value is wrong; launch nothing."""

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        """Raise the error of `terminate`, or of `tag` with that key, if a permission is missing; change nothing."""

    def check_security_group(self, network: str, *, tags: Mapping[str, str] | None = None) -> None:
        """Raise the error of `closed_security_group` if a permission is missing; create nothing."""
