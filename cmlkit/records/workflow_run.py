"""The workflow run that cmlkit works for, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# branch: a branch of this repository. tag: no branch. pull-request: one within this repository. merged: one whose
# changes are in its target already. fork: a pull request whose branch another repository has. queue: a merge queue.
# discussion: an issue or a pull request, by its number. none: no event, as on a developer's machine.
TriggerKind = Literal["branch", "tag", "pull-request", "merged", "fork", "queue", "issue", "discussion", "none"]
# Whose runs get a token that may only read.
ReadsOnly = Literal["", "fork", "Dependabot"]


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """The branch, commit, pull request or issue that a run's event is about. Fields are empty if unknown.

    Attributes:
        branch: Branch of this repository that the event is on: the one pushed or chosen, or the pull request's own.
        base: Branch that the pull request or the merge queue targets.
        commit: Head of the pull request, or of the run that ended, if the run's own `sha` is another commit.
        head: `OWNER:BRANCH` of a pull request whose number the event does not tell.
        issue: Number of the issue, or of the pull request of a `discussion`.
        message: Message of the head commit that was pushed.
        body: Text of the pull request.
        reads_only: Why GitHub gives the run a token that may only read, whatever the workflow asks for.
    """

    kind: TriggerKind = "none"
    branch: str = ""
    base: str = ""
    commit: str = ""
    head: str = ""
    issue: int | None = None
    message: str = ""
    body: str = ""
    reads_only: ReadsOnly = ""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """The GitHub Actions run (or a substitute on a developer's machine) that cmlkit works for.

    Attributes:
        repository: `OWNER/NAME`.
        run_id: GitHub's id of the run; a random one outside Actions.
        attempt: 1 for the first attempt of the run.
        sha: Commit that the run was started for; empty if unknown.
        ref: Full ref, such as `refs/heads/main`; empty if unknown.
        pull_request: Number of the pull request that the event is about, if it is about one.
        from_fork: Whether that pull request comes from another repository.
        trigger: What else the event says.
        job: Id of the job, with its number if a matrix made it; empty if unknown.
        runner: Name of the runner that the job is on; empty if unknown.
        default_branch: The repository's default branch, if the event tells it.
    """

    repository: str
    run_id: str
    attempt: int = 1
    sha: str = ""
    ref: str = ""
    event: str = ""
    workflow: str = ""
    actor: str = ""
    server_url: str = "https://github.com"
    pull_request: int | None = None
    from_fork: bool = False
    trigger: Trigger = Trigger()
    job: str = ""
    runner: str = ""
    default_branch: str = ""

    @property
    def repository_url(self) -> str:
        return f"{self.server_url}/{self.repository}"

    @property
    def url(self) -> str:
        return f"{self.repository_url}/actions/runs/{self.run_id}"

    @property
    def branch(self) -> str:
        """The branch of `ref`; empty for a tag or a pull request's merge ref."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else ""

    @property
    def label(self) -> str:
        """The runner label of this run and attempt only; GitHub's run ids are unique across repositories."""
        return f"cmlkit-{self.run_id}-{self.attempt}"
