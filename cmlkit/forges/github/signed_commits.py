"""Commits that GitHub signs for a person's token: by GraphQL, since the Git Data API signs for bots and Apps only."""

from __future__ import annotations

import base64

from cmlkit.errors import Conflict, PermissionDenied, ServiceError
from cmlkit.forges.base import Changes
from cmlkit.forges.github.client import Client, parsed

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


class SignedCommits:
    """createCommitOnBranch."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def signs(self, changes: Changes, parent: str) -> bool:
        """Whether GitHub may sign this commit, and does not sign it anyway if the Git Data API makes it."""
        is_plain = bool(parent) and not changes.merging
        size = sum(len(file.content) for file in changes.files)
        return is_plain and self._client.http.token.startswith(PERSONAL_TOKENS) and size <= PAYLOAD_BYTES

    def commit(self, changes: Changes, *, branch: str, parent: str) -> str | None:
        """Return the commit's id; None if GitHub does not make this one.

        Raises:
            Conflict: The branch is not at `parent` any more.
        """
        headline, _, rest = changes.message.partition("\n")
        try:
            answer = self._client.http.graphql(
                _CREATE_COMMIT,
                branch={"repositoryNameWithOwner": self._client.full_name, "branchName": branch},
                head=parent,
                message={"headline": headline, "body": rest.strip()},
                changes={
                    "additions": [_addition(file.path, file.content) for file in changes.files],
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
