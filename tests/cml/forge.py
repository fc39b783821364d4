"""The repository that a case's workflows run in: what people push to it, and the pull requests that they open."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cmlkit_sandbox import TOKEN, Sandbox
from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.git_repository import isolated_environment
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.repository import Repository
from cmlkit_sandbox.github.seeding import add_fork
from tests.cml.given_files import write_files

PERSON = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
}


@dataclass(frozen=True, kw_only=True)
class Forge:
    """The sandbox's repository, and a folder in which people commit."""

    sandbox: Sandbox
    desks: Path

    @property
    def repository(self) -> Repository:
        return self.sandbox.github.hub.repository(self.sandbox.repository)

    def head(self, branch: str) -> str:
        return self.repository.git.branch_head(branch) or ""

    def commit(self, branch: str, files: Mapping[str, Any], *, message: str = "", fork: str = "") -> None:
        """Push a person's commit to a branch, which begins at main if it is new."""
        repository = self.fork(fork) if fork else self.repository
        desk = self.desks / repository.owner.login
        remote = str(repository.git.path)
        if not desk.exists():
            _git(self.desks, "clone", "--quiet", remote, str(desk))
        _git(desk, "fetch", "--quiet", "origin")
        begin = branch if repository.git.branch_head(branch) else "main"
        _git(desk, "checkout", "--quiet", "--force", "-B", branch, f"origin/{begin}")
        write_files(files, desk)
        # As a person does who adds them by name, ignored ones, too.
        _git(desk, "add", "--all", "--force", "--", *files)
        _git(desk, "commit", "--quiet", "--allow-empty", "--message", message or f"Change {', '.join(files)}")
        _git(desk, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        after_push(self.sandbox.github.hub, repository)

    def fork(self, owner: str) -> Repository:
        name = f"{owner}/{self.repository.name}"
        hub = self.sandbox.github.hub
        return hub.repositories.get(name) or add_fork(hub, self.sandbox.repository, owner)

    def pull_request(self, branch: str, *, to: str = "main", fork: str = "", title: str = "") -> PullRequest:
        """Return the open pull request of a branch, opened by a person if missing."""
        source = self.fork(fork) if fork else self.repository
        for pull in self.repository.pulls:
            if (pull.head, pull.head_repository, pull.state) == (branch, source, "open"):
                return pull
        head = f"{fork}:{branch}" if fork else branch
        answer = self.api("POST", "pulls", json={"title": title or f"Try {branch}", "head": head, "base": to})
        return next(pull for pull in self.repository.pulls if pull.number == answer["number"])

    def merge_commit(self, pull: PullRequest) -> str:
        """Return the commit of `refs/pull/N/merge`, which GitHub keeps for workflows to test."""
        git = self.repository.git
        tree = git.line("merge-tree", "--write-tree", self.head(pull.base), pull.head_sha)
        parents = ["-p", self.head(pull.base), "-p", pull.head_sha]
        message = f"Merge {pull.head_sha} into {self.head(pull.base)}"
        commit = git.line("commit-tree", tree, *parents, "-m", message, environ=PERSON)
        git.update_ref(f"refs/pull/{pull.number}/merge", commit)
        return commit

    def api(self, method: str, path: str, **options: Any) -> Any:
        url = f"{self.sandbox.github.api_url}/repos/{self.sandbox.repository}/{path}"
        answer = requests.request(method, url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10, **options)
        answer.raise_for_status()
        return answer.json()


def _git(directory: Path, *arguments: str) -> None:
    environ = isolated_environment(PERSON)
    subprocess.run(["git", *arguments], cwd=directory, env=environ, check=True, capture_output=True)
