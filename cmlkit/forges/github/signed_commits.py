"""Commits that GitHub signs for a person's token: by GraphQL, since the Git Data API signs for bots and Apps only."""

from __future__ import annotations

import base64

from cmlkit.errors import Conflict, PermissionDenied, ServiceError
from cmlkit.forges.base import Changes
from cmlkit.forges.github.git_data import GitData
from cmlkit.forges.github.operations import parsed

PERSONAL_TOKENS = ("ghp_", "github_pat_", "gho_", "ghu_")
# GitHub names no limit; what it refuses goes by the Git Data API, so this only saves sending much in vain.
PAYLOAD_BYTES = 5 * 1024**2

_CREATE_COMMIT = """
mutation($branch: CommittableBranch!, $head: GitObjectID!, $message: CommitMessage!, $changes: FileChanges!) {
  createCommitOnBranch(
    input: {branch: $branch, expectedHeadOid: $head, message: $message, fileChanges: $changes}
  ) { commit { oid } }
}
"""


class SignedCommits(GitData):
    """createCommitOnBranch."""

    def commit_signed(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str | None:
        size = sum(len(content) for content in changes.contents.values())
        if not self.http.token.startswith(PERSONAL_TOKENS) or size > PAYLOAD_BYTES:
            return None
        if is_new:
            self.create_branch(branch, parent)
        headline, _, rest = changes.message.partition("\n")
        try:
            answer = self.http.graphql(
                _CREATE_COMMIT,
                branch={"repositoryNameWithOwner": self.full_name, "branchName": branch},
                head=parent,
                message={"headline": headline, "body": rest.strip()},
                changes={
                    "additions": [_addition(path, content) for path, content in changes.contents.items()],
                    "deletions": [{"path": path} for path in changes.removes],
                },
            )
        except Conflict:
            raise
        except (PermissionDenied, ServiceError):
            return None
        return parsed(lambda data: str(data["createCommitOnBranch"]["commit"]["oid"]), answer)


def _addition(path: str, content: bytes) -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(content).decode("ascii")}
