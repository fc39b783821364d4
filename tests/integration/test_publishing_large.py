"""Models that are too large for the API: pushed with git, in the same commit, by a token that nobody sees."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied, ServiceError
from cmlkit.forges.github import FACTS
from cmlkit.forges.github.git_uploads import API_BLOB_BYTES
from cmlkit.git.access import GitAccess, basic
from cmlkit.git.objects import blob_id
from cmlkit.git.push import push_blob
from tests.fake_forge import FastClock
from tests.integration.project import MANIFEST, MODEL, REPOSITORY, TOKEN, Project, project

LARGE = os.urandom(1024) + bytes(API_BLOB_BYTES)


def push(
    url: str, *, ref: str = "refs/cmlkit/uploads/x", token: str = TOKEN, environ: Mapping[str, str] = os.environ
) -> str:
    access = GitAccess(url=url, authorization=basic("x-access-token", token))
    return push_blob(b"large", access=access, ref=ref, author="cmlkit <cmlkit@example.com>", environ=environ)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


def refs(there: Project) -> set[str]:
    return set(there.git("for-each-ref", "--format=%(refname)").split())


@pytest.mark.slow
def test_a_large_model_is_in_the_one_commit_and_leaves_no_other_ref(there: Project) -> None:
    published = there.publish(there.trained(0.9, content=LARGE))
    assert there.git("rev-parse", f"{published.branch}:{MODEL}").strip() == blob_id(LARGE)
    assert MANIFEST in there.files(published.branch)
    assert there.git("rev-parse", f"{published.commit_sha}^").strip() == there.head("main")
    assert refs(there) == {"refs/heads/main", f"refs/heads/{published.branch}", "refs/pull/1/head"}


@pytest.mark.slow
def test_a_model_over_fifty_mebibytes_is_published_with_a_warning(there: Project) -> None:
    there.publish(there.trained(0.9, content=LARGE + bytes(FACTS.limits.files.git_advised)))
    assert "every clone of the repository will keep it" in there.progress.warnings[0]


@pytest.mark.slow
def test_a_publish_that_broke_off_after_the_push_is_finished(there: Project) -> None:
    run = there.trained(0.9, content=LARGE)
    there.github.faults.add("POST", "/git/trees", status=422)
    with pytest.raises(Exception, match="422"):
        there.publish(run)
    assert f"refs/cmlkit/uploads/{blob_id(LARGE)}" in refs(there)
    there.publish(run)
    assert not any("uploads" in ref for ref in refs(there))


def test_pushing_twice_changes_nothing(there: Project) -> None:
    url, ref = f"{there.github.url}/{REPOSITORY}.git", "refs/cmlkit/uploads/x"
    for _ in range(2):
        assert push(url, ref=ref) == blob_id(b"large")
    assert there.git("rev-list", "--count", ref).strip() == "1"


def test_a_token_that_may_not_push_is_an_error_that_does_not_show_it(there: Project) -> None:
    there.github.add_token("ghs_reads", "ann", permissions={"contents": "read"})
    url = f"{there.github.url}/{REPOSITORY}.git"
    with pytest.raises(PermissionDenied) as caught:
        push(url, token="ghs_reads")
    assert "contents: write" in caught.value.next_step
    assert "ghs_reads" not in str(caught.value)


@pytest.mark.parametrize("path", ["info/refs", "git-receive-pack"])
def test_a_push_waits_while_git_gets_too_many_requests_as_an_answer(there: Project, path: str) -> None:
    clock = FastClock()
    there.github.faults.add("*", path, status=429, times=2, headers={"Retry-After": "30"}, body=b"Slow down.")
    there.client(clock=clock).push_commit(there.head("main"), directory=there.repository.git.path)
    assert clock.slept[:2] == [60, 60]


def test_a_push_that_is_never_let_through_is_an_error_after_minutes(there: Project) -> None:
    clock = FastClock()
    there.github.faults.add("*", "info/refs", status=429, times=100)
    with pytest.raises(ServiceError, match=r"error: 429 \(after 6 tries\)"):
        there.client(clock=clock).push_commit(there.head("main"), directory=there.repository.git.path)
    assert 60 < sum(clock.slept) <= 900


def test_a_push_that_is_refused_advises_the_kind_of_token(there: Project) -> None:
    there.github.add_token("github_pat_reads", "ann", permissions={"contents": "read"})
    forge = there.client(token="github_pat_reads")
    with pytest.raises(PermissionDenied, match="denied to ann") as caught:
        forge.push_commit(there.head("main"), directory=there.repository.git.path)
    assert "Give the fine-grained token the repository permission Contents: Read and write" in caught.value.next_step


def test_the_token_is_in_no_argument_and_no_file(there: Project, tmp_path: Path) -> None:
    """A git that writes down its arguments, and everything in its folder, before it does its work."""
    seen = tmp_path / "seen"
    spy = tmp_path / "bin" / "git"
    spy.parent.mkdir()
    real = next(path for path in os.environ["PATH"].split(":") if Path(path, "git").exists())
    spy.write_text(
        f'#!/bin/bash\necho "$@" >> {seen}\nfind . -type f -size -9k -exec cat {{}} + >> {seen}\nexec {real}/git "$@"\n'
    )
    spy.chmod(0o755)
    environ = {**os.environ, "PATH": f"{spy.parent}:{os.environ['PATH']}"}
    url = f"{there.github.url}/{REPOSITORY}.git"
    push(url, environ=environ)
    text = seen.read_text(errors="replace")
    assert re.search(rf"push --quiet {re.escape(url)}", text)
    assert TOKEN not in text
    assert "Authorization" not in text
