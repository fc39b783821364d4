"""Instances: launch, list, tag and terminate them, and read their console output."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cmlkit.clouds.aws.denials import Denials
from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion, filters
from cmlkit.clouds.aws.schedules import Schedules
from cmlkit.clouds.aws.specification import SCHEDULE_TAG, check_spec, is_scheduled, run_instances_arguments
from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete
from cmlkit.errors import CmlkitError

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
ANY = "*"
# Reasons of instances that AWS took back, or never had capacity for.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
_TAKEN_BACK = ("SpotInstanceTermination", "SpotInstanceShutdown", "InsufficientInstanceCapacity")


class Instances:
    """Instances in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region
        self._denials = Denials(region)
        self._schedules = Schedules(region)

    def launch(self, spec: InstanceSpec) -> Instance:
        client = self._region.client("ec2", retrying=False)
        with explained(_launching(spec), launching=True, decode=self._denials.decoded):
            answer = client.run_instances(**run_instances_arguments(spec))
        instance = described(answer["Instances"][0], self._region.name)
        self._see_to_expiry(spec, instance)
        return instance

    def _see_to_expiry(self, spec: InstanceSpec, instance: Instance) -> None:
        if spec.expires is None or not is_scheduled(spec):
            return
        try:
            self._schedules.make(spec.name, instance.id, at=spec.expires, role=spec.expiry_role)
        except CmlkitError as error:
            raise LaunchIncomplete(instance, error) from error

    def cancel_expiry(self, instance: Instance) -> None:
        if schedule := instance.tags.get(SCHEDULE_TAG):
            self._schedules.cancel(schedule)

    def check_launch(self, spec: InstanceSpec) -> None:
        check_spec(spec)
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
            # By filter, because EC2 refuses the whole request for one id that it does not know (yet).
            wanted["instance-id"] = sorted(ids)
        reservations = self._region.pages(
            "describe_instances", "Reservations", doing="list the instances", Filters=filters(wanted)
        )
        return [
            described(answer, self._region.name) for reservation in reservations for answer in reservation["Instances"]
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
            # Only Nitro instances have the latest output; all have an older one.
            with explained(doing):
                answer = self._region.ec2.get_console_output(InstanceId=instance_id)
        return str(answer.get("Output", ""))


def _launching(spec: InstanceSpec) -> str:
    return f"launch {spec.instance_type} ({spec.market}) in {spec.subnet.zone}"


def described(answer: Any, region: str) -> Instance:
    """Return the instance that an answer of EC2 describes."""
    reason = str(answer.get("StateReason", {}).get("Message") or answer.get("StateTransitionReason", ""))
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in answer.get("Tags", [])}
    return Instance(
        id=str(answer["InstanceId"]),
        name=tags.get("Name", ""),
        state=str(answer["State"]["Name"]),
        instance_type=str(answer["InstanceType"]),
        market="spot" if answer.get("InstanceLifecycle") == "spot" else "on-demand",
        region=region,
        zone=str(answer.get("Placement", {}).get("AvailabilityZone", "")),
        launched=float(answer["LaunchTime"].timestamp()),
        tags=tags,
        reason=reason,
        taken_back=any(word in reason for word in _TAKEN_BACK),
    )
