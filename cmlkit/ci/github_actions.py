"""The GitHub Actions edge: which run this is, and the files and lines by which a step talks back to it.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands and …/variables
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from cmlkit.errors import SettingsError
from cmlkit.progress import Lines
from cmlkit.records.training_run import InstanceFacts
from cmlkit.records.workflow_run import WorkflowRun

SUMMARY_LIMIT_BYTES = 1024 * 1024  # of one step; GitHub drops a longer one whole

PULL_REQUEST_EVENTS = ("pull_request", "pull_request_target")


def running_in(environ: Mapping[str, str]) -> bool:
    """Whether this process is a step of a workflow."""
    return environ.get("GITHUB_ACTIONS") == "true"


def workflow_run(
    environ: Mapping[str, str], *, repository: str = "", commit: str = "", local_id: str = ""
) -> WorkflowRun:
    """The run that the environment describes.

    Args:
        repository: `OWNER/NAME` where `GITHUB_REPOSITORY` says nothing, such as from the checkout's remote.
        commit: The same for `GITHUB_SHA`.
        local_id: What tells this run from others outside Actions; by chance when empty.

    Raises:
        SettingsError: No repository is known, or a number in the environment is none.
    """
    name = environ.get("GITHUB_REPOSITORY") or repository
    if not name:
        raise SettingsError(
            "No repository is known.", next_step="Set GITHUB_REPOSITORY=OWNER/NAME, or run in a clone of one on GitHub."
        )
    pull_request, from_fork = _pull_request(environ)
    return WorkflowRun(
        repository=name,
        # Outside Actions two people at once must not share a label: nothing but chance tells their launches apart.
        run_id=environ.get("GITHUB_RUN_ID") or f"local{local_id or os.urandom(4).hex()}",
        attempt=_attempt(environ.get("GITHUB_RUN_ATTEMPT") or "1"),
        sha=environ.get("GITHUB_SHA") or commit,
        ref=environ.get("GITHUB_REF", ""),
        event=environ.get("GITHUB_EVENT_NAME", ""),
        workflow=environ.get("GITHUB_WORKFLOW", ""),
        actor=environ.get("GITHUB_ACTOR", ""),
        server_url=(environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
        pull_request=pull_request,
        from_fork=from_fork,
    )


def instance_facts(environ: Mapping[str, str]) -> InstanceFacts | None:
    """The instance that the job runs on, as the boot script told the job; None on any other machine."""
    if not (instance_type := environ.get("CMLKIT_INSTANCE_TYPE", "")):
        return None
    return InstanceFacts(
        instance_id=environ.get("CMLKIT_INSTANCE_ID", ""),
        instance_type=instance_type,
        market=environ.get("CMLKIT_INSTANCE_MARKET", ""),
        region=environ.get("CMLKIT_INSTANCE_REGION", ""),
        price=_number(environ.get("CMLKIT_INSTANCE_PRICE_USD_PER_HOUR", "")),
        started=_number(environ.get("CMLKIT_INSTANCE_STARTED", "")),
    )


def workspace(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that actions/checkout fills; None outside a job."""
    return Path(environ["GITHUB_WORKSPACE"]) if environ.get("GITHUB_WORKSPACE") else None


def write_outputs(values: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Make every value an output of the step, its key with dashes; anything but text and numbers as JSON."""
    if not (path := environ.get("GITHUB_OUTPUT")):
        return
    with Path(path).open("a", encoding="utf-8") as file:
        for key, value in values.items():
            # A random delimiter: a value that contains it could otherwise set outputs of its own.
            delimiter = f"cmlkit-{os.urandom(16).hex()}"
            file.write(f"{key.replace('_', '-')}<<{delimiter}\n{output_text(value)}\n{delimiter}\n")


def output_text(value: Any) -> str:
    """A value as workflow expressions compare it: `true`, a number, text, empty for nothing, else JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def write_summary(markdown: str, environ: Mapping[str, str]) -> bool:
    """Append to the job's summary; False outside Actions, or where it would not fit."""
    if not (path := environ.get("GITHUB_STEP_SUMMARY")):
        return False
    file = Path(path)
    written = file.stat().st_size if file.exists() else 0
    if written + len(markdown.encode()) + 1 > SUMMARY_LIMIT_BYTES:
        return False
    with file.open("a", encoding="utf-8") as summary:
        summary.write(markdown + "\n")
    return True


def annotation(level: Literal["error", "warning", "notice"], message: str, *, title: str = "") -> str:
    """The line that puts `message` on the run's page."""
    properties = f" title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}" if title else ""
    return f"::{level}{properties}::{_escaped(message)}"


class WorkflowLog(Lines):
    """Progress in a job's log: what is printed during a stage folds below its title, and warnings are annotations."""

    def begin(self, title: str) -> None:
        self.note(f"::group::{_escaped(title)}")

    def end(self, outcome: str) -> None:
        self.note(f"::endgroup::\n{outcome}")

    def warn(self, text: str) -> None:
        self.note(annotation("warning", text, title="cmlkit"))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _attempt(text: str) -> int:
    if not text.isdigit():
        raise SettingsError(f"GITHUB_RUN_ATTEMPT is {text!r}; it takes a whole number.")
    return int(text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _pull_request(environ: Mapping[str, str]) -> tuple[int | None, bool]:
    """The number in the event of a pull request, and whether it comes from a fork.

    None for other events or an event file that cannot be read.
    """
    if environ.get("GITHUB_EVENT_NAME") not in PULL_REQUEST_EVENTS:
        return None, False
    try:
        event = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_text(encoding="utf-8"))
        number = int(event["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, False
    return number, _is_from_fork(event["pull_request"], environ.get("GITHUB_REPOSITORY", ""))


def _is_from_fork(pull_request: Mapping[str, Any], repository: str) -> bool:
    try:
        return bool(pull_request["head"]["repo"]["full_name"] != repository)
    except KeyError:
        return False
    except TypeError:
        return True  # the fork has been deleted since
