"""Issues: those that are open, and one that tells of failed runs."""

from __future__ import annotations

from cmlkit.forges.base import DELETED_ACCOUNT, Issue
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.client import Client, text
from cmlkit.records.fields import Fields


class Issues:
    """The repository's issues.

    Args:
        account: The account whose issues are our own.
    """

    def __init__(self, client: Client, account: Account) -> None:
        self._client = client
        self._account = account

    def issues(self) -> list[Issue]:
        # GitHub lists pull requests among the issues.
        # https://docs.github.com/en/rest/issues/issues#list-repository-issues
        found = self._client.http.pages(self._client.path("issues"), state="open")
        listed = [_issue(answer) for answer in found if not answer.has("pull_request")]
        return sorted(listed, key=lambda issue: issue.number)

    def create_issue(self, *, title: str, body: str) -> Issue:
        def send() -> Issue:
            request = {"title": title, "body": body}
            return _issue(self._client.http.request("POST", self._client.path("issues"), body=request).fields)

        def look() -> Issue | None:
            ours = (text(body), self._account.login())
            return next((issue for issue in self.issues() if (issue.body, issue.author) == ours), None)

        return self._client.once(send, look)

    def close_issue(self, number: int) -> None:
        body = {"state": "closed", "state_reason": "completed"}
        self._client.http.request("PATCH", self._client.path("issues", number), body=body)


def _issue(answer: Fields) -> Issue:
    return Issue(
        number=answer.whole("number"),
        url=answer.filled("html_url"),
        body=text(answer.text("body", "")),
        author=answer.within("user").text("login", DELETED_ACCOUNT),
        locked=answer.flag("locked", False),
    )
