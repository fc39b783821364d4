"""Egress: whether routes and security groups let an instance reach the internet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.planning import Subnet

HTTPS_PORT = 443
_EVERYWHERE = ("0.0.0.0/0", "::/0")


class Egress:
    """The routes out of the region's networks."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        ways = [route for route in self._routes(subnet) if _leads_out(route)]
        if not ways:
            return "its route table leads to no internet gateway, NAT gateway or other way out"
        if not subnet.gives_public_addresses and all(_takes_a_public_address(way) for way in ways):
            return "it leads to an internet gateway, but gives its instances no public address"
        if security_groups and not any(_lets_https_out(group) for group in self._groups(security_groups)):
            return f"{', '.join(security_groups)} lets no HTTPS out"
        return ""

    def _routes(self, subnet: Subnet) -> list[Any]:
        """Return the routes of the subnet's own route table, else of its network's main one."""
        for wanted in (
            {"association.subnet-id": [subnet.id]},
            {"vpc-id": [subnet.network], "association.main": ["true"]},
        ):
            tables = list(self._tables(wanted))
            if tables:
                return [route for table in tables for route in table["Routes"]]
        return []

    def _tables(self, wanted: Mapping[str, Sequence[str]]) -> Iterable[Any]:
        return self._region.pages(
            "describe_route_tables", "RouteTables", doing="list the routes", Filters=filters(wanted)
        )

    def _groups(self, ids: Sequence[str]) -> Iterable[Any]:
        return self._region.pages(
            "describe_security_groups",
            "SecurityGroups",
            doing="list the security groups",
            Filters=filters({"group-id": list(ids)}),
        )


def _leads_out(route: Any) -> bool:
    destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock", "")
    # A gateway that was deleted leaves its route behind as a black hole.
    return destination in _EVERYWHERE and route.get("State") != "blackhole" and route.get("GatewayId") != "local"


def _takes_a_public_address(route: Any) -> bool:
    """Return whether this is an IPv4 route to an internet gateway, which translates no private address.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    return "DestinationCidrBlock" in route and str(route.get("GatewayId", "")).startswith("igw-")


def _lets_https_out(group: Any) -> bool:
    return any(_covers_https(rule) for rule in group.get("IpPermissionsEgress", []))


def _covers_https(rule: Any) -> bool:
    if rule.get("IpProtocol") not in ("-1", "tcp"):
        return False
    first, last = rule.get("FromPort", 0), rule.get("ToPort", 65535)
    return rule["IpProtocol"] == "-1" or int(first) <= HTTPS_PORT <= int(last)
