"""The way out: what routes and security groups say of it, in the form of EC2's answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from cmlkit.clouds.aws.egress import Egress
from cmlkit.clouds.aws.refusal import fields_of
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.clouds.planning import Subnet

LOCAL = {"DestinationCidrBlock": "172.31.0.0/16", "GatewayId": "local", "State": "active"}
OUT = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
OUT_BY_NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
OUT_BY_IPV6 = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}
ANYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def https(**to: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **to}


class Region:
    """A region whose subnet has these routes, and whose group has these rules."""

    def __init__(self, routes: Sequence[Any], rules: Sequence[Any]) -> None:
        self._answers = {"RouteTables": [{"Routes": routes}], "SecurityGroups": [{"IpPermissionsEgress": rules}]}

    def pages(self, operation: str, key: str, **rest: Any) -> Iterator[Any]:
        yield from fields_of(self._answers, "list").listed(key)


def problem(routes: Sequence[Any], rules: Sequence[Any] = (ANYTHING,), *, public: bool = True) -> str:
    subnet = Subnet(id="subnet-1", network="vpc-1", zone="eu-west-1a", gives_public_addresses=public)
    return Egress(cast("AwsRegion", Region(routes, rules))).problem(subnet, ("sg-1",))


@pytest.mark.parametrize(
    ("routes", "public"),
    [
        ([LOCAL, OUT], True),
        ([LOCAL, OUT_BY_NAT], False),
        ([OUT_BY_IPV6, OUT], True),
        ([{**OUT_BY_NAT, "DestinationCidrBlock": half} for half in ("0.0.0.0/1", "128.0.0.0/1")], False),
    ],
)
def test_routes_that_lead_out_are_no_problem(routes: Sequence[Any], public: bool) -> None:
    assert problem(routes, public=public) == ""


@pytest.mark.parametrize(
    ("routes", "public", "says"),
    [
        ([LOCAL], True, "leads to no internet gateway"),
        ([LOCAL, {**OUT, "State": "blackhole"}], True, "leads to no internet gateway"),
        ([{**OUT, "DestinationCidrBlock": "10.0.0.0/8"}], True, "leads to no internet gateway"),
        ([{**OUT, "DestinationCidrBlock": "0.0.0.0/1"}], True, "leads to no internet gateway"),
        ([LOCAL, OUT], False, "no public address"),
        ([LOCAL, OUT_BY_IPV6], True, "over IPv6 only"),
    ],
)
def test_routes_that_do_not_are_told_by_their_destination(routes: Sequence[Any], public: bool, says: str) -> None:
    assert says in problem(routes, public=public)


@pytest.mark.parametrize(
    "rule",
    [
        ANYTHING,
        https(IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        https(IpRanges=[{"CidrIp": "0.0.0.0/1"}, {"CidrIp": "128.0.0.0/1"}]),
        https(PrefixListIds=[{"PrefixListId": "pl-1"}]),
    ],
)
def test_rules_that_let_https_out_are_no_problem(rule: Any) -> None:
    assert problem([OUT], [rule]) == ""


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([], "lets no HTTPS out"),
        ([{**https(IpRanges=[{"CidrIp": "0.0.0.0/0"}]), "FromPort": 80, "ToPort": 80}], "lets no HTTPS out"),
        ([{**ANYTHING, "IpProtocol": "udp"}], "lets no HTTPS out"),
        ([https(UserIdGroupPairs=[{"GroupId": "sg-2"}])], "lets HTTPS out to sg-2 only"),
        ([https(IpRanges=[{"CidrIp": "10.0.0.0/8"}])], "lets HTTPS out to 10.0.0.0/8 only"),
        ([https(Ipv6Ranges=[{"CidrIpv6": "::/0"}])], "lets HTTPS out to ::/0 only"),
    ],
)
def test_rules_for_other_destinations_are_told(rules: Sequence[Any], says: str) -> None:
    assert says in problem([OUT], rules)
