"""The issue about failed runs on GitHub: opened, found again, closed, with the permissions that the page names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.forges.workflows import Job
from cmlkit.publishing.failure_issue import tell_of_failures
from cmlkit.records.workflow_run import WorkflowRun
from tests.integration.project import REPOSITORY, Project, project

pytestmark = pytest.mark.slow

RUN = WorkflowRun(repository=REPOSITORY, run_id="7", workflow="Train", event="schedule")
FAILED = Job(runner_name="cmlkit-7", name="train", is_over=True, conclusion="failure")
SUCCEEDED = Job(runner_name="cmlkit-8", name="train", is_over=True, conclusion="success")
JOB_TOKEN = "ghs_stop"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def test_one_issue_is_opened_updated_and_closed_with_what_the_job_may_do(there: Project) -> None:
    there.github.add_token(JOB_TOKEN, kind="job", permissions={"issues": "write", "actions": "read"})
    forge = there.client(token=JOB_TOKEN)
    for jobs, done in (([FAILED], "Opened"), ([FAILED], "Updated")):
        told = tell_of_failures(forge, RUN, jobs)
        assert told is not None
        assert told.done == done
        assert [issue.url for issue in forge.issues()] == [told.url]
    assert forge.issues()[0].author == forge.login()
    closed = tell_of_failures(forge, RUN, [SUCCEEDED])
    assert closed is not None
    assert (closed.done, forge.issues()) == ("Closed", [])


def test_a_job_without_the_permission_is_told_which_line_is_missing(there: Project) -> None:
    there.github.add_token(JOB_TOKEN, kind="job", permissions={"actions": "read", "issues": "read"})
    with pytest.raises(PermissionDenied, match="issues: write"):
        tell_of_failures(there.client(token=JOB_TOKEN), RUN, [FAILED])


def test_a_pull_request_is_no_issue(there: Project) -> None:
    assert there.client().issues() == []
