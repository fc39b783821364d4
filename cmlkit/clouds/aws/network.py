"""Subnets for instances, and cmlkit's own security group, which lets nothing in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmlkit.clouds.aws.refusal import explained, fields_of
from cmlkit.clouds.aws.region import AwsRegion, acted_in_dry_run, filters
from cmlkit.clouds.aws.specification import check_tags
from cmlkit.clouds.planning import NotListed, Subnet
from cmlkit.errors import CmlkitError, ServiceError, SettingsError
from cmlkit.records.fields import Fields

SECURITY_GROUP = "cmlkit-runner"
SECURITY_GROUP_TAG = "cmlkit:security-group"
# A new group is listed within seconds. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
_PATIENCE = {"Delay": 2, "MaxAttempts": 15}


class Network:
    """The region's subnets and security groups."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def subnets(self, ids: Sequence[str]) -> list[Subnet]:
        # By filter, so that an id of another region is not an error if several regions are tried.
        wanted = {"subnet-id": list(ids)} if ids else {"default-for-az": ["true"]}
        answers = self._region.pages("describe_subnets", "Subnets", doing="list the subnets", Filters=filters(wanted))
        found = sorted((_subnet(answer) for answer in answers), key=lambda subnet: subnet.zone)
        if found:
            return sorted(found, key=lambda subnet: [*ids, subnet.id].index(subnet.id)) if ids else found
        if ids:
            raise NotListed(
                f"There is no subnet {' or '.join(ids)} in {self._region}.",
                next_step="Check `subnet` and `region`: `aws ec2 describe-subnets` lists all subnets.",
            )
        raise SettingsError(
            f"There is no default VPC with subnets in {self._region}, and no subnet is named.",
            next_step="Name one with --subnet, or make the default VPC:"
            f" aws ec2 create-default-vpc --region {self._region}",
        )

    def closed_security_group(self, network: str, *, make: bool = True, tags: Mapping[str, str] | None = None) -> str:
        if (group := self._group(network)) or not make:
            return group
        try:
            return self._make_group(network, tags or {})
        except ServiceError as error:
            # Another launch was faster; its group may not be listed yet.
            if error.code == "InvalidGroup.Duplicate" and (group := self._awaited_group(network)):
                return group
            raise

    def check_security_group(self, network: str, *, tags: Mapping[str, str] | None = None) -> None:
        if not self._group(network):
            with explained(f"make the security group {SECURITY_GROUP} in {network}"):
                answer = self._region.tried(
                    self._region.ec2.create_security_group, **_group_arguments(network, tags or {})
                )
            if answer is not None:
                group = fields_of(answer, f"make the security group {SECURITY_GROUP} in {network}").filled("GroupId")
                with explained(f"delete the security group {group} in {network}"):
                    self._region.ec2.delete_security_group(GroupId=group)
                raise acted_in_dry_run(f"it made the security group {group}, which is deleted again")

    def _group(self, network: str) -> str:
        """Return the group's id; empty if it is missing."""
        groups = list(
            self._region.pages(
                "describe_security_groups",
                "SecurityGroups",
                doing=f"list the security groups of {network}",
                Filters=_group_filters(network),
            )
        )
        return _checked_group(groups[0]) if groups else ""

    def _awaited_group(self, network: str) -> str:
        from botocore.exceptions import WaiterError

        waiter = self._region.ec2.get_waiter("security_group_exists")
        try:
            with explained(f"list the security groups of {network}"):
                waiter.wait(Filters=_group_filters(network), WaiterConfig=_PATIENCE)
        except CmlkitError as error:
            if isinstance(error.__cause__, WaiterError):
                return ""
            raise
        return self._group(network)

    def _make_group(self, network: str, tags: Mapping[str, str]) -> str:
        doing = f"make the security group {SECURITY_GROUP} in {network}"
        with explained(doing):
            answer = fields_of(self._region.ec2.create_security_group(**_group_arguments(network, tags)), doing)
        return answer.filled("GroupId")


def _group_filters(network: str) -> list[dict[str, Any]]:
    return filters({"vpc-id": [network], "group-name": [SECURITY_GROUP]})


def _group_arguments(network: str, tags: Mapping[str, str]) -> dict[str, Any]:
    check_tags(tags)
    tags = {**tags, SECURITY_GROUP_TAG: "closed"}
    return {
        "GroupName": SECURITY_GROUP,
        "Description": "cmlkit runners: nothing in, everything out",
        "VpcId": network,
        "TagSpecifications": [
            {
                "ResourceType": "security-group",
                "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
            }
        ],
    }


def _subnet(answer: Fields) -> Subnet:
    return Subnet(
        id=answer.filled("SubnetId"),
        network=answer.text("VpcId", ""),
        zone=answer.text("AvailabilityZone", ""),
        gives_public_addresses=answer.flag("MapPublicIpOnLaunch", True),
    )


def _checked_group(answer: Fields) -> str:
    group = answer.filled("GroupId")
    tags = {tag.text("Key") for tag in answer.any_listed("Tags")}
    if SECURITY_GROUP_TAG not in tags:
        raise SettingsError(
            f"The security group {group} is named {SECURITY_GROUP}, but cmlkit did not make it.",
            next_step=f"Rename it, tag it {SECURITY_GROUP_TAG} if it is meant for runners, or name a group with"
            " --security-group.",
        )
    if answer.any_listed("IpPermissions"):
        raise SettingsError(
            f"The security group {group} ({SECURITY_GROUP}) has inbound rules, which a runner does not need.",
            next_step="Remove them, or name the group that you want with --security-group.",
        )
    return group
