"""Schedules: EventBridge terminates an instance from inside AWS if everything else fails."""

from __future__ import annotations

from datetime import UTC, datetime

from cmlkit.clouds.aws.refusal import explained
from cmlkit.clouds.aws.region import AwsRegion
from cmlkit.errors import Conflict, NotFound
from cmlkit.records.json_text import json_text

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
TARGET = "arn:{partition}:scheduler:::aws-sdk:ec2:terminateInstances"


class Schedules:
    """One-time schedules in the region."""

    def __init__(self, region: AwsRegion) -> None:
        self._region = region

    def make(self, name: str, instance_id: str, *, at: float, role: str) -> None:
        """Schedule the instance's termination at a time, in seconds since the epoch.

        Args:
            name: Name of the schedule, for `cancel`. Making it again under the same name is fine.
            role: ARN of the role that the schedule acts in.
        """
        when = datetime.fromtimestamp(at, UTC)
        try:
            with explained(f"schedule the termination of {instance_id} in {self._region}"):
                self._region.client("scheduler").create_schedule(
                    Name=name,
                    Description=f"cmlkit: {instance_id} must not live longer",
                    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time
                    ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target={
                        "Arn": TARGET.format(partition=self._region.partition),
                        "RoleArn": role,
                        "Input": json_text({"InstanceIds": [instance_id]}),
                    },
                )
        except Conflict:
            # An earlier request succeeded after all: names are never used twice.
            return

    def cancel(self, name: str) -> None:
        """Cancel a schedule; one that is gone already is fine."""
        try:
            with explained(f"cancel the scheduled termination {name} in {self._region}"):
                self._region.client("scheduler").delete_schedule(Name=name)
        except NotFound:
            return
