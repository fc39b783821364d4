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
REAPING = "cmlkit:reaping"
"""Put on an instance by the reaper before it looks again: when, in seconds since the epoch."""

INTERRUPTED = "cmlkit:interrupted"
"""Put on a spot instance that the cloud took back: when that was noticed, in seconds since the epoch."""

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
    extra: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """The tags of one runner's instance.

    Args:
        expires: Seconds since the epoch after which the instance has no reason to live.
        extra: The user's own tags.

    Raises:
        SettingsError: A tag of the user's is one that cmlkit keeps for itself.
    """
    own = {
        RUN: workflow_run.run_id,
        ATTEMPT: str(workflow_run.attempt),
        REPOSITORY: workflow_run.repository,
        LABEL: workflow_run.label,
        RUNNER_ID: str(runner.id),
        EXPIRES: str(int(expires)),
    }
    return {**_checked(extra or {}), **own}


def expires(instance: Instance) -> int | None:
    """When the instance's lease ends, in seconds since the epoch; None where its tag is no time."""
    text = instance.tags.get(EXPIRES, "")
    return int(text) if text.isdecimal() else None


def _checked(extra: Mapping[str, object]) -> dict[str, str]:
    for name in extra:
        if name.lower().startswith(PREFIX):
            raise SettingsError(f"The tag {name!r} is not free to choose.", next_step="Rename it in `tags`.")
    return {name: str(value) for name, value in extra.items()}
