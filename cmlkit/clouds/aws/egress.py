"""Egress: whether routes and security groups let an instance reach the internet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, collapse_addresses

from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.planning import Subnet
from cmlkit.records.fields import Fields

HTTPS_PORT = 443


class Egress:
    """The routes out of the region's networks."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def problem(self, subnet: Subnet, security_groups: Sequence[str]) -> str:
        routes = [route for route in self._routes(subnet) if _is_open(route)]
        ways = [route for route in routes if route.has("DestinationCidrBlock")]
        if not _is_everywhere(_range(route, "DestinationCidrBlock") for route in ways):
            if any(route.text("DestinationIpv6CidrBlock", "") == "::/0" for route in routes):
                return "its route table leads out over IPv6 only, and a runner needs IPv4"
            return "its route table leads to no internet gateway, NAT gateway or other way out"
        if not subnet.gives_public_addresses and all(_takes_a_public_address(way) for way in ways):
            return "it leads to an internet gateway, but gives its instances no public address"
        return self._shut_groups(security_groups) if security_groups else ""

    def _shut_groups(self, ids: Sequence[str]) -> str:
        """Return why the groups together let no HTTPS out to everywhere; empty if they do."""
        rules = [
            rule
            for group in self._groups(ids)
            for rule in group.any_listed("IpPermissionsEgress")
            if _covers_https(rule)
        ]
        # Which addresses a prefix list has is not known here: people make them for what they need.
        if any(rule.any_listed("PrefixListIds") for rule in rules):
            return ""
        named = [item for rule in rules for item in rule.any_listed("IpRanges") if item.has("CidrIp")]
        ranges = [_range(item, "CidrIp") for item in named]
        if _is_everywhere(ranges):
            return ""
        others = [item.text("CidrIpv6", "") for rule in rules for item in rule.any_listed("Ipv6Ranges")]
        others += [item.text("GroupId") for rule in rules for item in rule.any_listed("UserIdGroupPairs")]
        reached = ", ".join(dict.fromkeys([*map(str, ranges), *filter(None, others)]))
        return f"{', '.join(ids)} lets {f'HTTPS out to {reached} only' if reached else 'no HTTPS out'}"

    def _routes(self, subnet: Subnet) -> list[Fields]:
        """Return the routes of the subnet's own route table, else of its network's main one."""
        for wanted in (
            {"association.subnet-id": [subnet.id]},
            {"vpc-id": [subnet.network], "association.main": ["true"]},
        ):
            tables = list(self._tables(wanted))
            if tables:
                return [route for table in tables for route in table.any_listed("Routes")]
        return []

    def _tables(self, wanted: Mapping[str, Sequence[str]]) -> Iterable[Fields]:
        return self._region.pages(
            "describe_route_tables", "RouteTables", doing="list the routes", Filters=filters(wanted)
        )

    def _groups(self, ids: Sequence[str]) -> Iterable[Fields]:
        return self._region.pages(
            "describe_security_groups",
            "SecurityGroups",
            doing="list the security groups",
            Filters=filters({"group-id": list(ids)}),
        )


def _is_open(route: Fields) -> bool:
    # A gateway that was deleted leaves its route behind as a black hole.
    return route.text("State", "") != "blackhole" and route.text("GatewayId", "") != "local"


def _range(answer: Fields, name: str) -> IPv4Network:
    try:
        return IPv4Network(answer.text(name))
    except ValueError:
        raise answer.problem(name, "is no range of IPv4 addresses") from None


def _is_everywhere(ranges: Iterable[IPv4Network]) -> bool:
    """Return whether the ranges of IPv4 addresses together have all addresses, as two halves have."""
    return list(collapse_addresses(ranges)) == [IPv4Network("0.0.0.0/0")]


def _takes_a_public_address(route: Fields) -> bool:
    """Return whether this is a route to an internet gateway, which translates no private IPv4 address.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
    """
    return route.text("GatewayId", "").startswith("igw-")


def _covers_https(rule: Fields) -> bool:
    protocol = rule.text("IpProtocol", "")
    first, last = rule.whole("FromPort", 0), rule.whole("ToPort", 65535)
    return protocol == "-1" or (protocol == "tcp" and first <= HTTPS_PORT <= last)
