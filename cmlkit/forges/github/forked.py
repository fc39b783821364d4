"""A fork for branches and commits; pull requests, comments and checks stay in the repository.

A repository and its forks share objects on GitHub, so a commit in the fork can have a parent in the
repository.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cmlkit.forges.base import Changes, ContentForge, Divergence, Repository, TreeFile
from cmlkit.forges.github.workflow_files import WorkflowFiles
from cmlkit.git.access import GitAccess


class ForkedContent:
    """The content of a repository, for a token that may write only to a fork.

    Args:
        workflow_files: Those of the fork, which may lack some that the repository has.
        base: The target branch of pull requests, the only one looked up in the repository itself; its
            default branch if empty.
    """

    def __init__(
        self, repository: ContentForge, fork: ContentForge, workflow_files: WorkflowFiles, *, base: str = ""
    ) -> None:
        self._upstream = repository
        self._fork = fork
        self._workflow_files = workflow_files
        self._base = base
        # Commits of the fork that the repository may not know yet.
        self._in_fork: set[str] = set()

    def repository(self) -> Repository:
        return self._upstream.repository()

    def git_access(self) -> GitAccess:
        return self._fork.git_access()

    def check_start(self, commit: str) -> None:
        self._workflow_files.check(commit)

    def branch_head(self, branch: str) -> str | None:
        self._base = self._base or self.repository().default_branch
        if branch == self._base:
            return self._upstream.branch_head(branch)
        head = self._fork.branch_head(branch)
        if head is not None:
            self._in_fork.add(head)
        return head

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        return self._holder(ref).read_file(path, ref=ref)

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        return self._holder(commit).blob_ids(commit, paths)

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        return self._holder(commit).tree_files(commit, paths)

    def create_branch(self, branch: str, commit: str) -> None:
        self._fork.create_branch(branch, commit)
        self._in_fork.add(commit)

    def push_commit(self, commit: str, *, directory: Path) -> None:
        self._fork.push_commit(commit, directory=directory)
        self._in_fork.add(commit)

    def let_go(self, commit: str) -> None:
        self._fork.let_go(commit)

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        commit = self._fork.commit(changes, branch=branch, parent=parent, is_new=is_new)
        self._in_fork.add(commit)
        return commit

    def upload(self, changes: Changes, *, parent: str) -> None:
        self._fork.upload(changes, parent=parent)

    def divergence(self, base: str, head: str) -> Divergence:
        return self._fork.divergence(base, head)

    def merge_into(self, branch: str, commit: str) -> str:
        return self._fork.merge_into(branch, commit)

    def delete_branch(self, branch: str) -> None:
        self._fork.delete_branch(branch)

    def _holder(self, commit: str) -> ContentForge:
        """Return the repository that has the commit, this one or the fork."""
        return self._fork if commit in self._in_fork else self._upstream
