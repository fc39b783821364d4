"""The sandbox's Git LFS with the real git-lfs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit_sandbox.github import GitHubServer
from tests.reality.sandboxed import BOT_TOKEN, REPOSITORY, served
from tests.reality.tools import clean_environment, output, tool

MODEL = b"a model\n" * 1000


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    with served(tmp_path / "github") as server:
        yield server


def git(folder: Path, *arguments: str) -> str:
    tool("git-lfs")
    author = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com"}
    committer = {"GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.com"}
    environ = clean_environment(HOME=str(folder.parent), **author, **committer)
    return output(["git", *arguments], environ=environ, folder=folder)


def clone(github: GitHubServer, folder: Path, token: str = BOT_TOKEN) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    url = github.url.replace("http://", f"http://x-access-token:{token}@")
    git(folder.parent, "clone", "--quiet", f"{url}/{REPOSITORY}.git", folder.name)
    git(folder, "lfs", "install", "--local")
    return folder


def pushed(github: GitHubServer, folder: Path) -> Path:
    """A clone that has pushed a model through LFS."""
    there = clone(github, folder)
    git(there, "lfs", "track", "*.joblib")
    (there / "m.joblib").write_bytes(MODEL)
    git(there, "add", "--all")
    git(there, "commit", "--quiet", "--message", "A model")
    git(there, "push", "--quiet", "origin", "main")
    return there


def test_a_push_stores_the_object_and_a_clone_fetches_it(github: GitHubServer, tmp_path: Path) -> None:
    pushed(github, tmp_path / "a" / "one")
    other = clone(github, tmp_path / "b" / "two")
    git(other, "lfs", "pull")
    assert (other / "m.joblib").read_bytes() == MODEL
    pointer = github.hub.repository(REPOSITORY).git.git("show", "main:m.joblib").decode()
    assert f"oid sha256:{hashlib.sha256(MODEL).hexdigest()}" in pointer


def test_every_object_is_verified_with_the_header_of_the_batch_answer(github: GitHubServer, tmp_path: Path) -> None:
    pushed(github, tmp_path / "a" / "one")
    verified = [item.status for item in github.requests if item.path.endswith("/info/lfs/objects/verify")]
    assert verified == [200]


def test_an_object_that_is_there_is_not_sent_again(github: GitHubServer, tmp_path: Path) -> None:
    there = pushed(github, tmp_path / "a" / "one")
    before = sum(item.method == "PUT" for item in github.requests)
    (there / "copy.joblib").write_bytes(MODEL)
    git(there, "add", "--all")
    git(there, "commit", "--quiet", "--message", "A copy")
    git(there, "push", "--quiet", "origin", "main")
    assert sum(item.method == "PUT" for item in github.requests) == before == 1


def test_a_token_that_may_only_read_cannot_push(github: GitHubServer, tmp_path: Path) -> None:
    there = pushed(github, tmp_path / "a" / "one")
    github.add_token("ghp_reader", "eve", permissions={"contents": "read"})
    reader = clone(github, tmp_path / "b" / "two", token="ghp_reader")
    (reader / "other.joblib").write_bytes(b"other")
    git(reader, "add", "--all")
    git(reader, "commit", "--quiet", "--message", "Mine")
    with pytest.raises(AssertionError, match="denied|403|authentication"):
        git(reader, "push", "--quiet", "origin", "main")
    assert git(there, "ls-remote", "origin", "main").split()[0] == git(there, "rev-parse", "HEAD").strip()
