"""Instances: launch, list, tag and terminate them, list volumes that they left, and read their console output."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime

from cmlkit.clouds.aws.denials import Denials
from cmlkit.clouds.aws.error_codes import STARTS
from cmlkit.clouds.aws.refusal import explained, fields_of, settles
from cmlkit.clouds.aws.region import AwsRegion, acted_in_dry_run, filters
from cmlkit.clouds.aws.schedules import Schedules
from cmlkit.clouds.aws.specification import SCHEDULE_TAG, check_spec, is_scheduled, run_instances_arguments
from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchRefused, Volume
from cmlkit.errors import CmlkitError
from cmlkit.records.fields import Fields

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
            answer = fields_of(client.run_instances(**run_instances_arguments(spec)), _launching(spec))
        if not (started := answer.listed("Instances")):
            raise answer.problem("Instances", "is an empty list")
        instance = described(started[0], self._region.name)
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
            ids = [item.filled("InstanceId") for item in fields_of(answer, _launching(spec)).listed("Instances")]
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
            for answer in reservation.any_listed("Instances")
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
        return fields_of(answer, doing).text("Output", "")


def _tag_filters(tags: Mapping[str, str]) -> dict[str, list[str]]:
    return {f"tag:{name}": [value or ANY] for name, value in tags.items()}


def _tags(answer: Fields) -> dict[str, str]:
    return {tag.text("Key"): tag.text("Value", "") for tag in answer.any_listed("Tags")}


def _volume(answer: Fields, region: str) -> Volume:
    volume_id, tags = answer.filled("VolumeId"), _tags(answer)
    return Volume(
        id=volume_id,
        name=tags.get("Name", ""),
        region=region,
        size=answer.whole("Size", 0),
        tags=tags,
        delete_command=f"aws ec2 delete-volume --region {region} --volume-id {volume_id}",
    )


def _launching(spec: InstanceSpec) -> str:
    return f"launch {spec.instance_type} ({spec.market}) in {spec.subnet.zone}"


def described(answer: Fields, region: str) -> Instance:
    """Return the instance that an answer of EC2 describes."""
    transition = answer.text("StateTransitionReason", "")
    reason = answer.within("StateReason").text("Message", "") or transition
    tags = _tags(answer)
    return Instance(
        id=answer.filled("InstanceId"),
        name=tags.get("Name", ""),
        state=answer.within("State").text("Name", "pending"),
        instance_type=answer.text("InstanceType", ""),
        market="spot" if answer.text("InstanceLifecycle", "") == "spot" else "on-demand",
        region=region,
        zone=answer.within("Placement").text("AvailabilityZone", ""),
        launched=answer.moment("LaunchTime", 0.0),
        ended=_ended(transition),
        tags=tags,
        reason=reason,
        taken_back=any(word in reason for word in _TAKEN_BACK),
        failure=_failure(answer, reason),
    )


def _ended(transition: str) -> float | None:
    """Return the time in a StateTransitionReason, such as `User initiated (2026-01-31 09:00:00 GMT)`."""
    found = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:UTC|GMT)\)", transition)
    try:
        return None if found is None else datetime.fromisoformat(f"{found[1]}+00:00").timestamp()
    except ValueError:
        return None


def _failure(answer: Fields, reason: str) -> LaunchRefused | None:
    """Return why an instance could not be started; None if it could, or has not failed yet."""
    code = answer.within("StateReason").text("Code", "")
    if (row := STARTS.get(code)) is None or row.remedy is None:
        return None
    said = reason.removeprefix(f"{code}: ").rstrip(".")
    return LaunchRefused(
        f"AWS accepted the launch of {answer.filled('InstanceId')}, and could not start it: {said} ({code}).",
        code=code,
        remedy=row.remedy,
        next_step=row.next_step,
        words=said,
        ends_as=row.error,
    )
