"""The specification of an instance in EC2's terms, and EC2's rules for tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmlkit.clouds.launching import InstanceSpec
from cmlkit.errors import SettingsError
from cmlkit.settings.cloud_rules import MOST_TAGS, check_each_tag

# One more than the default: a job in a container is one hop further from the metadata service.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
METADATA_HOPS = 2
SCHEDULE_TAG = "cmlkit:schedule"
"""Name of the schedule that terminates the instance, on instances that have one."""

_NAME_TAG = "Name"
_OWN_PREFIX = "cmlkit:"


def is_scheduled(spec: InstanceSpec) -> bool:
    """Return whether a schedule ends the instance: EventBridge needs a role for that."""
    return spec.expires is not None and bool(spec.expiry_role)


def run_instances_arguments(spec: InstanceSpec) -> dict[str, Any]:
    """Return the arguments for RunInstances.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """
    arguments: dict[str, Any] = {
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": spec.client_token,
        "ImageId": spec.image.id,
        "InstanceType": spec.instance_type,
        "SubnetId": spec.subnet.id,
        # boto3 encodes it.
        "UserData": spec.user_data,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": METADATA_HOPS,
        },
        "BlockDeviceMappings": [_root_volume(spec), *map(_further_volume, spec.image.further_devices)],
        "TagSpecifications": _tag_specifications(spec),
    }
    if spec.security_groups:
        arguments["SecurityGroupIds"] = list(spec.security_groups)
    if spec.market == "spot":
        arguments["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": _spot_options(spec)}
    if spec.iam_instance_profile:
        kind = "Arn" if spec.iam_instance_profile.startswith("arn:") else "Name"
        arguments["IamInstanceProfile"] = {kind: spec.iam_instance_profile}
    return arguments


def _spot_options(spec: InstanceSpec) -> dict[str, str]:
    # A persistent request would launch another instance after this one is gone.
    options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    return {**options, "MaxPrice": f"{spec.max_price:.6f}"} if spec.max_price else options


def _root_volume(spec: InstanceSpec) -> dict[str, Any]:
    return {
        "DeviceName": spec.image.root_device,
        "Ebs": {
            "VolumeSize": max(spec.disk_size, spec.image.disk_size),
            "VolumeType": spec.disk_type,
            "Encrypted": True,
            "DeleteOnTermination": True,
        },
    }


def _further_volume(device: str) -> dict[str, Any]:
    """Return a volume as the image has it, but gone with the instance: images may say that it stays, and is billed."""
    return {"DeviceName": device, "Ebs": {"Encrypted": True, "DeleteOnTermination": True}}


def _tag_specifications(spec: InstanceSpec) -> list[dict[str, Any]]:
    kinds = ["instance", "volume", "network-interface"]
    if spec.market == "spot":
        kinds.append("spot-instances-request")
    tags = [{"Key": name, "Value": value} for name, value in _tags(spec).items()]
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]


def _tags(spec: InstanceSpec) -> dict[str, str]:
    schedule = {SCHEDULE_TAG: spec.name} if is_scheduled(spec) else {}
    return {**spec.tags, _NAME_TAG: spec.name, **schedule}


def check_spec(spec: InstanceSpec) -> None:
    """Raise SettingsError if EC2 never accepts the spec's tags."""
    users = {name: value for name, value in spec.tags.items() if not name.startswith(_OWN_PREFIX)}
    own = _tags(spec).keys() - users.keys() | {_NAME_TAG}
    if len(users) > (room := MOST_TAGS - len(own)):
        raise SettingsError(f"`tags` has {len(users)} tags; there is room for {room} beside cmlkit's own.")
    check_tags(users)


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise SettingsError if EC2, or cmlkit, keeps one of the names for itself, or one is too long."""
    try:
        check_each_tag(tags)
    except ValueError as error:
        raise SettingsError(f"`tags` takes {error}.", next_step="Rename or shorten it in `tags`.") from None
