"""Pull requests: find, open, change, review, merge."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import islice
from typing import Any

from cmlkit.errors import CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import PullRequest
from cmlkit.forges.github.client import Client, commit_author, parsed, text

_ENABLE_AUTO_MERGE = """
mutation($pullRequest: ID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $pullRequest, mergeMethod: $method}) { clientMutationId }
}
"""
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

# GitHub says so if all requirements are met, or if the branch has none.
_NOTHING_TO_WAIT_FOR = ("clean status", "Protected branch rules not configured for this branch")
# It says so if the repository's settings have no auto-merge, in words that have changed over time.
_NO_WAITING = ("not allowed for this repository", "Can't enable auto-merge for this pull request")
_ALLOW_AUTO_MERGE = "Turn on 'Allow auto-merge' under Settings > General > Pull Requests."


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
        answers = self._client.http.pages(
            self._client.path("pulls"),
            state=state,
            base=base,
            head=_qualified(head, self._head_owner or self._client.owner),
            sort="created",
            direction="desc",
        )
        return [parsed(_pull_request, answer) for answer in islice(answers, limit)]

    def pull_requests_with(self, commit: str) -> list[PullRequest]:
        return [
            parsed(_pull_request, answer)
            for answer in self._client.http.pages(self._client.path("commits", commit, "pulls"))
        ]

    def pull_request_authors(self, number: int) -> set[str]:
        commits = self._client.http.pages(self._client.path("pulls", number, "commits"))
        reviews = self._client.http.pages(self._client.path("pulls", number, "reviews"))
        return {parsed(commit_author, commit) for commit in commits} | {parsed(_user, review) for review in reviews}

    def create_pull_request(self, *, head: str, base: str, title: str, body: str, draft: bool) -> PullRequest:
        def send() -> PullRequest:
            qualified = _qualified(head, self._head_owner)
            request = {"head": qualified, "base": base, "title": title, "body": body, "draft": draft}
            return parsed(
                _pull_request, self._client.http.request("POST", self._client.path("pulls"), body=request).document
            )

        def look() -> PullRequest | None:
            return next(iter(self.pull_requests(base=base, head=head)), None)

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
        return parsed(
            _pull_request, self._client.http.request("PATCH", self._client.path("pulls", number), body=request).document
        )

    def set_draft(self, pull_request: PullRequest, draft: bool) -> PullRequest:
        self._client.http.graphql(_CONVERT_TO_DRAFT if draft else _MARK_READY, pullRequest=pull_request.node_id)
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
            if parsed(lambda milestone: milestone["title"] == title, answer):
                self._client.http.request(
                    "PATCH", self._client.path("issues", number), body={"milestone": answer["number"]}
                )
                return
        raise NotFound(f"{self._client.full_name} has no milestone {title!r}.", status=404)

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        try:
            self._client.http.graphql(_ENABLE_AUTO_MERGE, pullRequest=pull_request.node_id, method=method.upper())
        except (ServiceError, PermissionDenied) as error:
            if not any(words in error.message for words in _NOTHING_TO_WAIT_FOR):
                raise _auto_merge_refused(error) from error
            # Nothing is left to wait for, so GitHub wants the merge itself.
            self.merge(pull_request, method)

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        try:
            self.enable_auto_merge(pull_request, method)
        except (ServiceError, PermissionDenied) as error:
            if not any(words in error.message for words in _NO_WAITING):
                raise
            self._merge_without_waiting(pull_request, method, error)

    def _merge_without_waiting(self, pull_request: PullRequest, method: str, refused: CmlkitError) -> None:
        try:
            self.merge(pull_request, method)
        except Conflict as error:
            error.next_step = f"{error.next_step}. {refused.next_step or _ALLOW_AUTO_MERGE}"
            raise

    def pull_request(self, number: int) -> PullRequest:
        return parsed(_pull_request, self._client.http.get(self._client.path("pulls", number)))

    def merge(self, pull_request: PullRequest, method: str) -> str:
        path = self._client.path("pulls", pull_request.number, "merge")
        body = {"merge_method": method, "sha": pull_request.head_sha}

        def send() -> str:
            document = self._client.http.request("PUT", path, body=body, repeatable=False).document
            return parsed(lambda answer: str(answer["sha"]), document)

        try:
            # Sent again after it was merged, it would be refused as not mergeable.
            return self._client.once(send, lambda: self.pull_request(pull_request.number).merge_commit or None)
        except ServiceError as error:
            if error.status not in (405, 409):
                raise
            raise Conflict(
                f"The pull request {pull_request.number} cannot be merged now: {error.message}",
                next_step=f"See what it waits for: {pull_request.url}",
                status=error.status,
            ) from error


def _qualified(head: str, owner: str) -> str:
    """Return a branch, with the owner of its repository before it if one is named."""
    return f"{owner}:{head}" if head and owner and ":" not in head else head


def _auto_merge_refused(error: CmlkitError) -> CmlkitError:
    if "not allowed for this repository" in error.message:
        error.next_step = _ALLOW_AUTO_MERGE
    return error


def _pull_request(answer: Any) -> PullRequest:
    return PullRequest(
        number=int(answer["number"]),
        url=str(answer["html_url"]),
        node_id=str(answer["node_id"]),
        title=str(answer["title"]),
        body=text(answer["body"]),
        head=str(answer["head"]["ref"]),
        head_sha=str(answer["head"]["sha"]),
        base=str(answer["base"]["ref"]),
        state=str(answer["state"]),
        draft=bool(answer.get("draft")),
        author=_user(answer),
        labels=tuple(str(label["name"]) for label in answer["labels"]),
        # Of one that is open it is a commit that only tries the merge.
        merge_commit=text(answer.get("merge_commit_sha")) if answer.get("merged_at") else "",
        head_repository=str((answer["head"].get("repo") or {}).get("full_name", "")),
    )


def _user(answer: Any) -> str:
    # GitHub shows the author of what a deleted account left as `ghost`, or as null.
    return str((answer["user"] or {}).get("login", "ghost"))
