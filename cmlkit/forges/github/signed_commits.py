"""Commits that GitHub signs for a person's token: by GraphQL, as the Git Data API signs only for bots and Apps."""

from __future__ import annotations

import base64

from cmlkit.errors import Conflict, PermissionDenied, ServiceError
from cmlkit.forges.base import Changes
from cmlkit.forges.github.client import Client

PERSONAL_TOKENS = ("ghp_", "github_pat_", "gho_", "ghu_")
# GitHub names no limit; what it refuses goes by the Git Data API, so this only saves sending much in vain.
PAYLOAD_BYTES = 5 * 1024**2
# GitHub gives up on a request after ten seconds; the Git Data API takes any number of files in a push and few requests.
PAYLOAD_FILES = 100

_CREATE_COMMIT = """
mutation($branch: CommittableBranch!, $head: GitObjectID!, $message: CommitMessage!, $changes: FileChanges!) {
  createCommitOnBranch(
    input: {branch: $branch, expectedHeadOid: $head, message: $message, fileChanges: $changes}
  ) { commit { oid } }
}
"""


class SignedCommits:
    """Commits through createCommitOnBranch."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def signs(self, changes: Changes, parent: str) -> bool:
        """Return whether GitHub may sign this commit here but not through the Git Data API."""
        # It takes no modes: a program would no longer be one, and a symbolic link would become a text.
        plain_files = all(file.mode == "100644" for file in changes.files)
        is_plain = bool(parent) and not changes.merging and plain_files
        size = sum(len(file.content) for file in changes.files)
        is_small = size <= PAYLOAD_BYTES and len(changes.files) + len(changes.removes) <= PAYLOAD_FILES
        return is_plain and is_small and self._client.http.token.startswith(PERSONAL_TOKENS)

    def commit(self, changes: Changes, *, branch: str, parent: str) -> str | None:
        """Commit; return the commit's id, or None if GitHub cannot create it this way.

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
        return answer.inside("createCommitOnBranch").inside("commit").filled("oid")


def _addition(path: str, content: bytes) -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(content).decode("ascii")}
