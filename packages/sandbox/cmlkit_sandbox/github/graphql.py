"""GraphQL, as far as cmlkit uses it: the viewer, auto-merge, drafts, and commits that GitHub signs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.api.git_objects_api import BOT_SIGNATURE
from cmlkit_sandbox.github.authentication import token_of
from cmlkit_sandbox.github.discussion import AutoMerge, PullRequest
from cmlkit_sandbox.github.git_objects import Signature, TreeEntry, commit_content
from cmlkit_sandbox.github.git_repository import GitFailed
from cmlkit_sandbox.github.graphql_query import Field, QueryError, read_query
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.merging import missing_checks
from cmlkit_sandbox.github.protection import check_change
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Repository

Json = dict[str, Any]


class GraphQlError(Exception):
    """An error that GraphQL reports with status 200, by its type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class GraphQlApi:
    """GraphQL over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[str, Callable[[Token, Mapping[str, Any]], Json]] = {
            "viewer": self._viewer,
            "enablePullRequestAutoMerge": self._enable_auto_merge,
            "disablePullRequestAutoMerge": self._disable_auto_merge,
            "convertPullRequestToDraft": self._convert_to_draft,
            "markPullRequestReadyForReview": self._mark_ready,
            "createCommitOnBranch": self._create_commit,
            "updateRefs": self._update_refs,
        }

    def answer(self, request: Request) -> Response:
        try:
            token = token_of(self._hub, request)
            if token is None:
                raise Refusal(401, "This endpoint requires you to be authenticated.")
            status, body = 200, self._run(token, request)
        except Refusal as refusal:
            status, body = refusal.status, refusal.body()
        return Response(json.dumps(body), status=status, content_type="application/json; charset=utf-8")

    def _run(self, token: Token, request: Request) -> Json:
        data: Json = {}
        errors: list[Json] = []
        for field in self._fields(request):
            try:
                data[field.key] = self._value(token, field)
            except GraphQlError as error:
                data[field.key] = None
                place = {"path": [field.key], "locations": [{"line": 1, "column": 1}]}
                errors.append({"type": error.kind, "message": str(error), **place})
        return {"data": data, **({"errors": errors} if errors else {})}

    def _fields(self, request: Request) -> tuple[Field, ...]:
        try:
            body = json.loads(request.get_data())
            return read_query(str(body["query"]), body.get("variables") or {})
        except (ValueError, KeyError, TypeError):
            raise Refusal(400, "Problems parsing JSON") from None
        except QueryError as error:
            raise Refusal(400, str(error)) from None

    def _value(self, token: Token, field: Field) -> Any:
        resolve = self._known.get(field.name)
        if resolve is None:
            raise GraphQlError("undefinedField", f"The sandbox has no field '{field.name}' here.")
        arguments = field.arguments.get("input", field.arguments)
        try:
            return _projected(resolve(token, arguments), field.fields)
        except Refusal as refusal:
            raise GraphQlError("FORBIDDEN" if refusal.status == 403 else "UNPROCESSABLE", refusal.message) from refusal

    def _viewer(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        account = token.account
        return {"login": account.login, "id": f"U_{account.id}", "databaseId": account.id}

    def _enable_auto_merge(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository, pull = self._pull(token, arguments)
        if not repository.settings.allow_auto_merge:
            raise GraphQlError("UNPROCESSABLE", "Pull request Auto merge is not allowed for this repository")
        if pull.state != "open":
            raise GraphQlError("UNPROCESSABLE", "Pull request is closed")
        if not missing_checks(repository, pull):
            raise GraphQlError("UNPROCESSABLE", "Pull request Pull request is in clean status")
        pull.auto_merge = AutoMerge(
            method=str(arguments.get("mergeMethod", "MERGE")).lower(),  # type: ignore[arg-type]
            enabled_by=token.account,
            title=arguments.get("commitHeadline") or "",
            message=arguments.get("commitBody") or "",
        )
        return self._changed(pull, arguments)

    def _disable_auto_merge(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        _, pull = self._pull(token, arguments)
        pull.auto_merge = None
        return self._changed(pull, arguments)

    def _convert_to_draft(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        _, pull = self._pull(token, arguments)
        pull.draft = True
        return self._changed(pull, arguments)

    def _mark_ready(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        _, pull = self._pull(token, arguments)
        pull.draft = False
        return self._changed(pull, arguments)

    def _changed(self, pull: PullRequest, arguments: Mapping[str, Any]) -> Json:
        pull.updated = self._hub.timestamp()
        shown = {"id": pull.node_id, "number": pull.number, "isDraft": pull.draft, "state": pull.state.upper()}
        return {"clientMutationId": arguments.get("clientMutationId"), "pullRequest": shown}

    def _pull(self, token: Token, arguments: Mapping[str, Any]) -> tuple[Repository, PullRequest]:
        wanted = arguments.get("pullRequestId")
        for repository in list(self._hub.repositories.values()):
            for pull in repository.pulls:
                if pull.node_id == wanted and (not repository.private or token.reaches(repository.full_name)):
                    _check_permission(token, repository, "pull_requests")
                    return repository, pull
        raise GraphQlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")

    def _create_commit(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        """Commit to a branch, signed by GitHub, if its head is still the expected one."""
        branch = arguments.get("branch") or {}
        repository = self._hub.repository(str(branch.get("repositoryNameWithOwner")))
        _check_permission(token, repository, "contents")
        name = str(branch.get("branchName")).removeprefix("refs/heads/")
        with repository.lock:
            head = repository.git.branch_head(name)
            if head is None:
                raise GraphQlError("NOT_FOUND", f"No such branch: {name}")
            if head != arguments.get("expectedHeadOid"):
                expected = arguments.get("expectedHeadOid")
                message = f'Expected branch to point to "{expected}" but it did not. Pull and try again.'
                raise GraphQlError("STALE_DATA", message)
            sha = self._commit(token, repository, head, arguments)
            check_change(repository, token, f"refs/heads/{name}", head, sha)
            repository.git.update_ref(f"refs/heads/{name}", sha, old=head)
        after_push(self._hub, repository)
        url = f"{self._hub.url}/{repository.full_name}/commit/{sha}"
        return {"clientMutationId": arguments.get("clientMutationId"), "commit": {"oid": sha, "url": url}}

    def _update_refs(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        """Set refs to commits, by force if asked, if each still points at its expected commit."""
        wanted = arguments.get("repositoryId")
        repository = next((item for item in self._hub.repositories.values() if f"R_{item.id}" == wanted), None)
        if repository is None:
            raise GraphQlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")
        _check_permission(token, repository, "contents")
        with repository.lock:
            for update in arguments.get("refUpdates") or []:
                name, before, after = str(update["name"]), str(update.get("beforeOid", "")), str(update["afterOid"])
                head = repository.git.branch_head(name.removeprefix("refs/heads/"))
                if head is None or (before and head != before):
                    raise GraphQlError("UNPROCESSABLE", f"Reference {name} is not at {before}")
                if not update.get("force") and not repository.git.is_ancestor(head, after):
                    raise GraphQlError("UNPROCESSABLE", "Update is not a fast forward")
                check_change(repository, token, name, head, after)
                repository.git.update_ref(name, after, old=head)
        after_push(self._hub, repository)
        return {"clientMutationId": arguments.get("clientMutationId")}

    def _commit(self, token: Token, repository: Repository, head: str, arguments: Mapping[str, Any]) -> str:
        changes = arguments.get("fileChanges") or {}
        message = arguments.get("message") or {}
        git = repository.git
        entries = [
            TreeEntry(
                mode="100644",
                kind="blob",
                sha=git.write("blob", base64.b64decode(each["contents"])),
                path=each["path"],
            )
            for each in changes.get("additions") or []
        ]
        gone = [
            TreeEntry(mode="100644", kind="blob", sha="", path=each["path"]) for each in changes.get("deletions") or []
        ]
        try:
            tree = git.write_tree(git.commit(head).tree, [*gone, *entries])
        except GitFailed as error:
            raise GraphQlError("UNPROCESSABLE", str(error)) from error
        account = token.account
        signer = Signature(name=account.login, email=account.email, seconds=int(self._hub.now()))
        text = "\n\n".join(filter(None, (message.get("headline", ""), message.get("body", ""))))
        content = commit_content(
            tree=tree, parents=(head,), author=signer, committer=signer, message=text, signature=BOT_SIGNATURE
        )
        return git.write("commit", content)


def _check_permission(token: Token, repository: Repository, permission: str) -> None:
    if not token.reaches(repository.full_name) or not token.has(permission, "write"):
        raise GraphQlError("FORBIDDEN", token.refusal())


def _projected(value: Any, fields: tuple[Field, ...]) -> Any:
    """Return the value with the requested fields, under the requested names."""
    if not fields or value is None:
        return value
    return {field.key: _projected(value.get(field.name), field.fields) for field in fields}
