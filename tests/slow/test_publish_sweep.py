"""One fault at every request of a publish, then the publish again: GitHub ends as it does without any fault."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from cmlkit.errors import CmlkitError, PermissionDenied
from tests.integration.project import Project, project

SPEC: dict[str, Any] = {"labels": ("model",), "reviewers": ("ann",), "rules": ["accuracy >= champion"]}
LFS_REQUESTS = 3  # batch, upload, verification
# More than any publish of this scenario sends; the sweep ends at the first number that no request has.
MOST_REQUESTS = 80
FAULTS: tuple[dict[str, Any], ...] = (
    {"drop_connection_before": True},
    {"drop_connection_after": True},
    {"truncate": True},
    {"status": 500},
    {"status": 502, "acted": True, "html": True},
    {
        "status": 403,
        "headers": {"retry-after": "1"},
        "body": b'{"message": "You have exceeded a secondary rate limit"}',
    },
)
KINDS = ["hangs up", "acts and hangs up", "breaks off", "fails", "acts and fails", "limits"]


class Died(BaseException):
    """The process was killed; nothing in it may catch that."""


class Mortal(requests.Session):
    """A session in which the process dies at one request: before it is sent, or once it was answered.

    What was sent before still arrives; nothing is sent afterwards, by no thread of the process.
    """

    def __init__(self, at: int, *, answered: bool) -> None:
        super().__init__()
        self.at, self.answered, self.sent, self.lock = at, answered, 0, threading.Lock()

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        with self.lock:
            self.sent += 1
            number = self.sent
        if number > self.at or (number == self.at and not self.answered):
            raise Died
        response = super().request(*arguments, **options)
        if number == self.at:
            raise Died
        return response


@contextmanager
def scene(folder: Path) -> Iterator[Project]:
    """A champion on the base branch, an earlier pull request of cmlkit's, and one that a person has commented on."""
    with project(folder) as there:
        there.github.hub.account("ann")
        there.merge(there.publish(there.trained(0.9), run_id="100").pull_request_number or 0)
        there.publish(there.trained(0.91), run_id="101")
        there.comment(2, "ann", "Keep this.")
        there.publish(there.trained(0.92), run_id="102")
        yield there


def state(there: Project) -> Any:
    """Everything that people can see of the repository, without ids and times."""
    git, hub = there.repository.git, there.repository
    branches = {
        branch: [there.git("ls-tree", "-r", branch), there.git("log", "--format=%an %B", branch)]
        for branch in sorted(there.branches())
    }
    pulls = [
        [
            *[pull.number, pull.state, pull.title, pull.body, pull.head, pull.base, pull.draft, sorted(pull.labels)],
            *[sorted(account.login for account in pull.reviewers), there.comments(pull.number)],
        ]
        for pull in hub.pulls
    ]
    checks = [[check.name, check.conclusion, check.output.summary, check.sha] for check in hub.check_runs.values()]
    shown = json.dumps([branches, pulls, sorted(checks), [ref.name for ref in git.refs("refs/")]])
    commits = there.git("rev-list", "--all").split()
    # The same commits have other ids, since they were made at another time, and with them the links to them.
    shown = re.sub("|".join(commits), "COMMIT", shown)
    shown = re.sub("|".join(commit[:12] for commit in commits), "SHORT", shown)
    blobs_of_reports = re.compile(r"[0-9a-f]{40}(?=\\tmodel/m\.joblib\.(?:md|json))")
    return json.loads(blobs_of_reports.sub("REPORT", shown.replace(there.github.url, "URL")))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, int]:
    """The state after a publish without faults, and how many requests that took."""
    with scene(tmp_path_factory.mktemp("undisturbed")) as there:
        run = there.trained(0.95)
        before = len(there.github.requests)
        there.publish(run, run_id="103", **SPEC)
        return state(there), len(there.github.requests) - before


def every_request(undisturbed: tuple[Any, int]) -> range:
    assert undisturbed[1] < MOST_REQUESTS
    return range(1, undisturbed[1] + 1)


@pytest.mark.parametrize("answered", [False, True], ids=["before the request", "after the answer"])
def test_a_publish_that_is_killed_anywhere_is_finished_by_the_next(
    undisturbed: tuple[Any, int], tmp_path: Path, answered: bool
) -> None:
    for number in every_request(undisturbed):
        with scene(tmp_path / str(number)) as there:
            run = there.trained(0.95)
            with pytest.raises(Died):
                there.publish(run, run_id="103", forge=there.client(session=Mortal(number, answered=answered)), **SPEC)
            there.publish(run, run_id="103", **SPEC)
            assert state(there) == undisturbed[0], f"killed at request {number}"


@pytest.mark.parametrize("fault", FAULTS, ids=KINDS)
def test_one_fault_anywhere_is_survived_without_another_run(
    undisturbed: tuple[Any, int], tmp_path: Path, fault: dict[str, Any]
) -> None:
    for number in every_request(undisturbed):
        with scene(tmp_path / str(number)) as there:
            run = there.trained(0.95)
            there.github.faults.add("*", "", skip=number - 1, **fault)
            there.publish(run, run_id="103", **SPEC)
            assert state(there) == undisturbed[0], f"fault at request {number}: {there.github.requests[-5:]}"


@pytest.mark.parametrize("fault", FAULTS, ids=KINDS)
def test_one_fault_on_the_way_to_lfs_is_survived_or_finished_by_the_next_run(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    with scene(tmp_path / "undisturbed") as there:
        there.publish(there.trained(0.95), run_id="103", store="lfs", **SPEC)
        expected = state(there)
    for number in range(LFS_REQUESTS):
        with scene(tmp_path / str(number)) as there:
            run = there.trained(0.95)
            there.github.faults.add("*", "/info/lfs/", skip=number, **fault)
            try:
                there.publish(run, run_id="103", store="lfs", **SPEC)
            except PermissionDenied:
                assert fault["status"] == 403
                there.publish(run, run_id="103", store="lfs", **SPEC)
            assert state(there) == expected, f"fault at request {number}"
            # An answer without a body breaks off unnoticed, and means what it says.
            sent = sum("/info/lfs/" in request.path for request in there.github.requests)
            assert sent > LFS_REQUESTS or (sent == LFS_REQUESTS and "truncate" in fault)


@pytest.mark.parametrize("status", [403, 422, 503])
def test_one_refusal_anywhere_is_an_error_or_a_warning_and_is_finished_by_the_next(
    undisturbed: tuple[Any, int], tmp_path: Path, status: int
) -> None:
    for number in every_request(undisturbed):
        with scene(tmp_path / str(number)) as there:
            run = there.trained(0.95)
            body = b'{"message": "A fault"}'
            there.github.faults.add("*", "", skip=number - 1, status=status, body=body, times=1 if status < 500 else 6)
            try:
                there.publish(run, run_id="103", **SPEC)
            except CmlkitError as error:
                # A 404 for the base branch is told as what it means.
                assert str(status) in str(error) or "has no branch 'main'" in str(error)
            there.github.faults.clear()
            there.publish(run, run_id="103", **SPEC)
            assert state(there) == undisturbed[0], f"{status} at request {number}"


def test_the_scene_has_what_a_publish_can_meet(undisturbed: tuple[Any, int]) -> None:
    branches, pulls, checks, _ = undisturbed[0]
    assert set(branches) == {"main", "cmlkit/main/100", "cmlkit/main/101", "cmlkit/main/103"}
    assert [pull[1] for pull in pulls] == ["closed", "open", "closed", "open"]
    assert len(checks) == 4
