"""Annotated tags: list, read, and add; never moved, never removed."""

from __future__ import annotations

from cmlkit.errors import Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import AnnotatedTag, Commit
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.workflow_files import WorkflowFiles
from cmlkit.records.fields import Fields


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
        return _commit(document)

    def tag_ids(self, prefix: str) -> dict[str, str]:
        answers = self._client.http.pages(self._client.path("git", "matching-refs", "tags", prefix), per_page="")
        found = dict(map(_ref, answers))
        # GitHub's own prefix may end in the middle of a word.
        return {name: tag_id for name, tag_id in found.items() if name.startswith(f"{prefix}/")}

    def tag(self, tag_id: str) -> AnnotatedTag:
        return _tag(self._client.http.get(self._client.path("git", "tags", tag_id)))

    def create_tag(self, name: str, *, commit: str, message: str) -> AnnotatedTag:
        body = {"tag": name, "message": message, "object": commit, "type": "commit"}
        # Without a ref the object is nowhere to be seen, so that sending it twice does no harm.
        made = _tag(
            self._client.http.request("POST", self._client.path("git", "tags"), body=body, repeatable=True).fields
        )

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
            ref = self._client.http.get(self._client.path("git", "ref", "tags", name))
            return ref.inside("object").filled("sha")
        except NotFound:
            return None


def _commit(answer: Fields) -> Commit:
    return Commit(id=answer.filled("sha"), message=answer.inside("commit").text("message"))


def _ref(answer: Fields) -> tuple[str, str]:
    found = answer.inside("object")
    return answer.filled("ref").removeprefix("refs/tags/"), found.filled("sha") if found.text("type") == "tag" else ""


def _tag(answer: Fields) -> AnnotatedTag:
    found = answer.inside("object")
    return AnnotatedTag(
        id=answer.filled("sha"),
        name=answer.text("tag"),
        commit=found.filled("sha") if found.text("type") == "commit" else "",
        message=answer.text("message"),
    )
