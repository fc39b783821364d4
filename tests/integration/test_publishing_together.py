"""Publishes at the same time, with the base moving underneath: every commit arrives, none is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cmlkit.publishing.publication import Publication
from cmlkit.records.training_run import RECORD
from tests.integration.project import MODEL, REPOSITORY, Project, project

AT_ONCE = 10


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def at_once(publish: Callable[[int], Publication], there: Project) -> list[Publication]:
    """Publish from as many threads, while a person commits to the base branch."""
    start = threading.Barrier(AT_ONCE + 1)

    def begin(index: int) -> Publication:
        start.wait()
        return publish(index)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        running = [pool.submit(begin, index) for index in range(AT_ONCE)]
        start.wait()
        for index in range(3):
            there.commit_to("main", {f"notes-{index}.md": "moved"})
        return [each.result() for each in running]


def one_of(there: Project, index: int) -> Project:
    directory = there.directory / str(index)
    directory.mkdir()
    return Project(github=there.github, directory=directory)


@pytest.mark.slow
@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
def test_ten_models_on_one_branch_are_ten_commits_and_one_pull_request(there: Project, token: str) -> None:
    def publish(index: int) -> Publication:
        mine = one_of(there, index)
        forge = mine.client(token=token)
        return mine.publish(mine.trained(0.9 + index / 1000), branch="models", prefix=f"p{index}", forge=forge)

    published = at_once(publish, there)
    assert int(there.git("rev-list", "--count", "main..models")) == AT_ONCE
    assert there.files("models") >= {f"p{index}/{MODEL}" for index in range(AT_ONCE)}
    assert {item.commit_sha for item in published} == set(there.git("rev-list", "main..models").split())
    assert there.open_pulls() == [1]
    assert len(there.comments(1)) == AT_ONCE


@pytest.mark.slow
def test_ten_runs_of_one_model_on_one_branch_end_with_the_newest_there_and_no_model_lost(there: Project) -> None:
    def publish(index: int) -> Publication:
        mine = one_of(there, index)
        return mine.publish(
            mine.trained(0.9 + index / 1000), run_id=str(100 + index), branch="models", on_existing="keep"
        )

    published = at_once(publish, there)
    assert there.git("show", f"models:{MODEL}") == "model of 0.909"
    comments = {item.number: there.comments(item.number) for item in there.repository.pulls}
    assert [len(found) for found in comments.values()] == [1] * len(comments)
    [of_models] = [item.number for item in there.repository.pulls if item.head == "models"]
    assert "run 109" in comments[of_models][0]
    # A run that came after a newer one has a branch of its own.
    for index, item in enumerate(published):
        assert there.git("show", f"{item.commit_sha}:{MODEL}") == f"model of {0.9 + index / 1000}"
        assert item.branch in ("models", f"models-{100 + index}-1")


@pytest.mark.slow
def test_ten_runs_on_ten_branches_keep_to_themselves(there: Project) -> None:
    def publish(index: int) -> Publication:
        mine = one_of(there, index)
        return mine.publish(mine.trained(0.9 + index / 1000), run_id=str(100 + index), on_existing="keep")

    published = at_once(publish, there)
    assert len({item.pull_request_number for item in published}) == AT_ONCE
    for item in published:
        assert there.git("rev-list", "--count", f"main..{item.branch}").strip() == "1"
        assert len(there.comments(item.pull_request_number or 0)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("token", ["ghs_workflow", "ghp_person"])
@pytest.mark.parametrize("on_existing", ["supersede", "update"])
def test_runs_that_publish_at_once_leave_the_newest_ones_pull_request(
    there: Project, on_existing: str, token: str
) -> None:
    def publish(index: int) -> Publication:
        mine = one_of(there, index)
        run = mine.trained(0.9 + index / 1000)
        return mine.publish(run, run_id=str(100 + index), on_existing=on_existing, forge=mine.client(token=token))

    at_once(publish, there)
    [number] = there.open_pulls()
    pull = there.repository.issues[number]
    assert '"run": "109"' in pull.body or '"run":"109"' in pull.body
    assert there.git("show", f"{pull.head}:{MODEL}") == "model of 0.909"
    # Those of people are none of cmlkit's business.
    assert there.branches() == {"main", pull.head}


@pytest.mark.slow
def test_processes_that_publish_at_once_leave_the_newest_ones_pull_request(there: Project) -> None:
    def begun(index: int) -> subprocess.Popen[bytes]:
        mine = one_of(there, index)
        run = mine.trained(0.9 + index / 1000)
        record = mine.directory / RECORD
        record.parent.mkdir()
        record.write_text(run.to_json())
        subprocess.run(["git", "init", "--quiet", mine.directory], check=True)
        variables = {
            "GITHUB_API_URL": there.github.api_url,
            "GITHUB_SERVER_URL": there.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(100 + index),
            "CMLKIT_TOKEN": "ghs_workflow",
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CMLKIT_"))}
        command = [sys.executable, "-m", "cmlkit", "publish", "--base", "main"]
        return subprocess.Popen(command, cwd=mine.directory, env={**clean, **variables})

    assert [process.wait() for process in [begun(index) for index in range(8)]] == [0] * 8
    [number] = there.open_pulls()
    assert there.git("show", f"{there.repository.issues[number].head}:{MODEL}") == "model of 0.907"
