"""Schedules: EventBridge Scheduler's actions when they are due."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cmlkit_sandbox.aws.moto_backend import Moto

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
TERMINATE_INSTANCES = ":scheduler:::aws-sdk:ec2:terminateInstances"


class Schedules:
    """One-time schedules that terminate instances.

    Args:
        terminate: Callback that terminates instances of a region.
    """

    def __init__(self, moto: Moto, *, terminate: Callable[[str, Sequence[str]], object]) -> None:
        self._moto = moto
        self._terminate = terminate
        self._fired: set[str] = set()

    def run_due(self, now: float) -> list[str]:
        """Fire the schedules due at `now`, in seconds since the epoch; return their names."""
        fired = []
        for region, group, schedule in self._moto.schedules():
            due = _due(schedule)
            if due is None or due > now or schedule.state != "ENABLED" or schedule.arn in self._fired:
                continue
            self._fire(region, schedule)
            fired.append(str(schedule.name))
            if schedule.action_after_completion == "DELETE":
                group.delete_schedule(schedule.name)
        return fired

    def _fire(self, region: str, schedule: Any) -> None:
        if str(schedule.target["Arn"]).endswith(TERMINATE_INSTANCES):
            self._terminate(region, json.loads(schedule.target["Input"])["InstanceIds"])
        self._fired.add(schedule.arn)


def _due(schedule: Any) -> float | None:
    """Return seconds since the epoch; None for a recurring schedule.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time
    """
    once = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", schedule.schedule_expression)
    if once is None:
        return None
    zone = ZoneInfo(schedule.schedule_expression_timezone or "UTC")
    return datetime.fromisoformat(once[1]).replace(tzinfo=zone).timestamp()
