"""Workflow runs: jobs that may not be read are unknown, and a forge that is out is an error."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cmlkit.errors import CmlkitError, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.workflows import Job, readable_jobs

JOB = Job(runner_name="machine", is_over=False)


@dataclass
class Jobs:
    """A forge with the jobs of run 77, or an error."""

    error: CmlkitError | None = None

    def jobs(self, run_id: str) -> list[Job]:
        if self.error:
            raise self.error
        return {"77": [JOB]}[run_id]


@pytest.mark.parametrize(
    ("forge", "jobs"),
    [(Jobs(), [JOB]), (Jobs(PermissionDenied("no")), None), (Jobs(NotFound("no such run")), None), (None, None)],
)
def test_jobs_that_may_not_be_read_are_unknown(forge: Jobs | None, jobs: list[Job] | None) -> None:
    assert readable_jobs(forge, "77") == jobs


def test_a_forge_that_is_out_is_an_error_and_says_nothing_about_jobs() -> None:
    with pytest.raises(ServiceError):
        readable_jobs(Jobs(ServiceError("The forge is out.")), "77")
