"""Egress: whether routes and security groups let an instance reach the internet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.planning import Subnet

HTTPS_PORT = 443


class Egress:
    """The routes out of the region's networks."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        routes = [route for route in self._routes(subnet) if _is_open(route)]
        ways = [route for route in routes if "DestinationCidrBlock" in route]
        if not _is_everywhere(route["DestinationCidrBlock"] for route in ways):
            if any(route.get("DestinationIpv6CidrBlock") == "::/0" for route in routes):
                return "its route table leads out over IPv6 only, and a runner needs IPv4"
            return "its route table leads to no internet gateway, NAT gateway or other way out"
        if not subnet.gives_public_addresses and all(_takes_a_public_address(way) for way in ways):
            return "it leads to an internet gateway, but gives its instances no public address"
        return self._shut_groups(security_groups) if security_groups else ""

    def _shut_groups(self, ids: Sequence[str]) -> str:
        """Return why the groups together let no HTTPS out to everywhere; empty if they do."""
        rules = [
            rule for group in self._groups(ids) for rule in group.get("IpPermissionsEgress", []) if _covers_https(rule)
        ]
        # Which addresses a prefix list has is not known here: people make them for what they need.
        if any(rule.get("PrefixListIds") for rule in rules):
            return ""
        ranges = [str(item["CidrIp"]) for rule in rules for item in rule.get("IpRanges", []) if item.get("CidrIp")]
        if _is_everywhere(ranges):
            return ""
        others = [
            str(item["CidrIpv6"]) for rule in rules for item in rule.get("Ipv6Ranges", []) if item.get("CidrIpv6")
        ]
        others += [str(item["GroupId"]) for rule in rules for item in rule.get("UserIdGroupPairs", [])]
        reached = ", ".join(dict.fromkeys([*ranges, *others]))
        return f"{', '.join(ids)} lets {f'HTTPS out to {reached} only' if reached else 'no HTTPS out'}"

    def _routes(self, subnet: Subnet) -> list[Any]:
        """Return the routes of the subnet's own route table, else of its network's main one."""
        for wanted in (
            {"association.subnet-id": [subnet.id]},
            {"vpc-id": [subnet.network], "association.main": ["true"]},
        ):
            tables = list(self._tables(wanted))
            if tables:
                return [route for table in tables for route in table.get("Routes", [])]
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


def _is_open(route: Any) -> bool:
    # A gateway that was deleted leaves its route behind as a black hole.
    return bool(route.get("State") != "blackhole" and route.get("GatewayId") != "local")


def _is_everywhere(ranges: Iterable[str]) -> bool:
    """Return whether the ranges of IPv4 addresses together have all addresses, as two halves have."""
    return list(collapse_addresses(map(IPv4Network, ranges))) == [IPv4Network("0.0.0.0/0")]


def _takes_a_public_address(route: Any) -> bool:
    """Return whether this is a route to an internet gateway, which translates no private IPv4 address.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    return str(route.get("GatewayId", "")).startswith("igw-")


def _covers_https(rule: Any) -> bool:
    if rule.get("IpProtocol") not in ("-1", "tcp"):
        return False
    first, last = rule.get("FromPort", 0), rule.get("ToPort", 65535)
    return rule["IpProtocol"] == "-1" or int(first) <= HTTPS_PORT <= int(last)
