"""Annotated tags: list, read, and add; never moved, never removed."""

from __future__ import annotations

from typing import Any

from cmlkit.errors import Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import AnnotatedTag, Commit
from cmlkit.forges.github.client import Client, parsed
from cmlkit.forges.github.workflow_files import WorkflowFiles


class Tags:
    """The repository's tags, and the commits that names resolve to."""

    def __init__(self, client: Client, workflow_files: WorkflowFiles) -> None:
        self._client = client
        self._workflow_files = workflow_files

    def find_commit(self, name: str) -> Commit:
        try:
            document = self._client.http.get(self._client.path("commits", name))
        except ServiceError as error:
            if error.status not in (404, 422):
                raise
            raise NotFound(
                f"{self._client.full_name} has no commit {name!r}.",
                next_step="Give a branch, a tag, or an id of a commit that was pushed.",
                status=error.status,
            ) from error
        return parsed(_commit, document)

    def tag_ids(self, prefix: str) -> dict[str, str]:
        answers = self._client.http.pages(self._client.path("git", "matching-refs", "tags", prefix), per_page="")
        found = dict(parsed(_ref, answer) for answer in answers)
        # GitHub's own prefix may end in the middle of a word.
        return {name: tag_id for name, tag_id in found.items() if name.startswith(f"{prefix}/")}

    def tag(self, tag_id: str) -> AnnotatedTag:
        return parsed(_tag, self._client.http.get(self._client.path("git", "tags", tag_id)))

    def create_tag(self, name: str, *, commit: str, message: str) -> AnnotatedTag:
        body = {"tag": name, "message": message, "object": commit, "type": "commit"}
        # Without a ref the object is nowhere to be seen, so that sending it twice does no harm.
        document = self._client.http.request(
            "POST", self._client.path("git", "tags"), body=body, repeatable=True
        ).document
        made = parsed(_tag, document)

        def send() -> str:
            try:
                self._client.http.request(
                    "POST", self._client.path("git", "refs"), body={"ref": f"refs/tags/{name}", "sha": made.id}
                )
            except PermissionDenied as error:
                if "rule violation" in error.message.lower():
                    error.next_step = (
                        "A ruleset forbids to create this tag: see Settings > Rules > Rulesets. It should restrict"
                        " updates and deletions, and leave creation to the token's actor."
                    )
                raise self._workflow_files.explained(error, commit) from error
            except NotFound as error:
                raise self._workflow_files.explained(error, commit) from error
            return made.id

        if self._client.once(send, lambda: self._at(name)) != made.id:
            raise Conflict(f"The tag {name!r} of {self._client.full_name} exists already.", status=422)
        return made

    def _at(self, name: str) -> str | None:
        try:
            return parsed(
                lambda ref: str(ref["object"]["sha"]),
                self._client.http.get(self._client.path("git", "ref", "tags", name)),
            )
        except NotFound:
            return None


def _commit(answer: Any) -> Commit:
    return Commit(id=str(answer["sha"]), message=str(answer["commit"]["message"]))


def _ref(answer: Any) -> tuple[str, str]:
    found = answer["object"]
    return str(answer["ref"]).removeprefix("refs/tags/"), str(found["sha"]) if found["type"] == "tag" else ""


def _tag(answer: Any) -> AnnotatedTag:
    return AnnotatedTag(
        id=str(answer["sha"]),
        name=str(answer["tag"]),
        commit=str(answer["object"]["sha"]) if answer["object"]["type"] == "commit" else "",
        message=str(answer["message"]),
    )
