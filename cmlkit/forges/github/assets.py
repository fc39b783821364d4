"""Assets: the branch of images, and the open discussions that may show them."""

from __future__ import annotations

from datetime import UTC, datetime

from cmlkit.errors import Conflict, ServiceError
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.git_data import GitData

_UPDATE_REFS = """
mutation($repository: ID!, $updates: [RefUpdate!]!) {
  updateRefs(input: {repositoryId: $repository, refUpdates: $updates}) { clientMutationId }
}
"""


class Assets:
    """The branch of images, and the discussions that show them."""

    def __init__(self, client: Client, git: GitData) -> None:
        self._client = client
        self._git = git

    def root_files(self, commit: str) -> dict[str, str]:
        return {path: entry.sha for path, entry in self._git.tree(commit).items() if entry.kind == "blob"}

    def messages_since(self, ref: str, moment: float) -> list[str]:
        since = datetime.fromtimestamp(moment, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answers = self._client.http.pages(self._client.path("commits"), sha=ref, since=since)
        return [answer.inside("commit").text("message") for answer in answers]

    def replace_branch(self, branch: str, commit: str, *, expected: str) -> None:
        # REST's own force has no condition: what somebody else has pushed meanwhile would be gone.
        repository = self._client.http.get(self._client.path()).filled("node_id")
        update = {"name": f"refs/heads/{branch}", "beforeOid": expected, "afterOid": commit, "force": True}
        try:
            self._client.http.graphql(_UPDATE_REFS, repository=repository, updates=[update])
        except ServiceError as error:
            head = self._git.branch_head(branch)
            if head == expected:
                raise
            if head != commit:
                raise Conflict(f"The branch {branch!r} is at another commit by now.", status=409) from error

    def open_discussions(self) -> dict[int, str]:
        answers = self._client.http.pages(self._client.path("issues"), state="open")
        return {issue.whole("number"): issue.text("body", "") for issue in answers}

    def update_body(self, number: int, body: str) -> None:
        self._client.http.request("PATCH", self._client.path("issues", number), body={"body": body})
