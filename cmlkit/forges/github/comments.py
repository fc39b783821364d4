"""Comments of pull requests, issues and commits."""

from __future__ import annotations

from collections.abc import Iterable

from cmlkit.errors import AnswerLost, CmlkitError, NotFound
from cmlkit.forges.base import DELETED_ACCOUNT, Comment
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.client import Client, text
from cmlkit.forges.github.memory import taken
from cmlkit.forges.github.outlook import author
from cmlkit.forges.github.patience import PAUSES_SECONDS
from cmlkit.records.fields import Fields

_ADD_COMMENT = """
mutation($subject: ID!, $body: String!) {
  addComment(input: {subjectId: $subject, body: $body}) {
    subject {
      ... on PullRequest { comments(last: 100) { nodes { ...CommentFields } } }
    }
  }
}
fragment CommentFields on IssueComment { fullDatabaseId url body author { __typename login } }
"""


class Comments:
    """The repository's comments.

    Args:
        account: The account whose comments are our own.
    """

    def __init__(self, client: Client, account: Account) -> None:
        self._client = client
        self._account = account

    def comments(self, place: int | str) -> list[Comment]:
        if taken(self._client.memory.without_comments, place):
            return []
        answers = self._client.http.pages(self._comments(place))
        return sorted((_comment(place, answer) for answer in answers), key=lambda comment: comment.id)

    def create_comment(self, place: int | str, body: str) -> Comment:
        def send() -> Comment:
            return _comment(place, self._client.http.request("POST", self._comments(place), body={"body": body}).fields)

        return self._client.once(send, lambda: self._own(self.comments(place), body))

    def comment_among(self, place: int | str, body: str) -> list[Comment]:
        """Create a comment and list them all: one request if the GraphQL id of the pull request is known, else two."""
        subject = self._client.memory.discussions.pop(place, "") if isinstance(place, int) else ""
        if subject and (listed := self._added(subject, place, body)):
            return listed
        created = self.create_comment(place, body)
        listed = self.comments(place)
        # A list may lag behind what was written a moment ago.
        return listed if any(comment.id == created.id for comment in listed) else [*listed, created]

    def _added(self, subject: str, place: int | str, body: str) -> list[Comment]:
        """Create a comment by GraphQL; return all, or none if it was not created and is left to REST."""
        try:
            answer = self._client.http.graphql(_ADD_COMMENT, repeatable=False, subject=subject, body=body)
            added = answer.inside("addComment").inside("subject").inside("comments")
            return _listed(place, added.listed("nodes"))
        except AnswerLost:
            # GitHub may still be at work on it: what is looked for at once is not found, and is made twice.
            self._client.http.clock.sleep(PAUSES_SECONDS[0])
        except CmlkitError:
            return []  # REST takes it, or says what is missing
        there = self.comments(place)
        return there if self._own(there, body) else []

    def _own(self, comments: Iterable[Comment], body: str) -> Comment | None:
        """Return our latest comment with this body."""
        ours = (text(body), self._account.login())
        return next((item for item in reversed([*comments]) if (item.body, item.author) == ours), None)

    def update_comment(self, comment: Comment, body: str) -> Comment:
        return _comment(
            comment.place, self._client.http.request("PATCH", self._comment(comment), body={"body": body}).fields
        )

    def delete_comment(self, comment: Comment) -> None:
        try:
            self._client.http.request("DELETE", self._comment(comment))
        except NotFound:
            return

    def _comments(self, place: int | str) -> str:
        return self._client.path("issues" if isinstance(place, int) else "commits", place, "comments")

    def _comment(self, comment: Comment) -> str:
        issue = ("issues",) if isinstance(comment.place, int) else ()
        return self._client.path(*issue, "comments", comment.id)


def _comment(place: int | str, answer: Fields) -> Comment:
    return Comment(
        id=answer.whole("id"),
        place=place,
        url=answer.filled("html_url"),
        body=text(answer.text("body", "")),
        author=answer.within("user").text("login", DELETED_ACCOUNT),
    )


def _listed(place: int | str, nodes: Iterable[Fields]) -> list[Comment]:
    """Return comments from GraphQL's fields of them, oldest first."""
    found = [
        Comment(
            id=node.whole("fullDatabaseId"),
            place=place,
            url=node.filled("url"),
            body=text(node.text("body", "")),
            author=author(node),
        )
        for node in nodes
    ]
    return sorted(found, key=lambda comment: comment.id)
