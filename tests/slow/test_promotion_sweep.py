"""One fault at every request of a promotion that merges a pull request: it ends as without any fault, and once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmlkit.registry.promotion import Promotion, promote
from cmlkit.registry.versions import trailers
from tests.integration.project import MODEL, Project, project
from tests.slow.test_publish_sweep import Died, Mortal

# More than any promotion of this scenario sends; the sweep ends at the first number that no request has.
MOST_REQUESTS = 40


@contextmanager
def scene(folder: Path) -> Iterator[Project]:
    """A pull request with a model, on a branch that has none."""
    with project(folder) as there:
        there.publish(there.trained(0.9), run_id="100")
        yield there


def promoted(there: Project, **options: Any) -> Promotion:
    return promote(forge=there.client(token="ghp_person", **options), model=MODEL, pull_request=1, method="squash")


def assert_promoted_once(there: Project) -> None:
    """The pull request is merged by one commit, which has one tag, with what the tag shall say."""
    assert there.repository.issues[1].merged
    assert len(there.git("rev-list", "main").split()) == 2
    [line] = there.git("for-each-ref", "--format=%(refname:strip=2) %(*objectname)", "refs/tags").splitlines()
    assert line == f"model/m/production/1 {there.head('main')}"
    assert trailers(there.git("tag", "--list", "--format=%(contents)"))["Pull-Request"] == "1"


@pytest.fixture(scope="module")
def requests_sent(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many requests a promotion without faults takes."""
    with scene(tmp_path_factory.mktemp("undisturbed")) as there:
        before = len(there.github.requests)
        promoted(there)
        assert_promoted_once(there)
        count = len(there.github.requests) - before
    assert 10 < count < MOST_REQUESTS
    return count


@pytest.mark.parametrize("answered", [False, True], ids=["before the request", "after the answer"])
def test_a_promotion_that_is_killed_anywhere_is_finished_by_the_next(
    requests_sent: int, tmp_path: Path, answered: bool
) -> None:
    for number in range(1, requests_sent + 1):
        with scene(tmp_path / str(number)) as there:
            with pytest.raises(Died):
                promoted(there, session=Mortal(number, answered=answered))
            promoted(there)
            assert_promoted_once(there)


@pytest.mark.parametrize(
    "fault",
    [
        {"drop_connection_before": True},
        {"drop_connection_after": True},
        {"status": 502, "acted": True, "html": True},
    ],
    ids=["hangs up", "acts and hangs up", "acts and fails"],
)
def test_one_fault_anywhere_is_survived(requests_sent: int, tmp_path: Path, fault: dict[str, Any]) -> None:
    for number in range(1, requests_sent + 1):
        with scene(tmp_path / str(number)) as there:
            there.github.faults.add("*", "", skip=number - 1, **fault)
            assert promoted(there).created
            assert_promoted_once(there)
