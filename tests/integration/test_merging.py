"""Pull requests that are to merge by themselves, while checks of theirs run, and after these have failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit_sandbox.github import GitHubServer
from cmlkit_sandbox.github.checks import CheckRun
from tests.fake_forge import FastClock
from tests.integration.clone import Job
from tests.integration.project import REPOSITORY, Project, project

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        found.repository.settings.allow_auto_merge = True
        yield found


def starts_a_check(github: GitHubServer, full_name: str, *, conclusion: str | None = None) -> None:
    """Let the first pull request, however it is opened, start a workflow, whose check run may end at once."""

    def start() -> None:
        repository = github.hub.repository(full_name)
        if not repository.pulls or any(run.name == "lint" for run in repository.check_runs.values()):
            return
        run = CheckRun(
            id=github.hub.next_id(),
            name="lint",
            sha=repository.pulls[-1].head_sha,
            status="completed" if conclusion else "in_progress",
            conclusion=conclusion,
            started=None,
            completed=None,
            details_url=None,
            external_id=None,
        )
        repository.check_runs[run.id] = run

    github.faults.add("POST", ".", times=99, after=start)


def test_a_check_that_is_not_required_is_waited_for_before_the_merge(there: Project) -> None:
    starts_a_check(there.github, REPOSITORY)

    def end_after_five_seconds() -> None:
        for run in there.repository.check_runs.values():
            run.status, run.conclusion = "completed", run.conclusion or "success"

    clock = FastClock(when_slept=end_after_five_seconds)
    there.publish(there.trained(0.9), auto_merge="squash", forge=there.client(clock=clock))
    assert clock.slept == [5.0]
    assert [pull.merged is not None for pull in there.repository.pulls] == [True]
    assert there.progress.warnings == []


def test_a_pull_request_whose_checks_go_on_stays_open_and_the_publish_has_worked(there: Project) -> None:
    starts_a_check(there.github, REPOSITORY)
    clock = FastClock()
    published = there.publish(there.trained(0.9), auto_merge="squash", forge=there.client(clock=clock))
    assert published.pull_request_number == 1
    assert sum(clock.slept) == 60
    assert there.open_pulls() == [1]
    [warning] = there.progress.warnings
    assert "these checks still run: lint" in warning


@pytest.mark.parametrize("has_auto_merge", [True, False])
def test_a_failed_check_leaves_the_pull_request_of_files_open_with_a_warning(job: Job, has_auto_merge: bool) -> None:
    job.repository.settings.allow_auto_merge = has_auto_merge
    starts_a_check(job.sandbox.github, job.sandbox.repository, conclusion="failure")
    job.write("model/m.joblib", "weights")
    shown = job.pr("--squash", ".")
    assert "checks of it failed: lint" in shown["said"]
    [pull] = job.repository.pulls
    assert (pull.state, pull.merged, shown["pull_request_number"]) == ("open", None, pull.number)
