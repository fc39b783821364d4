"""A developer's machine: no outputs, no summary, and a run described by the checkout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cmlkit.ci.base import Checkout, Workplace, local_run_id, of_checkout
from cmlkit.errors import SettingsError
from cmlkit.records.workflow_run import WorkflowRun


class Local(Workplace):
    """A machine on which no CI runs.

    Args:
        repository_variables: Variables with which a person can name the repository.
    """

    def __init__(self, environ: Mapping[str, str], *, repository_variables: Sequence[str] = ()) -> None:
        super().__init__(environ)
        self._repository_variables = repository_variables

    @classmethod
    def is_here(cls, environ: Mapping[str, str]) -> bool:
        return True

    def workflow_run(self, *, directory: Path = Path(), local_id: str = "", with_commit: bool = True) -> WorkflowRun:
        found = of_checkout(directory, known=Checkout(), with_commit=with_commit)
        return WorkflowRun(
            repository=found.repository or self._unknown(),
            run_id=local_run_id(local_id),
            sha=found.commit,
            server_url=found.server or WorkflowRun.server_url,
        )

    def _unknown(self) -> str:
        ways = [f"set {name}=OWNER/NAME" for name in self._repository_variables]
        raise SettingsError(
            "No repository is known.", next_step=f"{' or '.join(['Run in a clone of a repository', *ways])}."
        )
