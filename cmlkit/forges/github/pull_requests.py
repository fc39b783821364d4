"""Pull requests: find, open, change, review."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import islice

from cmlkit.errors import Conflict, NotFound, ServiceError
from cmlkit.forges.base import DELETED_ACCOUNT, PullRequest
from cmlkit.forges.github.client import Client, commit_author, text
from cmlkit.records.fields import Fields
from cmlkit.together import together

_CONVERT_TO_DRAFT = """
mutation($pullRequest: ID!) {
  convertPullRequestToDraft(input: {pullRequestId: $pullRequest}) { clientMutationId }
}
"""
_MARK_READY = """
mutation($pullRequest: ID!) {
  markPullRequestReadyForReview(input: {pullRequestId: $pullRequest}) { clientMutationId }
}
"""


class PullRequests:
    """The repository's pull requests.

    Args:
        head_owner: Owner of the repository that has their branches, if that is a fork.
    """

    def __init__(self, client: Client, *, head_owner: str = "") -> None:
        self._client = client
        self._head_owner = head_owner

    def pull_requests(
        self, *, base: str = "", head: str = "", state: str = "open", limit: int | None = None
    ) -> list[PullRequest]:
        if not head and state == "open" and limit is None and base in self._client.memory.open_pulls:
            return self._client.memory.open_pulls.pop(base)
        answers = self._client.http.pages(
            self._client.path("pulls"),
            state=state,
            base=base,
            head=_qualified(head, self._head_owner or self._client.owner),
            sort="created",
            direction="desc",
        )
        return [_pull_request(answer) for answer in islice(answers, limit)]

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        return [
            _pull_request(answer) for answer in self._client.http.pages(self._client.path("commits", commit, "pulls"))
        ]

    def pull_request_authors(self, number: int) -> set[str]:
        def listed(kind: str) -> list[Fields]:
            return [*self._client.http.pages(self._client.path("pulls", number, kind))]

        commits, reviews = together(lambda: listed("commits"), lambda: listed("reviews"))
        return {commit_author(commit) for commit in commits} | {_user(review) for review in reviews}

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        def send() -> PullRequest:
            qualified = _qualified(head, self._head_owner)
            request = {"head": qualified, "base": base, "title": title, "body": body, "draft": draft}
            opened = _pull_request(self._client.http.request("POST", self._client.path("pulls"), body=request).fields)
            self._client.memory.without_comments.add(opened.number)
            self._client.memory.discussions[opened.number] = opened.node_id
            return opened

        def look() -> PullRequest | None:
            return next(iter(self.pull_requests(base=base, head=head)), None)

        self._client.memory.open_pulls.clear()
        try:
            return self._client.once(send, look)
        except Conflict:
            # Another process opened it a moment ago.
            if (existing := look()) is None:
                raise
            return existing
        except ServiceError as error:
            # Private repositories of free accounts have none.
            if not draft or "draft pull requests are not supported" not in error.message.lower():
                raise
            return self.create_pull_request(head=head, base=base, title=title, body=body, draft=False)

    def update_pull_request(
        self, number: int, *, title: str | None = None, body: str | None = None, state: str | None = None
    ) -> PullRequest:
        changes = {"title": title, "body": body, "state": state}
        request = {name: value for name, value in changes.items() if value is not None}
        return _pull_request(
            self._client.http.request("PATCH", self._client.path("pulls", number), body=request).fields
        )

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        self._client.http.graphql(
            _CONVERT_TO_DRAFT if draft else _MARK_READY, needs="pull_requests=write", pullRequest=pull_request.node_id
        )
        return dataclasses.replace(pull_request, draft=draft)

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        path = self._client.path("issues", number, "labels")
        self._client.http.request("POST", path, body={"labels": list(labels)}, repeatable=True)

    def request_reviewers(self, number: int, *, people: Sequence[str] = (), teams: Sequence[str] = ()) -> None:
        path = self._client.path("pulls", number, "requested_reviewers")
        body = {"reviewers": list(people), "team_reviewers": list(teams)}
        self._client.http.request("POST", path, body=body, repeatable=True)

    def add_assignees(self, number: int, people: Sequence[str]) -> None:
        path = self._client.path("issues", number, "assignees")
        self._client.http.request("POST", path, body={"assignees": list(people)}, repeatable=True)

    def set_milestone(self, number: int, title: str) -> None:
        for answer in self._client.http.pages(self._client.path("milestones"), state="all"):
            if answer.text("title") == title:
                self._client.http.request(
                    "PATCH", self._client.path("issues", number), body={"milestone": answer.whole("number")}
                )
                return
        raise NotFound(f"{self._client.full_name} has no milestone {title!r}.", status=404)

    def pull_request(self, number: int) -> PullRequest:
        return _pull_request(self._client.http.get(self._client.path("pulls", number)))


def _qualified(head: str, owner: str) -> str:
    """Return a branch, with the owner of its repository before it if one is named."""
    return f"{owner}:{head}" if head and owner and ":" not in head else head


def _pull_request(answer: Fields) -> PullRequest:
    head = answer.inside("head")
    return PullRequest(
        number=answer.whole("number"),
        url=answer.filled("html_url"),
        node_id=answer.filled("node_id"),
        title=answer.text("title"),
        body=text(answer.text("body", "")),
        head=head.filled("ref"),
        head_sha=head.filled("sha"),
        base=answer.inside("base").filled("ref"),
        state=answer.text("state"),
        draft=answer.flag("draft", False),
        author=_user(answer),
        labels=tuple(label.filled("name") for label in answer.listed("labels")),
        # Of one that is open it is a commit that only tries the merge.
        merge_commit=text(answer.text("merge_commit_sha", "")) if answer.has("merged_at") else "",
        head_repository=head.within("repo").text("full_name", ""),
    )


def _user(answer: Fields) -> str:
    # GitHub shows the author of what a deleted account left as `ghost`, or as null.
    return answer.within("user").text("login", DELETED_ACCOUNT)
