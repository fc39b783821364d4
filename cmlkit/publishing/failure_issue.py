"""The one issue that tells of scheduled runs that failed, until one succeeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cmlkit.forges.base import Issue, IssueForge
from cmlkit.forges.workflows import Job
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report.markdown import link, text

SCHEDULED = "schedule"
FAILED = frozenset({"failure", "timed_out"})
SHOWN_RUNS = 10
LONGEST_NAME = 200
"""Letters of the workflow's name in the title, for which GitHub has room for 256."""

_LISTED = "- "


@dataclass(frozen=True, kw_only=True)
class FailureTold:
    """The issue that was opened, updated or closed; `done` says which."""

    url: str
    done: str

    def __str__(self) -> str:
        return f"{self.done} {self.url}"


def tell_of_failures(forge: IssueForge, workflow_run: WorkflowRun, jobs: Sequence[Job]) -> FailureTold | None:
    """Open or update the workflow's issue if a job of this attempt failed; close it if all have succeeded.

    Only a scheduled run opens or updates it, as people watch those that they start; any run of the workflow closes it.
    Return None if there is nothing to tell.

    Args:
        jobs: Those of the run, in all attempts, this one that still runs included.
    """
    own = [job for job in jobs if job.attempt == workflow_run.attempt]
    failed = [job for job in own if job.conclusion in FAILED]
    if failed and workflow_run.event != SCHEDULED:
        return None
    succeeded = [job for job in own if job.conclusion == "success"]
    if not failed and (not succeeded or any(job.conclusion not in ("", "success", "skipped") for job in own)):
        return None  # it was cancelled, or tells nothing yet
    marker = Marker(
        kind="failure", subject=workflow_run.workflow, run=workflow_run.run_id, attempt=workflow_run.attempt
    )
    found = _own(forge, marker)
    if failed:
        return _told(forge, workflow_run, failed, marker, found)
    for issue in found:
        forge.create_comment(issue.number, f"{_run(workflow_run)} has succeeded.")
        forge.close_issue(issue.number)
    return FailureTold(url=found[0].url, done="Closed") if found else None


def _told(
    forge: IssueForge, workflow_run: WorkflowRun, failed: Sequence[Job], marker: Marker, found: Sequence[Issue]
) -> FailureTold:
    line = f"{_LISTED}{_run(workflow_run)}: {', '.join(text(job.name or 'a job', length=120) for job in failed)}"
    if not found:
        name = " ".join(workflow_run.workflow.split())[:LONGEST_NAME]
        title = f"{name or 'A scheduled run'} failed"
        return FailureTold(url=forge.create_issue(title=title, body=_body(marker, [line])).url, done="Opened")
    before = [known for known in found[0].body.splitlines() if known.startswith(_LISTED) and known != line]
    forge.update_body(found[0].number, _body(marker, [line, *before][:SHOWN_RUNS]))
    return FailureTold(url=found[0].url, done="Updated")


def _own(forge: IssueForge, marker: Marker) -> list[Issue]:
    """Return our own open issues about the workflow, oldest first: others may have copied the marker.

    Without those that a person has locked: the job's token is refused to comment on them, and to close them.
    https://github.com/upptime/uptime-monitor/pull/189
    """
    login = forge.login()
    return [
        issue
        for issue in forge.issues()
        if issue.author == login
        and not issue.locked
        and (known := marker_in(issue.body)) is not None
        and known.is_about(marker)
    ]


def _body(marker: Marker, lines: Sequence[str]) -> str:
    words = "These runs failed, the latest first, with the jobs that did. The next run that succeeds closes this issue."
    return "\n".join([str(marker), words, "", *lines])


def _run(workflow_run: WorkflowRun) -> str:
    attempt = f", attempt {workflow_run.attempt}" if workflow_run.attempt > 1 else ""
    return f"{link(f'Run {text(workflow_run.run_id)}', workflow_run.url)}{attempt}"
