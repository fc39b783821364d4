"""Instances: launch, list, terminate, and read what they wrote on their console."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cmlkit.clouds.aws.denials import Denials
from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.launching import Instance, InstanceSpec
from cmlkit.errors import CmlkitError

# One more than the default: a job in a container is one hop further away from the metadata service.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
METADATA_HOPS = 2
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
ANY = "*"


class Instances:
    """Instances of the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region
        self._denials = Denials(region)

    def launch(self, spec: InstanceSpec) -> Instance:
        client = self._region.client("ec2", retrying=False)
        with explained(_launching(spec), launching=True, decode=self._denials.decoded):
            answer = client.run_instances(**run_instances_arguments(spec))
        return _instance(answer["Instances"][0], self._region.name)

    def check_launch(self, spec: InstanceSpec) -> None:
        with explained(_launching(spec), launching=True, decode=self._denials.decoded):
            self._region.tried(self._region.ec2.run_instances, **run_instances_arguments(spec))

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        with explained(f"terminate {instance_id} in {self._region}", decode=self._denials.decoded):
            self._region.tried(self._region.ec2.terminate_instances, InstanceIds=[instance_id])
        with explained(f"tag {instance_id} in {self._region}", decode=self._denials.decoded):
            self._region.tried(self._region.ec2.create_tags, Resources=[instance_id], Tags=[{"Key": tag, "Value": "1"}])

    def listed(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        wanted = {f"tag:{name}": [value or ANY] for name, value in (tags or {}).items()}
        if ids:
            # Asked by filter: EC2 refuses the whole request for one id that it does not know (yet).
            wanted["instance-id"] = sorted(ids)
        reservations = self._region.pages(
            "describe_instances", "Reservations", doing="list the instances", Filters=filters(wanted)
        )
        return [
            _instance(answer, self._region.name) for reservation in reservations for answer in reservation["Instances"]
        ]

    def terminate(self, ids: Collection[str]) -> None:
        if ids:
            with explained(f"terminate {', '.join(sorted(ids))} in {self._region}"):
                self._region.ec2.terminate_instances(InstanceIds=sorted(ids))

    def tag(self, ids: Collection[str], tags: Mapping[str, str]) -> None:
        with explained(f"tag {', '.join(sorted(ids))} in {self._region}"):
            self._region.ec2.create_tags(
                Resources=sorted(ids), Tags=[{"Key": name, "Value": value} for name, value in tags.items()]
            )

    def console_output(self, instance_id: str) -> str:
        doing = f"show the console of {instance_id} in {self._region}"
        try:
            with explained(doing):
                answer = self._region.ec2.get_console_output(InstanceId=instance_id, Latest=True)
        except CmlkitError:
            # Only instances on Nitro have the latest output; all have that of a while ago.
            with explained(doing):
                answer = self._region.ec2.get_console_output(InstanceId=instance_id)
        return str(answer.get("Output", ""))


def run_instances_arguments(spec: InstanceSpec) -> dict[str, Any]:
    """What RunInstances is asked for.

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
        "BlockDeviceMappings": [_root_volume(spec)],
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
    # A request that stays open would launch an instance again after this one is gone.
    options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    return {**options, "MaxPrice": f"{spec.max_price:.6f}"} if spec.max_price else options


def _launching(spec: InstanceSpec) -> str:
    return f"launch {spec.instance_type} ({spec.market}) in {spec.subnet.zone}"


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


def _tag_specifications(spec: InstanceSpec) -> list[dict[str, Any]]:
    kinds = ["instance", "volume", "network-interface"]
    if spec.market == "spot":
        kinds.append("spot-instances-request")
    tags = [{"Key": name, "Value": value} for name, value in spec.tags.items()]
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]


def _instance(answer: Any, region: str) -> Instance:
    reason = answer.get("StateReason", {}).get("Message") or answer.get("StateTransitionReason", "")
    return Instance(
        id=str(answer["InstanceId"]),
        state=str(answer["State"]["Name"]),
        instance_type=str(answer["InstanceType"]),
        market="spot" if answer.get("InstanceLifecycle") == "spot" else "on-demand",
        region=region,
        zone=str(answer.get("Placement", {}).get("AvailabilityZone", "")),
        launched=float(answer["LaunchTime"].timestamp()),
        tags={str(tag["Key"]): str(tag["Value"]) for tag in answer.get("Tags", [])},
        reason=str(reason),
    )
