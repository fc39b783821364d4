"""GitHub Actions: the current run, and the files and lines with which a step reports to it.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands and …/variables
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cmlkit.ci.base import (
    OWN_CREDENTIALS,
    SUMMARY_LIMIT_BYTES,
    Author,
    Checkout,
    Level,
    PullRequestEvent,
    Workplace,
    local_run_id,
    of_checkout,
)
from cmlkit.ci.github_event import default_branch_of, number_of, pull_request_of, read_payload, trigger_of
from cmlkit.errors import FileError, SettingsError, file_error
from cmlkit.files import append_whole
from cmlkit.progress import Lines, Progress
from cmlkit.records.json_text import json_text, plain
from cmlkit.records.workflow_run import ReadsOnly, WorkflowRun
from cmlkit.settings import variables
from cmlkit.sinks.printing import command, mask

# One of them is enough: a person, or a job of another CI, stands in for a workflow by setting those that it needs.
VARIABLES = (
    "GITHUB_ACTIONS",
    "GITHUB_WORKSPACE",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_SHA",
    "GITHUB_REF",
    "GITHUB_EVENT_NAME",
    "GITHUB_WORKFLOW",
    "GITHUB_SERVER_URL",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
)

# Set by the action from `strategy.job-index`: no variable of GitHub's tells the jobs of a matrix apart.
JOB_INDEX = variables.JOB_INDEX

# Under CML's names, a token may also be in the variable of a command's flag.
_CML_COMMANDS = (
    *("", "ASSET_", "CHECK_", "COMMENT_", "PR_", "REPO_", "RUNNER_", "WORKFLOW_"),
    *("CI_", "PUBLISH_", "RERUN_WORKFLOW_", "SEND_COMMENT_", "SEND_GITHUB_CHECK_"),
)
CML_TOKENS = tuple(f"CML_{command}{name}" for command in _CML_COMMANDS for name in ("TOKEN", "DRIVER_TOKEN"))


class GithubActions(Workplace):
    """A step of a workflow, or a shell with some of a step's variables."""

    credentials = (
        *OWN_CREDENTIALS,
        # They can write to the repository: the workflow's, and those of CML and of the GitHub CLI.
        "GITHUB_TOKEN",
        "REPO_TOKEN",
        "repo_token",
        *CML_TOKENS,
        "GH_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        # They prove the workflow's identity to a cloud, or to whoever checks a signature.
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        # It can write artifacts and caches that later jobs trust.
        "ACTIONS_RUNTIME_TOKEN",
    )
    # The account of GITHUB_TOKEN; the number is its id, by which GitHub links commits to it.
    author = Author(name="github-actions[bot]", email="41898282+github-actions[bot]@users.noreply.github.com")
    repository_variable = "GITHUB_REPOSITORY"
    forge = "github"

    @classmethod
    def is_here(cls, environ: Mapping[str, str]) -> bool:
        return any(environ.get(name) for name in VARIABLES)

    @property
    def is_job(self) -> bool:
        return self.environ.get("GITHUB_ACTIONS") == "true"

    @property
    def has_run(self) -> bool:
        return bool(self.environ.get("GITHUB_RUN_ID"))

    @property
    def hosted_cores(self) -> int:
        return os.cpu_count() or 1 if self.environ.get("RUNNER_ENVIRONMENT") == "github-hosted" else 0

    @property
    def workspace(self) -> Path | None:
        folder = self.environ.get("GITHUB_WORKSPACE")
        return Path(folder) if folder else None

    @property
    def reads_only(self) -> ReadsOnly:
        return trigger_of(self.environ, read_payload(self.environ)).reads_only

    def workflow_run(self, *, directory: Path = Path(), local_id: str = "", with_commit: bool = True) -> WorkflowRun:
        environ, payload = self.environ, read_payload(self.environ)
        trigger = trigger_of(environ, payload)
        found = of_checkout(
            directory,
            known=Checkout(
                repository=environ.get("GITHUB_REPOSITORY", ""),
                commit=environ.get("GITHUB_SHA", ""),
                server=_server(environ),
            ),
            with_commit=with_commit,
        )
        if not found.repository:
            raise SettingsError(
                "No repository is known.",
                next_step="Set GITHUB_REPOSITORY=OWNER/NAME, or run in a clone of a repository on GitHub.",
            )
        return WorkflowRun(
            repository=found.repository,
            run_id=environ.get("GITHUB_RUN_ID") or local_run_id(local_id),
            attempt=_attempt(environ.get("GITHUB_RUN_ATTEMPT") or "1"),
            sha=found.commit,
            ref=environ.get("GITHUB_REF", ""),
            event=environ.get("GITHUB_EVENT_NAME", ""),
            workflow=environ.get("GITHUB_WORKFLOW", ""),
            actor=environ.get("GITHUB_ACTOR", ""),
            server_url=found.server or WorkflowRun.server_url,
            pull_request=number_of(environ, payload),
            from_fork=trigger.kind == "fork",
            trigger=trigger,
            job="-".join(filter(None, (environ.get("GITHUB_JOB"), environ.get(JOB_INDEX)))),
            runner=environ.get("RUNNER_NAME", ""),
            default_branch=default_branch_of(payload),
        )

    def pull_request(self) -> PullRequestEvent | None:
        """Return the pull request of the event; None for other events or an event file that cannot be read."""
        return pull_request_of(self.environ, read_payload(self.environ))

    def progress(self) -> Progress:
        return WorkflowLog() if self.is_job else super().progress()

    def write_outputs(self, values: Mapping[str, Any]) -> None:
        """Make every value an output of the step, with dashes in its key; all but text and numbers becomes JSON."""
        if not (path := self.environ.get("GITHUB_OUTPUT")):
            return
        # A random delimiter: a value that contains it could otherwise set outputs of its own.
        delimiter = f"cmlkit-{os.urandom(16).hex()}"
        shown = self.secrets.hidden_in(plain(values))
        named = {key.replace("_", "-"): _output_text(value) for key, value in shown.items()}
        outputs = (f"{key}<<{delimiter}\n{text}\n{delimiter}\n" for key, text in named.items())
        try:
            append_whole(Path(path), "".join(outputs))
        except OSError as error:
            raise FileError(
                f"The outputs of this step cannot be written to {path}: {error.strerror}.",
                next_step=file_error(error).next_step,
            ) from error

    def write_summary(self, markdown: str) -> bool:
        """Append to the job's summary; return False if the step has none, or it takes no more."""
        markdown = self.secrets.hidden(markdown)
        if not (path := self.environ.get("GITHUB_STEP_SUMMARY")):
            return False
        try:
            written = Path(path).stat().st_size if Path(path).exists() else 0
            if written + len(markdown.encode("utf-8", "backslashreplace")) + 1 > SUMMARY_LIMIT_BYTES:
                return False
            append_whole(Path(path), markdown + "\n")
        except OSError:
            return False
        return True

    def keep_secret(self, value: str) -> None:
        """Show a token that was just made in no text; the runner masks it in what other programs print, too."""
        if self.is_job and value.strip():  # the runner warns of an empty one
            mask(f"::add-mask::{_escaped(value.strip())}")
        super().keep_secret(value)

    def annotate(self, level: Level, message: str, *, title: str = "") -> None:
        if self.is_job:
            command(_annotation(level, self.secrets.hidden(message), title=title))


