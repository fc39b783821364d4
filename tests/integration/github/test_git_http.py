"""git itself as a client: clone, push, and who may."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from cmlkit_sandbox.github import GitHubServer, seeding
from tests.integration.github.conftest import REPOSITORY, TOKEN, Api

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


class Git:
    """git in one folder, with a token or without, and nobody's configuration."""

    def __init__(self, folder: Path, token: str = "") -> None:
        self.folder = folder
        header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        credential = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {header}",
        }
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            **IDENTITY,
            **(credential if token else {}),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit_file(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)
        self("add", name)
        self("commit", "--quiet", "--message", f"Add {name}")


def cloned(github: GitHubServer, folder: Path, token: str = TOKEN, repository: str = REPOSITORY) -> Git:
    folder.mkdir()
    git = Git(folder, token)
    git("clone", "--quiet", f"{github.url}/{repository}.git", ".")
    return git


def test_a_public_repository_is_cloned_without_a_token(github: GitHubServer, tmp_path: Path) -> None:
    cloned(github, tmp_path / "clone", token="")
    assert (tmp_path / "clone" / "train.py").read_text("utf-8") == "print('training')\n"
    assert (tmp_path / "clone" / "data" / "rows.csv").exists()


def test_a_clone_may_leave_blobs_and_history_out(github: GitHubServer, api: Api, tmp_path: Path) -> None:
    api.commit({"large.bin": b"x" * 100_000}, branch="main")
    git = Git(tmp_path)
    git("clone", "--quiet", "--depth=1", "--filter=blob:none", "--no-checkout", f"{github.url}/{REPOSITORY}", "clone")
    assert git("-C", "clone", "rev-list", "--count", "HEAD") == "1"
    missing = git("-C", "clone", "rev-list", "--objects", "--missing=print", "HEAD")
    assert "\n?" in missing


def test_a_push_moves_the_branch_and_the_pull_request_with_it(github: GitHubServer, api: Api, tmp_path: Path) -> None:
    api.pull_request()
    git = cloned(github, tmp_path / "clone")
    git("checkout", "--quiet", "daily")
    git.commit_file("model.bin", os.urandom(2_000_000))
    git("push", "--quiet", "origin", "daily")
    pull = api.get("./pulls/1")
    assert (pull["head"]["sha"], pull["commits"]) == (git("rev-parse", "HEAD"), 2)


def test_pushing_takes_a_token_that_may_write(github: GitHubServer, tmp_path: Path) -> None:
    github.add_token("reader", "eve", permissions={"contents": "read"})
    for token, reason in (("", "could not read Username"), ("reader", "403"), ("unknown", "could not read Username")):
        folder = tmp_path / f"clone-{token}"
        git = cloned(github, folder, token="")
        git.environ |= Git(folder, token).environ
        git.commit_file("a", b"1")
        refused = git.run("push", "origin", "main")
        assert refused.returncode != 0
        assert reason in refused.stderr


def test_a_private_repository_is_there_for_its_tokens_only(github: GitHubServer, source: Path, tmp_path: Path) -> None:
    github.add_repository("octo/secret", source, private=True)
    github.add_token("other", "eve", repositories=[REPOSITORY])
    cloned(github, tmp_path / "clone", repository="octo/secret")
    for token, reason in (("", "could not read Username"), ("other", "not found")):
        refused = Git(tmp_path, token).run("clone", f"{github.url}/octo/secret", f"refused-{token}")
        assert refused.returncode != 0
        assert reason in refused.stderr


def test_a_protected_branch_takes_no_push(github: GitHubServer, tmp_path: Path) -> None:
    github.protect(REPOSITORY, "main")
    git = cloned(github, tmp_path / "clone")
    git.commit_file("a", b"1")
    refused = git.run("push", "origin", "HEAD:main", "HEAD:other")
    assert "GH006: Protected branch update failed for refs/heads/main." in refused.stderr
    git("push", "--quiet", "origin", "HEAD:other")


@pytest.mark.slow
def test_a_file_above_githubs_limit_is_not_pushed(github: GitHubServer, tmp_path: Path) -> None:
    git = cloned(github, tmp_path / "clone")
    git.commit_file("model.bin", b"\0" * (100 * 1024 * 1024 + 1))
    refused = git.run("push", "origin", "HEAD:large")
    assert refused.returncode != 0
    assert "GH001: Large files detected. File model.bin" in refused.stderr


def test_a_pointer_of_git_lfs_is_not_pushed_without_its_bytes(github: GitHubServer, tmp_path: Path) -> None:
    """GitHub's GH008, as in https://github.com/git-lfs/git-lfs/issues/4821."""
    git = cloned(github, tmp_path / "clone")
    oid = "1" * 64
    git.commit_file("model.bin", f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 7\n".encode())
    refused = git.run("push", "origin", "HEAD:pointers")
    assert refused.returncode != 0
    assert "GH008: Your push referenced at least 1 unknown Git LFS object" in refused.stderr
    assert oid in refused.stderr


def test_a_renamed_repository_is_still_cloned_by_its_old_name(github: GitHubServer, tmp_path: Path) -> None:
    seeding.rename(github.hub, REPOSITORY, "woods")
    git = cloned(github, tmp_path / "clone")
    assert git("rev-parse", "HEAD") == github.hub.repository("octo/woods").git.branch_head("main")


def test_the_first_commit_has_the_folders_files_but_not_those_that_it_ignores(
    github: GitHubServer, tmp_path: Path
) -> None:
    folder = tmp_path / "ignoring"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("not for the repository", "utf-8")
    (folder / ".gitignore").write_text("*.tmp\n", "utf-8")
    (folder / "junk.tmp").write_text("junk", "utf-8")
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\n", "utf-8")
    script.chmod(0o755)
    repository = github.add_repository("octo/ignoring", folder)
    entries = repository.git.tree(repository.git.branch_head("main") or "")
    assert {(entry.path, entry.mode) for entry in entries} == {(".gitignore", "100644"), ("run.sh", "100755")}


def test_one_folder_makes_the_same_commit_everywhere(github: GitHubServer, source: Path) -> None:
    one = github.add_repository("octo/one", source).git.branch_head("main")
    assert one == github.add_repository("octo/two", source).git.branch_head("main")
