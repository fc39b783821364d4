"""Comments of pull requests, issues and commits, and who the token acts as."""

from __future__ import annotations

from typing import Any

from cmlkit.errors import NotFound, PermissionDenied
from cmlkit.forges.base import Comment
from cmlkit.forges.github.operations import Operations, parsed, text

WORKFLOW_LOGIN = "github-actions[bot]"  # whom GITHUB_TOKEN acts as


class Comments(Operations):
    """The repository's comments."""

    def comments(self, place: int | str) -> list[Comment]:
        answers = self.http.pages(self._comments(place))
        return sorted((_comment(place, answer) for answer in answers), key=lambda comment: comment.id)

    def create_comment(self, place: int | str, body: str) -> Comment:
        def send() -> Comment:
            return _comment(place, self.http.request("POST", self._comments(place), body={"body": body}).document)

        def look() -> Comment | None:
            ours = (text(body), self.login())
            return next((item for item in reversed(self.comments(place)) if (item.body, item.author) == ours), None)

        return self.once(send, look)

    def update_comment(self, comment: Comment, body: str) -> Comment:
        return _comment(comment.place, self.http.request("PATCH", self._comment(comment), body={"body": body}).document)

    def delete_comment(self, comment: Comment) -> None:
        try:
            self.http.request("DELETE", self._comment(comment))
        except NotFound:
            return

    def _comments(self, place: int | str) -> str:
        return self.path("issues" if isinstance(place, int) else "commits", place, "comments")

    def _comment(self, comment: Comment) -> str:
        issue = ("issues",) if isinstance(comment.place, int) else ()
        return self.path(*issue, "comments", comment.id)

    def login(self) -> str:
        if not self._login:
            self._login = self._installation_login() if self._is_of_installation else self._person_login()
        return self._login

    def token_note(self) -> str:
        # https://docs.github.com/en/actions/concepts/security/github_token
        if self.login() != WORKFLOW_LOGIN:
            return ""
        return (
            "Opened with the workflow's own `GITHUB_TOKEN`: workflows on this pull request wait for an approval."
            " With the token of a GitHub App or of a person in `CMLKIT_TOKEN` they start by themselves."
        )

    _login = ""

    @property
    def _is_of_installation(self) -> bool:
        """Whether the token is GITHUB_TOKEN or a GitHub App's.

        https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
        """
        return self.http.token.startswith("ghs_")

    def _person_login(self) -> str:
        try:
            return parsed(lambda answer: str(answer["login"]), self.http.get("/user"))
        except PermissionDenied:
            return self._installation_login()

    def _installation_login(self) -> str:
        # These may not ask for the user, but GraphQL tells them who they are.
        answer = self.http.graphql("query { viewer { login } }")
        return parsed(lambda data: str(data["viewer"]["login"]), answer)


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
