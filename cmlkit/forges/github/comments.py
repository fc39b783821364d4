"""Comments of pull requests and issues, and who the token acts as."""

from __future__ import annotations

from typing import Any

from cmlkit.errors import NotFound, PermissionDenied
from cmlkit.forges.base import Comment
from cmlkit.forges.github.operations import Operations, parsed, text


class Comments(Operations):
    """The repository's comments."""

    def comments(self, number: int) -> list[Comment]:
        answers = self.http.pages(self.path("issues", number, "comments"))
        return sorted((parsed(_comment, answer) for answer in answers), key=lambda comment: comment.id)

    def create_comment(self, number: int, body: str) -> Comment:
        def send() -> Comment:
            answer = self.http.request("POST", self.path("issues", number, "comments"), body={"body": body}).document
            return parsed(_comment, answer)

        def look() -> Comment | None:
            ours = (text(body), self.login())
            return next((item for item in reversed(self.comments(number)) if (item.body, item.author) == ours), None)

        return self.once(send, look)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        path = self.path("issues", "comments", comment_id)
        return parsed(_comment, self.http.request("PATCH", path, body={"body": body}).document)

    def delete_comment(self, comment_id: int) -> None:
        try:
            self.http.request("DELETE", self.path("issues", "comments", comment_id))
        except NotFound:
            return

    def login(self) -> str:
        if not self._login:
            try:
                self._login = parsed(lambda answer: str(answer["login"]), self.http.get("/user"))
            except PermissionDenied:
                # GITHUB_TOKEN and GitHub Apps may not ask for the user, but GraphQL tells them who they are.
                answer = self.http.graphql("query { viewer { login } }")
                self._login = parsed(lambda data: str(data["viewer"]["login"]), answer)
        return self._login

    _login = ""


def _comment(answer: Any) -> Comment:
    return Comment(
        id=int(answer["id"]),
        url=str(answer["html_url"]),
        body=text(answer["body"]),
        author=str((answer["user"] or {}).get("login", "ghost")),
    )
