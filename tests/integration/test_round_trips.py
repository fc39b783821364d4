"""Round trips: how long the longest chain of requests is, in which each waits for the answer to the one before.

Every request of the sandbox's GitHub takes a while here, so that those that are sent at once overlap for sure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.publishing.comment import add_comment, keep_comment
from cmlkit.publishing.marker import Marker
from cmlkit_sandbox.github import trips
from tests.integration.project import Project, project

LATENCY_SECONDS = 0.5
LABELS = ("model",)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def counted(there: Project, act: Callable[[], object]) -> tuple[int, int]:
    """The trips and the requests of an action."""
    before = len(there.github.requests)
    there.github.latency = LATENCY_SECONDS
    try:
        act()
    finally:
        there.github.latency = 0
    sent = there.github.requests[before:]
    return trips(sent), len(sent)


@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_a_first_publish_is_six_trips_deep(there: Project, token: str) -> None:
    run = there.trained(0.9)
    assert counted(there, lambda: there.publish(run, forge=there.client(token=token), labels=LABELS)) <= (6, 12)


@pytest.mark.slow
@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_one_that_supersedes_is_eight_trips_deep_though_it_shows_the_champions_before_it(
    there: Project, token: str
) -> None:
    there.merge(there.publish(there.trained(0.9), run_id="100").pull_request_number or 0)
    there.publish(there.trained(0.91), run_id="101", forge=there.client(token=token))
    run = there.trained(0.92)
    forge = there.client(token=token)
    assert counted(there, lambda: there.publish(run, run_id="102", forge=forge, labels=LABELS)) <= (8, 19)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 200, "body": b'{"data": null, "errors": [{"message": "Something went wrong", "type": "INTERNAL"}]}'},
        {"status": 502, "html": True},
        {"status": 403, "body": b'{"message": "Resource not accessible by personal access token"}'},
    ],
    ids=["errors", "times out", "may not"],
)
def test_a_publish_that_graphql_does_not_help_does_the_same_in_more_trips(
    there: Project, fault: dict[str, Any]
) -> None:
    there.github.faults.add("POST", "/graphql", times=1000, **fault)
    published = there.publish(there.trained(0.9), forge=there.client(token="ghp_person"), labels=LABELS)
    assert there.head(published.branch) == published.commit_sha
    assert there.files(published.branch) == {"train.py", *published.files}
    assert there.open_pulls() == [published.pull_request_number]
    assert len(there.comments(1)) == 1
    assert there.progress.warnings == []


def test_a_pull_request_that_github_refuses_to_open_with_its_branch_is_told_as_rest_tells_it(there: Project) -> None:
    there.repository.settings.can_create_pull_requests = False
    run = there.trained(0.9)
    with pytest.raises(PermissionDenied, match="not permitted to create or approve pull requests") as caught:
        there.publish(run)
    assert "The result is committed to the branch cmlkit/main/100." in caught.value.message
    there.repository.settings.can_create_pull_requests = True
    published = there.publish(run)
    assert there.open_pulls() == [published.pull_request_number]
    assert there.git("rev-list", "--count", f"main..{published.branch}").strip() == "1"


def test_the_default_branch_may_have_another_name_than_the_usual(there: Project) -> None:
    there.git("branch", "-m", "main", "trunk")
    there.repository.default_branch = "trunk"
    there.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    run = dataclasses.replace(there.trained(0.9), commit=there.head("trunk"))
    published = there.publish(run)
    assert published.branch == "cmlkit/trunk/100"
    assert there.repository.pulls[0].base == "trunk"


@pytest.mark.slow
@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_a_comment_is_two_trips_deep(there: Project, token: str) -> None:
    number = there.publish(there.trained(0.9)).pull_request_number or 0
    forge, marker = there.client(token=token), Marker(kind="report", subject="comment: a", run="1")
    assert counted(there, lambda: add_comment(number, "first", marker, forge=forge)) == (2, 3)
    newer = dataclasses.replace(marker, run="2")
    assert counted(there, lambda: keep_comment(number, "second", newer, forge=there.client(token=token))) == (2, 3)
    assert [body.partition("\n")[2] for body in there.comments(number)[1:]] == ["second"]
