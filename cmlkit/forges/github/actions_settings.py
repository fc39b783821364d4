"""Settings of Actions: variables, secrets, and whether workflows may open pull requests."""

from __future__ import annotations

from cmlkit.errors import NotFound
from cmlkit.forges.github.client import Client


class ActionsSettings:
    """The settings under Settings > Secrets and variables, and Settings > Actions."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def variable(self, name: str) -> str | None:
        """Return a variable of the repository, else of its organisation; None if neither has it."""
        path = self._client.path("actions", "variables", name)
        try:
            return self._client.http.get(path).text("value")
        except NotFound:
            # So it is also answered if the repository itself cannot be seen: this request tells them apart.
            shared = self._client.http.pages(self._client.path("actions", "organization-variables"), key="variables")
            return next((item.text("value") for item in shared if item.text("name") == name), None)

    def has_secret(self, name: str) -> bool:
        """Return whether the repository, or its organisation, has a secret for it; nobody can read the value."""
        try:
            self._client.http.get(self._client.path("actions", "secrets", name))
        except NotFound:
            shared = self._client.http.pages(self._client.path("actions", "organization-secrets"), key="secrets")
            return any(item.text("name") == name for item in shared)
        return True

    def set_variable(self, name: str, value: str) -> None:
        """Create or change a variable of the repository."""
        body = {"name": name, "value": value}
        try:
            self._client.http.request("PATCH", self._client.path("actions", "variables", name), body=body)
        except NotFound:
            self._client.http.request("POST", self._client.path("actions", "variables"), body=body)

    def may_create_pull_requests(self) -> bool:
        """Return whether workflows may open pull requests."""
        answer = self._client.http.get(self._client.path("actions", "permissions", "workflow"))
        return answer.flag("can_approve_pull_request_reviews")

    def let_create_pull_requests(self) -> None:
        """Let workflows open pull requests; the default permissions of their token stay."""
        path, body = self._client.path("actions", "permissions", "workflow"), {"can_approve_pull_request_reviews": True}
        self._client.http.request("PUT", path, body=body)
