"""Instances: launch, list, tag and terminate them, list volumes that they left, and read their console output."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from cmlkit.clouds.aws.denials import Denials
from cmlkit.clouds.aws.error_codes import STARTS
from cmlkit.clouds.aws.refusal import explained, settles
from cmlkit.clouds.aws.region import AwsRegion, acted_in_dry_run, filters
from cmlkit.clouds.aws.schedules import Schedules
from cmlkit.clouds.aws.specification import SCHEDULE_TAG, check_spec, is_scheduled, run_instances_arguments
from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchRefused, Volume
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
            raise LaunchIncomplete(instance, error, settles=settles(error)) from error

    def cancel_expiry(self, instance: Instance) -> None:
        if schedule := instance.tags.get(SCHEDULE_TAG):
            self._schedules.cancel(schedule)

    def check_launch(self, spec: InstanceSpec) -> None:
        check_spec(spec)
        with explained(_launching(spec), launching=True, decode=self._denials.decoded):
            answer = self._region.tried(self._region.ec2.run_instances, **run_instances_arguments(spec))
        if answer is not None:
            ids = [str(item["InstanceId"]) for item in answer["Instances"]]
            self.terminate(ids)
            raise acted_in_dry_run(f"it launched {', '.join(ids)}, which is terminated again")

    def check_removal(self, instance_id: str, *, tag: str) -> None:
        with explained(f"terminate {instance_id} in {self._region}", decode=self._denials.decoded):
            answer = self._region.tried(self._region.ec2.terminate_instances, InstanceIds=[instance_id])
        if answer is not None:
            raise acted_in_dry_run(f"it terminated {instance_id}")
        with explained(f"tag {instance_id} in {self._region}", decode=self._denials.decoded):
            tags = [{"Key": tag, "Value": "1"}]
            answer = self._region.tried(self._region.ec2.create_tags, Resources=[instance_id], Tags=tags)
        if answer is not None:
            with explained(f"remove the tag {tag} of {instance_id} in {self._region}"):
                self._region.ec2.delete_tags(Resources=[instance_id], Tags=tags)
            raise acted_in_dry_run(f"it tagged {instance_id} with {tag}, which is removed again")

    def listed(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        wanted = _tag_filters(tags or {})
        if ids:
            # By filter, because EC2 refuses the whole request for one id that it does not know (yet).
            wanted["instance-id"] = sorted(ids)
        reservations = self._region.pages(
            "describe_instances", "Reservations", doing="list the instances", Filters=filters(wanted)
        )
        return [
            described(answer, self._region.name)
            for reservation in reservations
            for answer in reservation.get("Instances", [])
        ]

    def loose_volumes(self, *, tags: Mapping[str, str]) -> list[Volume]:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
        wanted = {**_tag_filters(tags), "status": ["available"]}
        found = self._region.pages("describe_volumes", "Volumes", doing="list the volumes", Filters=filters(wanted))
        return [_volume(answer, self._region.name) for answer in found]

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


def _tag_filters(tags: Mapping[str, str]) -> dict[str, list[str]]:
    return {f"tag:{name}": [value or ANY] for name, value in tags.items()}


def _tags(answer: Any) -> dict[str, str]:
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in answer.get("Tags", [])}


def _volume(answer: Any, region: str) -> Volume:
    volume_id, tags = str(answer["VolumeId"]), _tags(answer)
    return Volume(
        id=volume_id,
        name=tags.get("Name", ""),
        region=region,
        size=int(answer.get("Size", 0)),
        tags=tags,
        delete_command=f"aws ec2 delete-volume --region {region} --volume-id {volume_id}",
    )


def _launching(spec: InstanceSpec) -> str:
    return f"launch {spec.instance_type} ({spec.market}) in {spec.subnet.zone}"


def described(answer: Any, region: str) -> Instance:
    """Return the instance that an answer of EC2 describes."""
    reason = str(answer.get("StateReason", {}).get("Message") or answer.get("StateTransitionReason", ""))
    tags = _tags(answer)
    return Instance(
        id=str(answer["InstanceId"]),
        name=tags.get("Name", ""),
        state=str(answer.get("State", {}).get("Name", "pending")),
        instance_type=str(answer.get("InstanceType", "")),
        market="spot" if answer.get("InstanceLifecycle") == "spot" else "on-demand",
        region=region,
        zone=str(answer.get("Placement", {}).get("AvailabilityZone", "")),
        launched=float(answer["LaunchTime"].timestamp()) if answer.get("LaunchTime") else 0.0,
        ended=_ended(str(answer.get("StateTransitionReason", ""))),
        tags=tags,
        reason=reason,
        taken_back=any(word in reason for word in _TAKEN_BACK),
        failure=_failure(answer, reason),
    )


def _ended(transition: str) -> float | None:
    """Return the time in a StateTransitionReason, such as `User initiated (2026-01-31 09:00:00 GMT)`."""
    found = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:UTC|GMT)\)", transition)
    return None if found is None else datetime.fromisoformat(f"{found[1]}+00:00").timestamp()


def _failure(answer: Any, reason: str) -> LaunchRefused | None:
    """Return why an instance could not be started; None if it could, or has not failed yet."""
    code = str(answer.get("StateReason", {}).get("Code", ""))
    if (row := STARTS.get(code)) is None or row.remedy is None:
        return None
    said = reason.removeprefix(f"{code}: ").rstrip(".")
    return LaunchRefused(
        f"AWS accepted the launch of {answer['InstanceId']}, and could not start it: {said} ({code}).",
        code=code,
        remedy=row.remedy,
        next_step=row.next_step,
        words=said,
        ends_as=row.error,
    )
