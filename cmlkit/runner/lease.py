"""The lease: the name and the tags that mark an instance as ours, for whom it runs, and until when it may."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cmlkit.clouds.launching import Instance
from cmlkit.errors import SettingsError
from cmlkit.forges.runners import Runner
from cmlkit.records.workflow_run import WorkflowRun

PREFIX = "cmlkit:"
RUN = "cmlkit:run"
ATTEMPT = "cmlkit:attempt"
REPOSITORY = "cmlkit:repository"
LABEL = "cmlkit:label"
RUNNER_ID = "cmlkit:runner-id"
EXPIRES = "cmlkit:expires"
SCHEDULE = "cmlkit:schedule"
"""Name of the schedule that terminates the instance, on instances that have one."""
REAPING = "cmlkit:reaping"
"""Put on an instance by the reaper before it looks again: when, in seconds since the epoch."""

INTERRUPTED = "cmlkit:interrupted"
"""Put on a spot instance that AWS took back: when that was noticed, in seconds since the epoch."""

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
_LONGEST_NAME = 128
_LONGEST_VALUE = 256
_MOST_TAGS = 50

_NAME = re.compile(r"cmlkit-(?P<run>.+)-(?P<attempt>\d+)-(?P<number>\d+)-(?P<expires>[0-9a-f]{8})-[0-9a-f]{6}")


@dataclass(frozen=True, kw_only=True)
class RunnerName:
    """What the name of a runner, which is also its instance's, says of it.

    It says when its lease is over because a forge shows nothing of a runner's age.
    """

    run_id: str
    attempt: int
    number: int
    expires: int

    @classmethod
    def of(cls, name: str) -> RunnerName | None:
        """What the name says; None where it is none of ours."""
        if (match := _NAME.fullmatch(name)) is None:
            return None
        return cls(
            run_id=match["run"],
            attempt=int(match["attempt"]),
            number=int(match["number"]),
            expires=int(match["expires"], 16),
        )


def new_name(workflow_run: WorkflowRun, number: int, *, expires: float) -> str:
    """A name for the run's runner of that number.

    Two launches of one run, for two kinds of machine, share its label, but no name.
    """
    return f"{workflow_run.label}-{number}-{int(expires):08x}-{secrets.token_hex(3)}"


def is_name_of(workflow_run: WorkflowRun, name: str) -> bool:
    """Whether it is the name of a runner of the run, in whichever attempt."""
    ours = RunnerName.of(name)
    return ours is not None and ours.run_id == workflow_run.run_id


def marks(workflow_run: WorkflowRun) -> dict[str, str]:
    """The tags by which the instances of a run are found, whichever attempt launched them."""
    return {RUN: workflow_run.run_id, REPOSITORY: workflow_run.repository}


def tags(
    workflow_run: WorkflowRun,
    runner: Runner,
    *,
    expires: float,
    scheduled: bool = False,
    extra: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """The tags of one runner's instance.

    Args:
        expires: Seconds since the epoch after which the instance has no reason to live.
        scheduled: Whether its termination is scheduled.
        extra: The user's own tags.

    Raises:
        SettingsError: A tag of the user's is one that cmlkit or the cloud keeps for itself, or does not fit.
    """
    own = {
        "Name": runner.name,
        RUN: workflow_run.run_id,
        ATTEMPT: str(workflow_run.attempt),
        REPOSITORY: workflow_run.repository,
        LABEL: workflow_run.label,
        RUNNER_ID: str(runner.id),
        EXPIRES: str(int(expires)),
        **({SCHEDULE: runner.name} if scheduled else {}),
    }
    return {**_checked(extra or {}, room=_MOST_TAGS - len(own)), **own}


def expires(instance: Instance) -> int | None:
    """When the instance's lease ends, in seconds since the epoch; None where its tag is no time."""
    text = instance.tags.get(EXPIRES, "")
    return int(text) if text.isdecimal() else None


def _checked(extra: Mapping[str, object], *, room: int) -> dict[str, str]:
    if len(extra) > room:
        raise SettingsError(f"`tags` has {len(extra)} tags; there is room for {room} beside cmlkit's own.")
    texts = {name: str(value) for name, value in extra.items()}
    for name, value in texts.items():
        if not name or name == "Name" or name.lower().startswith((PREFIX, "aws:")):
            raise SettingsError(f"The tag {name!r} is not free to choose.", next_step="Rename it in `tags`.")
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            raise SettingsError(
                f"The tag {name[:40]!r} is too long.",
                next_step=f"Names have at most {_LONGEST_NAME} characters, values {_LONGEST_VALUE}.",
            )
    return texts
