"""The lease: the tags that mark an instance as ours, for whom it runs, and until when it may."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from cmlkit.clouds.base import Instance
from cmlkit.errors import SettingsError
from cmlkit.forges.base import Runner
from cmlkit.run import WorkflowRun

PREFIX = "cmlkit:"
RUN = "cmlkit:run"
ATTEMPT = "cmlkit:attempt"
REPOSITORY = "cmlkit:repository"
LABEL = "cmlkit:label"
RUNNER_ID = "cmlkit:runner-id"
EXPIRES = "cmlkit:expires"

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
_LONGEST_NAME = 128
_LONGEST_VALUE = 256
_MOST_TAGS = 50


def runner_name(workflow_run: WorkflowRun, number: int) -> str:
    """A new name for the run's runner of that number, and for its instance.

    Two launches of one run, for two kinds of machine, share its label, but no name.
    """
    return f"{workflow_run.label}-{number}-{secrets.token_hex(3)}"


def is_name_of(workflow_run: WorkflowRun, name: str) -> bool:
    """Whether `runner_name` made the name for the run, in whichever attempt."""
    return re.fullmatch(rf"cmlkit-{re.escape(workflow_run.run_id)}-\d+-\d+-[0-9a-f]+", name) is not None


def marks(workflow_run: WorkflowRun) -> dict[str, str]:
    """The tags by which the instances of a run are found, whichever attempt launched them."""
    return {RUN: workflow_run.run_id, REPOSITORY: workflow_run.repository}


def tags(
    workflow_run: WorkflowRun, runner: Runner, *, expires: float, extra: Mapping[str, object] | None = None
) -> dict[str, str]:
    """The tags of one runner's instance.

    Args:
        expires: Seconds since the epoch after which the instance has no reason to live.
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
    }
    return {**_checked(extra or {}, room=_MOST_TAGS - len(own)), **own}


def expires(instance: Instance) -> float | None:
    """When the instance's lease ends, in seconds since the epoch; None where its tag is no time."""
    text = instance.tags.get(EXPIRES, "")
    return float(text) if text.isdecimal() else None


def runner_id(instance: Instance) -> int | None:
    """Id of the runner that the instance was launched to be."""
    text = instance.tags.get(RUNNER_ID, "")
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
