"""Comments of pull requests, issues and commits."""

from __future__ import annotations

from typing import Any

from cmlkit.errors import NotFound
from cmlkit.forges.base import Comment
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.client import Client, parsed, text


class Comments:
    """The repository's comments.

    Args:
        account: The account whose comments are our own.
    """

    def __init__(self, client: Client, account: Account) -> None:
        self._client = client
        self._account = account

    def comments(self, place: int | str) -> list[Comment]:
        answers = self._client.http.pages(self._comments(place))
        return sorted((_comment(place, answer) for answer in answers), key=lambda comment: comment.id)

    def create_comment(self, place: int | str, body: str) -> Comment:
        def send() -> Comment:
            return _comment(
                place, self._client.http.request("POST", self._comments(place), body={"body": body}).document
            )

        def look() -> Comment | None:
            ours = (text(body), self._account.login())
            return next((item for item in reversed(self.comments(place)) if (item.body, item.author) == ours), None)

        return self._client.once(send, look)

    def update_comment(self, comment: Comment, body: str) -> Comment:
        return _comment(
            comment.place, self._client.http.request("PATCH", self._comment(comment), body={"body": body}).document
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


def _comment(place: int | str, answer: Any) -> Comment:
    def parse(found: Any) -> Comment:
        return Comment(
            id=int(found["id"]),
            place=place,
            url=str(found["html_url"]),
            body=text(found["body"]),
            author=str((found["user"] or {}).get("login", "ghost")),
        )

    return parsed(parse, answer)
