"""Self-hosted runners of the repository or of its organisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from cmlkit.errors import Conflict, NotFound, ServiceError, SettingsError
from cmlkit.forges.github.agent import runner_agent
from cmlkit.forges.github.client import Client, parsed
from cmlkit.forges.github.transport import encoded
from cmlkit.forges.runners import JitRunner, Runner, RunnerAgent, RunnerDownload, RunnerGroup

RunnerScope = Literal["repository", "organisation"]
DEFAULT_RUNNER_GROUP = 1  # every organisation and repository has it


class Runners:
    """Runners that jobs of the repository can run on.

    Args:
        scope: Whether they are registered with the repository or with its organisation.
        group_id: Group of new runners.
    """

    def __init__(self, client: Client, *, scope: RunnerScope, group_id: int) -> None:
        self._client = client
        self.scope = scope
        self.group_id = group_id

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
        for answer in answers:
            if parsed(lambda item: (item["os"], item["architecture"]), answer) == ("linux", architecture):
                return parsed(_download, answer)
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
            return parsed(
                _jit_runner, self._client.http.request("POST", self._runners("generate-jitconfig"), body=body).document
            )

        def clear() -> None:
            # The configuration is shown once only: a runner whose configuration got lost is of no use.
            for runner in self.runners():
                if runner.name == name:
                    self.delete_runner(runner.id)

        return self._client.once(send, clear)

    def runner(self, runner_id: int) -> Runner | None:
        try:
            return parsed(_runner, self._client.http.get(self._runners(runner_id)))
        except NotFound:
            return None

    def runners(self) -> list[Runner]:
        return [parsed(_runner, answer) for answer in self._client.http.pages(self._runners(), key="runners")]

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
        known = {str(item["name"]): int(item["id"]) for item in self._groups()}
        if group not in known:
            raise SettingsError(
                f"{self._client.owner} has no runner group {group!r} that this token may see.",
                next_step=f"Set runner.runner-group to one of: {', '.join(known) or 'none is visible'}.",
            )
        self.group_id = known[group]

    def runner_group(self) -> RunnerGroup | None:
        for group in self._groups() if self.scope == "organisation" else ():
            if parsed(lambda item: int(item["id"]) == self.group_id, group):
                return parsed(self._group, group)
        return None

    def _group(self, group: Any) -> RunnerGroup:
        # The default group of an organisation serves no public repositories until somebody allows that:
        # https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/manage-access
        is_closed = not group["allows_public_repositories"] and self._is_public()
        return RunnerGroup(name=str(group["name"]), is_closed=is_closed)

    def _is_public(self) -> bool:
        return parsed(lambda answer: not answer["private"], self._client.http.get(self._client.path()))

    def _groups(self) -> Iterator[Any]:
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


def _download(answer: Any) -> RunnerDownload:
    checksum = str(answer.get("sha256_checksum") or "")
    if len(checksum) != 64:
        raise ValueError("no sha256 checksum for the runner")
    return RunnerDownload(url=str(answer["download_url"]), sha256=checksum, filename=str(answer["filename"]))


def _jit_runner(answer: Any) -> JitRunner:
    return JitRunner(runner=_runner(answer["runner"]), credential=str(answer["encoded_jit_config"]))


def _runner(answer: Any) -> Runner:
    return Runner(
        id=int(answer["id"]),
        name=str(answer["name"]),
        status=str(answer["status"]),
        busy=bool(answer["busy"]),
        labels=tuple(str(label["name"]) for label in answer["labels"]),
    )
