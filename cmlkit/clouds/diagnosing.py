"""What the doctor and a preview need of a cloud: who we are there, and what it would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cmlkit.clouds.launching import InstanceSpec
from cmlkit.clouds.planning import Market, Region, Subnet


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose credentials are used.

    Attributes:
        principal: The user or role, as the cloud writes it.
        server_time: Seconds since the epoch; None if the cloud does not say.
    """

    account: str
    principal: str
    server_time: float | None = None


class DiagnosingCloud(Region, Protocol):
    """What the doctor and a preview need."""

    def identity(self) -> Identity:
        """Who the credentials are."""

    def egress_problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        """Why an instance there would not reach the internet over HTTPS; empty where it would."""

    def quota_limit(self, instance_type: str, market: Market) -> float:
        """How many vCPUs the account may have running under that limit."""

    def check_launch(self, spec: InstanceSpec) -> None:
        """Raise what `launch` would raise for want of permission or for wrong values; nothing is launched."""

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        """Raise what `terminate`, or `tag` with that key, would raise for want of permission; nothing is changed."""

    def check_security_group(self, network: str) -> None:
        """Raise what `closed_security_group` would raise for want of permission; nothing is made."""
