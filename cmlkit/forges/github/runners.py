"""Self-hosted runners of the repository or of its organisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from cmlkit.errors import Conflict, NotFound, ServiceError, SettingsError
from cmlkit.forges.github.agent import runner_agent
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.transport import encoded
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload, RunnerGroup
from cmlkit.records.fields import Fields

RunnerScope = Literal["repository", "organisation"]
SHA256_DIGITS = 64
DEFAULT_RUNNER_GROUP = 1  # every organisation and repository has it


class Runners:
    """Runners that jobs of the repository can run on.

    Args:
        scope: Whether they are registered with the repository or with its organisation.
        group_id: Group of new runners.
        keep_secret: Called with the credential of each runner that is registered.
    """

    def __init__(
        self, client: Client, *, scope: RunnerScope, group_id: int, keep_secret: Callable[[str], None]
    ) -> None:
        self._client = client
        self.scope = scope
        self.group_id = group_id
        self._keep_secret = keep_secret

    def _runners(self, *segments: str | int) -> str:
        if self.scope == "repository":
            return self._client.path("actions", "runners", *segments)
        return encoded("orgs", self._client.owner, "actions", "runners", *segments)

    @property
    def runner_owner(self) -> str:
        return self._client.full_name if self.scope == "repository" else self._client.owner

    @property
    def runner_agent(self) -> RunnerAgent:
        return runner_agent()

    def runner_download(self, *, architecture: str) -> RunnerDownload:
        answers = self._client.http.get(self._runners("downloads"))
        for answer in answers.items():
            if (answer.text("os"), answer.text("architecture")) == ("linux", architecture):
                return _download(answer)
        raise NotFound(
            f"GitHub offers no runner for Linux on {architecture!r} to {self._client.full_name}.",
            next_step="It knows x64 and arm64; check the instance type's architecture.",
        )

    def create_jit_runner(self, *, name: str, labels: Sequence[str]) -> JitRunner:
        body = {
            "name": name,
            "runner_group_id": self.group_id,
            "labels": list(labels),
            "work_folder": "_work",
        }

        def send() -> JitRunner:
            path = self._runners("generate-jitconfig")
            jit_runner = _jit_runner(self._client.http.request("POST", path, body=body).fields)
            self._keep_secret(jit_runner.credential)
            return jit_runner

        def clear() -> None:
            # The configuration is shown once only: a runner whose configuration got lost is of no use.
            for runner in self.runners():
                if runner.name == name:
                    self.delete_runner(runner.id)

        return self._client.once(send, clear)

    def runner(self, runner_id: int) -> Runner | None:
        try:
            return _runner(self._client.http.get(self._runners(runner_id)))
        except NotFound:
            return None

    def runners(self) -> list[Runner]:
        return [_runner(answer) for answer in self._client.http.pages(self._runners(), key="runners")]

    def use_runner_group(self, group: str) -> None:
        """Register new runners in the group of that name or id; in the default group if it is empty.

        Raises:
            SettingsError: The organisation has no such group.
        """
        if not group:
            return
        if group.isdigit():
            self.group_id = int(group)
            return
        known = {item.filled("name"): item.whole("id") for item in self._groups()}
        if group not in known:
            raise SettingsError(
                f"{self._client.owner} has no runner group {group!r} that this token may see.",
                next_step=f"Set runner.runner-group to one of: {', '.join(known) or 'none is visible'}.",
            )
        self.group_id = known[group]

    def runner_group(self) -> RunnerGroup | None:
        for group in self._groups() if self.scope == "organisation" else ():
            if group.whole("id") == self.group_id:
                return self._group(group)
        return None

    def _group(self, group: Fields) -> RunnerGroup:
        # The default group of an organisation serves no public repositories until somebody allows that:
        # https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/manage-access
        is_closed = not group.flag("allows_public_repositories") and self._is_public()
        return RunnerGroup(name=group.filled("name"), is_closed=is_closed)

    def _is_public(self) -> bool:
        return not self._client.http.get(self._client.path()).flag("private")

    def _groups(self) -> Iterator[Fields]:
        path = encoded("orgs", self._client.owner, "actions", "runner-groups")
        return self._client.http.pages(path, key="runner_groups")

    def delete_runner(self, runner_id: int) -> None:
        try:
            self._client.http.request("DELETE", self._runners(runner_id))
        except NotFound:
            return
        except ServiceError as error:
            if error.status != 422 or isinstance(error, Conflict):
                raise
            # 422 is GitHub's answer for a runner that has a job; its words have changed over time.
            raise Conflict(
                error.message, next_step="Wait until its job has ended, or cancel it.", status=422
            ) from error


def _download(answer: Fields) -> RunnerDownload:
    if len(checksum := answer.text("sha256_checksum")) != SHA256_DIGITS:
        raise answer.problem("sha256_checksum", "is no SHA-256")
    return RunnerDownload(url=answer.text("download_url"), sha256=checksum, filename=answer.text("filename"))


def _jit_runner(answer: Fields) -> JitRunner:
    return JitRunner(runner=_runner(answer.inside("runner")), credential=answer.filled("encoded_jit_config"))


def _runner(answer: Fields) -> Runner:
    return Runner(
        id=answer.whole("id"),
        name=answer.filled("name"),
        status=answer.text("status"),
        busy=answer.flag("busy"),
        labels=tuple(label.filled("name") for label in answer.listed("labels")),
    )
