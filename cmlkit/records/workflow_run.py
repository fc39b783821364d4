"""The workflow run that cmlkit works for, as one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """The GitHub Actions run (or a substitute on a developer's machine) that cmlkit works for.

    Attributes:
        repository: `OWNER/NAME`.
        run_id: GitHub's id of the run; a random one outside Actions.
        attempt: 1 for the first attempt of the run.
        sha: Commit that the run was started for; empty if unknown.
        ref: Full ref, such as `refs/heads/main`; empty if unknown.
        pull_request: Number of the pull request that started the run, if one did.
        from_fork: Whether that pull request comes from another repository: GitHub's token is then read-only.
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

    @property
    def repository_url(self) -> str:
        return f"{self.server_url}/{self.repository}"

    @property
    def url(self) -> str:
        return f"{self.repository_url}/actions/runs/{self.run_id}"

    @property
    def branch(self) -> str:
        """The branch that the run was started for; empty for a tag or a pull request's merge ref."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else ""

    @property
    def label(self) -> str:
        """The runner label of this run and attempt only; GitHub's run ids are unique across repositories."""
        return f"cmlkit-{self.run_id}-{self.attempt}"
