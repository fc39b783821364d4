"""GraphQL, as far as cmlkit uses it: a look at a repository, pull requests, comments, commits that GitHub signs."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github import graph_objects
from cmlkit_sandbox.github.accounts import Token
from cmlkit_sandbox.github.api.call import Call
from cmlkit_sandbox.github.api.git_objects_api import BOT_SIGNATURE
from cmlkit_sandbox.github.api.issues import create_comment
from cmlkit_sandbox.github.api.pulls import create_pull
from cmlkit_sandbox.github.api.refs import create_ref
from cmlkit_sandbox.github.authentication import token_of
from cmlkit_sandbox.github.discussion import AutoMerge, PullRequest
from cmlkit_sandbox.github.git_objects import Signature, TreeEntry, commit_content
from cmlkit_sandbox.github.git_repository import GitFailed
from cmlkit_sandbox.github.graph_objects import GraphQlError
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.merging import merge_state
from cmlkit_sandbox.github.protection import check_change
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import Refusal
from cmlkit_sandbox.github.repository import Repository

Json = dict[str, Any]


class GraphQlApi:
    """GraphQL over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: dict[str, Callable[[Token, Mapping[str, Any]], Json]] = {
            "viewer": self._viewer,
            "repository": self._repository,
            "addComment": self._add_comment,
            "createPullRequest": self._create_pull_request,
            "createRef": self._create_ref,
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
        asked = _asked(request)
        roots = {name: self._resolver(token, known) for name, known in self._known.items()}
        result = graphql_sync(
            schema(),
            asked["query"],
            root_value=roots,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        errors = [_shown(error) for error in result.errors or ()]
        # GitHub, too, answers with errors only if it ran nothing, as for a field that does not exist.
        data = {} if result.data is None and not any("path" in error for error in errors) else {"data": result.data}
        return {**data, **({"errors": errors} if errors else {})}

    def _resolver(self, token: Token, resolve: Callable[[Token, Mapping[str, Any]], Json]) -> Callable[..., Json]:
        def resolved(info: object, **arguments: Any) -> Json:
            try:
                return resolve(token, arguments.get("input", arguments))
            except Refusal as refusal:
                kind = "FORBIDDEN" if refusal.status in (403, 404) else "UNPROCESSABLE"
                details = [
                    str(each["message"]) for each in refusal.errors if isinstance(each, dict) and "message" in each
                ]
                raise GraphQlError(kind, "; ".join(details) or refusal.message) from refusal

        return resolved

    def _viewer(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        account = token.account
        return {"login": account.login, "id": f"U_{account.id}", "databaseId": account.id}

    def _repository(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        name = f"{arguments['owner']}/{arguments['name']}"
        found = self._hub.repositories.get(name.lower()) or self._hub.former_names.get(name.lower())
        if found is None or (found.private and not token.reaches(found.full_name)):
            raise GraphQlError("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
        for permission in ("contents", "pull_requests") if found.private else ():
            if not token.has(permission, "read"):
                raise GraphQlError("FORBIDDEN", token.refusal())
        return graph_objects.repository(self._hub, found)

    def _add_comment(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        for repository in list(self._hub.repositories.values()):
            for issue in list(repository.issues.values()):
                if issue.node_id == arguments["subjectId"]:
                    call = self._call(token, repository, body=arguments["body"])
                    with repository.lock:
                        _authorise_write(token, repository, "issues", "pull_requests")
                        create_comment(call, issue.number)
                        made = graph_objects.comment(self._hub, repository, repository.comments_of(issue.number)[-1])
                        subject = graph_objects.subject(self._hub, repository, issue)
                    return {"commentEdge": {"node": made}, "subject": subject}
        raise GraphQlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{arguments['subjectId']}'")

    def _create_ref(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository = self._with_id(arguments)
        _authorise_write(token, repository, "contents")
        name = str(arguments["name"])
        with repository.lock:
            create_ref(self._call(token, repository, ref=name, sha=arguments["oid"]))
        target = {"__typename": "Commit", "oid": arguments["oid"], "id": f"C_{arguments['oid']}"}
        return {"ref": {"id": f"REF_{name}", "name": name.removeprefix("refs/heads/"), "target": target}}

    def _create_pull_request(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository = self._with_id(arguments)
        _authorise_write(token, repository, "pull_requests")
        fields = {"head": arguments["headRefName"], "base": arguments["baseRefName"], "title": arguments["title"]}
        further = {"body": arguments.get("body") or "", "draft": bool(arguments.get("draft"))}
        with repository.lock:
            create_pull(self._call(token, repository, **fields, **further))
            pull = repository.pulls[-1]
        return {"pullRequest": graph_objects.pull_request(self._hub, repository, pull)}

    def _with_id(self, arguments: Mapping[str, Any]) -> Repository:
        wanted = arguments["repositoryId"]
        for repository in list(self._hub.repositories.values()):
            if f"R_{repository.id}" == wanted:
                return repository
        raise GraphQlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")

    def _call(self, token: Token, repository: Repository, **fields: object) -> Call:
        """Return a call of the REST API with these fields: the rules behind both doors are the same."""
        request = Request(EnvironBuilder(method="POST", json=fields).get_environ())
        return Call(hub=self._hub, request=request, token=token, repository_or_none=repository)

    def _enable_auto_merge(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository, pull = self._pull(token, arguments)
        # It takes the permission to merge as well, as users found: https://github.com/whme/csshw/pull/234
        _authorise_write(token, repository, "contents")
        if not repository.settings.allow_auto_merge:
            raise GraphQlError("UNPROCESSABLE", "Pull request Auto merge is not allowed for this repository")
        if pull.state != "open":
            raise GraphQlError("UNPROCESSABLE", "Pull request is closed")
        if (state := merge_state(repository, pull)) != "blocked":
            raise GraphQlError("UNPROCESSABLE", f"Pull request Pull request is in {state} status")
        pull.auto_merge = AutoMerge(
            method=str(arguments.get("mergeMethod", "MERGE")).lower(),  # type: ignore[arg-type]
            enabled_by=token.account,
            title=arguments.get("commitHeadline") or "",
            message=arguments.get("commitBody") or "",
        )
        return self._changed(repository, pull, arguments)

    def _disable_auto_merge(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository, pull = self._pull(token, arguments)
        pull.auto_merge = None
        return self._changed(repository, pull, arguments)

    def _convert_to_draft(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository, pull = self._pull(token, arguments)
        pull.draft = True
        return self._changed(repository, pull, arguments)

    def _mark_ready(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        repository, pull = self._pull(token, arguments)
        pull.draft = False
        return self._changed(repository, pull, arguments)

    def _changed(self, repository: Repository, pull: PullRequest, arguments: Mapping[str, Any]) -> Json:
        pull.updated = self._hub.timestamp()
        shown = {"id": pull.node_id, "number": pull.number, "isDraft": pull.draft}
        state = "MERGED" if pull.merged else pull.state.upper()
        url = f"{self._hub.url}/{repository.full_name}/pull/{pull.number}"
        return {
            "clientMutationId": arguments.get("clientMutationId"),
            "pullRequest": {**shown, "state": state, "url": url},
        }

    def _pull(self, token: Token, arguments: Mapping[str, Any]) -> tuple[Repository, PullRequest]:
        wanted = arguments.get("pullRequestId")
        for repository in list(self._hub.repositories.values()):
            for pull in repository.pulls:
                if pull.node_id == wanted and (not repository.private or token.reaches(repository.full_name)):
                    _authorise_write(token, repository, "pull_requests")
                    return repository, pull
        raise GraphQlError("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")

    def _create_commit(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        """Commit to a branch, signed by GitHub, if its head is still the expected one."""
        branch = arguments.get("branch") or {}
        repository = self._hub.repository(str(branch.get("repositoryNameWithOwner")))
        _authorise_write(token, repository, "contents")
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
        return {
            "clientMutationId": arguments.get("clientMutationId"),
            "commit": {"id": f"C_{sha}", "oid": sha, "url": url},
        }

    def _update_refs(self, token: Token, arguments: Mapping[str, Any]) -> Json:
        """Set refs to commits, by force if asked, if each still points at its expected commit."""
        repository = self._with_id(arguments)
        _authorise_write(token, repository, "contents")
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


def _authorise_write(token: Token, repository: Repository, *permissions: str) -> None:
    """Refuse a token that has none of the permissions, or an archived repository."""
    if not token.reaches(repository.full_name) or not any(token.has(each, "write") for each in permissions):
        raise GraphQlError("FORBIDDEN", token.refusal())
    if repository.settings.archived:
        raise GraphQlError("UNPROCESSABLE", "Repository was archived so is read-only.")


@functools.cache
def schema() -> GraphQLSchema:
    """Return the part of GitHub's schema that is served."""
    return build_schema(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"))


def _asked(request: Request) -> Json:
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise Refusal(400, "A query attribute must be specified and must be a string.")
    return body


def _shown(error: GraphQLError) -> Json:
    """Return an error as GitHub shows it: one of an operation has a type, one of the request itself has none."""
    cause = error.original_error
    kind = {"type": cause.kind} if isinstance(cause, GraphQlError) else {}
    places = [{"line": each.line, "column": each.column} for each in error.locations or ()]
    return {**kind, **({"path": error.path} if error.path else {}), "locations": places, "message": error.message}
