"""GitHub with a fork: branches and commits go to the fork, and everything that people see to the repository itself.

A repository and its forks share their objects at GitHub, so that a commit in the fork may be made on top of one of the
repository's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cmlkit.errors import SettingsError
from cmlkit.forges.base import Changes, Divergence, PullRequest, TreeFile
from cmlkit.forges.github.repository import GitHub
from cmlkit.git.access import GitAccess


class ForkedGitHub(GitHub):
    """The repository, for a token that may write to a fork of it only.

    Args:
        fork: `OWNER/NAME`.
        base: The branch that pull requests target, the only one that is looked for in the repository itself; its
            default branch when empty.
        options: As of `GitHub`.
    """

    def __init__(self, *, fork: str, base: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._fork = GitHub(**{**options, "repository": fork})
        if self._fork.full_name.lower() == self.full_name.lower():
            raise SettingsError(f"publish.fork is {fork}, the repository itself.", next_step="Leave the setting out.")
        self._base = base
        # Commits of the fork that the repository may not know yet.
        self._in_fork: set[str] = set()

    @property
    def _owner(self) -> str:
        return self._fork.full_name.partition("/")[0]

    def git_access(self) -> GitAccess:
        return self._fork.git_access()

    def branch_head(self, branch: str) -> str | None:
        self._base = self._base or self.repository().default_branch
        if branch == self._base:
            return super().branch_head(branch)
        head = self._fork.branch_head(branch)
        if head is not None:
            self._in_fork.add(head)
        return head

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        return self._fork.read_file(path, ref=ref) if ref in self._in_fork else super().read_file(path, ref=ref)

    def blob_ids(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        return self._fork.blob_ids(commit, paths) if commit in self._in_fork else super().blob_ids(commit, paths)

    def create_blob(self, content: bytes) -> str:
        return self._fork.create_blob(content)

    def create_commit(self, *, parent: str, files: Iterable[TreeFile], message: str, merging: str = "") -> str:
        commit = self._fork.create_commit(parent=parent, files=files, message=message, merging=merging)
        self._in_fork.add(commit)
        return commit

    def commit_signed(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str | None:
        return self._fork.commit_signed(changes, branch=branch, parent=parent, is_new=is_new)

    def create_branch(self, branch: str, commit: str) -> None:
        self._fork.create_branch(branch, commit)

    def move_branch(self, branch: str, commit: str) -> None:
        self._fork.move_branch(branch, commit)

    def delete_branch(self, branch: str) -> None:
        self._fork.delete_branch(branch)

    def divergence(self, base: str, head: str) -> Divergence:
        return self._fork.divergence(base, head)

    def merge_into(self, branch: str, commit: str) -> str:
        return self._fork.merge_into(branch, commit)

    def pull_requests(
        self, *, base: str, head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        return super().pull_requests(base=base, head=self._qualified(head), state=state, limit=limit)

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        return super().create_pull_request(head=self._qualified(head), base=base, title=title, body=body, draft=draft)

    def _qualified(self, head: str) -> str:
        return f"{self._owner}:{head}" if head and ":" not in head else head
