"""A CI whose jobs have three variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cmlkit.ci.base import Workplace
from cmlkit.records.workflow_run import WorkflowRun


class ToyCi(Workplace):
    """A job of the toy CI."""

    credentials = ("TOY_TOKEN",)
    repository_variable = "TOY_REPOSITORY"
    forge = "toy"

    @classmethod
    def is_here(cls, environ: Mapping[str, str]) -> bool:
        return "TOY_JOB" in environ

    def workflow_run(self, *, directory: Path = Path(), local_id: str = "", with_commit: bool = True) -> WorkflowRun:
        return WorkflowRun(repository=self.environ["TOY_REPOSITORY"], run_id=self.environ["TOY_JOB"])
