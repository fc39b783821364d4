"""Clean-up after a publish: what GitHub refuses there is told, and never undoes a result that is safe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit_sandbox.github import Protection
from cmlkit_sandbox.github.seeding import delete_account
from tests.fake_forge import FastClock
from tests.integration.project import BOT, MODEL, REPOSITORY, Project, project

# Each of them publishes or launches several times.
pytestmark = pytest.mark.slow

TOO_LARGE = b'{"message": "Sorry, your input was too large to process. Consider creating the blob in a local clone."}'
REFUSED = b'{"message": "Resource not accessible by integration"}'


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def sent(there: Project, method: str, part: str) -> int:
    return sum(item.method == method and part in item.path for item in there.github.requests)


def test_a_blob_that_github_finds_too_large_is_pushed_and_its_ref_removed(there: Project) -> None:
    """The limit that GitHub documents is not the one that it applies."""
    there.github.faults.add("POST", "/git/blobs$", status=422, body=TOO_LARGE)
    published = there.publish(there.trained(0.9))
    assert there.git("show", f"{published.branch}:{MODEL}") == "model of 0.9"
    assert sent(there, "POST", "git-receive-pack") == 1
    assert not there.git("for-each-ref", "refs/cmlkit")


@pytest.mark.parametrize(("status", "body"), [(403, REFUSED), (422, b'{"message": "Validation Failed"}')])
def test_the_ref_of_an_upload_that_may_not_be_removed_is_told_and_the_result_is_published(
    there: Project, status: int, body: bytes
) -> None:
    there.github.faults.add("POST", "/git/blobs$", status=422, body=TOO_LARGE)
    there.github.faults.add("DELETE", "/git/refs/cmlkit/uploads/", status=status, body=body)
    told: list[str] = []
    published = there.publish(there.trained(0.9), forge=there.client(notify=told.append))
    assert published.pull_request_number == 1
    ref = there.git("for-each-ref", "--format=%(refname)", "refs/cmlkit").strip()
    [line] = told
    assert f"keeps the ref {ref}, which nothing needs any more" in line
    assert f"git push origin --delete {ref}" in line


def test_a_tree_that_github_finds_too_large_is_made_in_parts(there: Project) -> None:
    there.github.faults.add("POST", "/git/trees$", times=2, status=422, body=TOO_LARGE)
    published = there.publish(there.trained(0.9))
    assert there.files(published.branch) == {"train.py", *published.files}
    assert sent(there, "POST", "/git/trees") > 3


def test_a_tree_of_one_file_that_is_too_large_is_an_error(there: Project) -> None:
    there.github.faults.add("POST", "/git/trees$", times=99, status=422, body=TOO_LARGE)
    with pytest.raises(ServiceError, match="too large"):
        there.publish(there.trained(0.9))


def test_a_ref_that_somebody_else_changes_at_the_same_time_is_tried_again(there: Project) -> None:
    """https://github.com/github/rest-api-description/issues/4887"""
    there.github.faults.add("POST", "/git/refs$", times=2, status=422, body=b'{"message": "Reference update failed"}')
    clock = FastClock()
    there.client(clock=clock).create_branch("daily", there.head("main"))
    assert there.head("daily") == there.head("main")
    assert clock.slept == [1.0, 2.0]


def test_a_ref_that_is_refused_again_and_again_is_an_error_with_the_likely_causes(there: Project) -> None:
    """A branch `a/b` beside a branch `a` is one: git has no place for it."""
    there.git("branch", "daily", "main")
    clock = FastClock()
    with pytest.raises(ServiceError, match="Reference update failed") as caught:
        there.publish(there.trained(0.9), branch="daily/{run}", forge=there.client(clock=clock))
    assert "with a branch `a` there is no `a/b`" in caught.value.next_step
    assert sum(clock.slept) == 7


def test_an_earlier_pull_request_whose_branch_may_not_go_stays_open_with_the_reason(there: Project) -> None:
    there.publish(there.trained(0.9))
    there.github.protect(REPOSITORY, "cmlkit/main/100", Protection(rule="deletion", message="Cannot delete."))
    published = there.publish(there.trained(0.95), run_id="101")
    assert (published.pull_request_number, published.superseded, there.open_pulls()) == (2, (), [1, 2])
    [warning] = there.progress.warnings
    assert "The pull request #1 stays open: GitHub refused DELETE" in warning
    assert "Settings > Rules" in warning


@pytest.mark.parametrize(
    ("login", "who"), [("ann", "ann worked on it"), ("bob", "ghost, the name of deleted accounts, worked on it")]
)
def test_an_earlier_pull_request_that_a_person_worked_on_stays_open_with_the_name(
    there: Project, login: str, who: str
) -> None:
    there.publish(there.trained(0.9))
    there.comment(1, login, "Wait for the new data.")
    delete_account(there.github.hub, "bob") if login == "bob" else None
    assert there.publish(there.trained(0.95), run_id="101").superseded == ()
    assert there.progress.warnings == [f"The pull request #1 stays open: {who}."]


def test_an_earlier_pull_request_of_an_account_that_is_gone_stays_open_with_the_reason(there: Project) -> None:
    """Such as that of an App that was deleted, whose successor publishes now."""
    there.github.hub.account("old-app[bot]", kind="Bot")
    there.github.add_token("ghs_old", "old-app[bot]", kind="app")
    there.publish(there.trained(0.9), forge=there.client(token="ghs_old"))
    delete_account(there.github.hub, "old-app[bot]")
    assert there.publish(there.trained(0.95), run_id="101").superseded == ()
    assert there.progress.warnings == [
        f"The pull request #1 stays open: an account that was deleted opened it, not {BOT}."
    ]


def test_the_check_of_a_workflows_token_links_the_run(there: Project) -> None:
    """GitHub ignores `details_url` there: https://github.com/actions/github-script/issues/143"""
    forge = there.client()
    check = forge.create_check(
        name="gate", commit=there.head("main"), conclusion="success", title="t", summary="text",
        details_url="https://github.com/octo/forest/actions/runs/100",
    )  # fmt: skip
    shown = there.repository.check_runs[check.id].output.summary
    assert shown == "text\n\n[The workflow run](https://github.com/octo/forest/actions/runs/100)"
    there.publish(there.trained(0.9))
    [report] = [run for run in there.repository.check_runs.values() if run.name == "cmlkit"]
    assert "/actions/runs/100" in (report.output.summary or "")
    assert "[The workflow run]" not in (report.output.summary or "")