class WorkflowLog(Lines):
    """Progress in a job's log: a stage's output folds below its title, and warnings are annotations."""

    def begin(self, title: str) -> None:
        command(f"::group::{_escaped(title)}", stream=self.stream)

    def end(self, outcome: str) -> None:
        command("::endgroup::", stream=self.stream)
        self.note(outcome)

    def warn(self, text: str) -> None:
        command(_annotation("warning", text, title="cmlkit"), stream=self.stream)


def _server(environ: Mapping[str, str]) -> str:
    """Return the root of the server's pages that the environment names; empty if the checkout is to say it."""
    if server := environ.get("GITHUB_SERVER_URL", "").rstrip("/"):
        return server
    # A person who names the API names the server, whatever the checkout says.
    return WorkflowRun.server_url if environ.get("GITHUB_API_URL") else ""


def _annotation(level: Level, message: str, *, title: str) -> str:
    properties = f" title={_escaped(title).replace(':', '%3A').replace(',', '%2C')}" if title else ""
    return f"::{level}{properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _output_text(value: Any) -> str:
    """Return a value as workflow expressions compare it: text as it is, None as empty, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)


def _attempt(text: str) -> int:
    if not text.isdigit():
        raise SettingsError(f"GITHUB_RUN_ATTEMPT is {text!r}; it takes a whole number.")
    return int(text)
