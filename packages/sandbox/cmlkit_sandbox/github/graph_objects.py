"""GitHub's GraphQL objects: repositories, commits, trees, pull requests, comments, resolved as they are asked for.

Each is a mapping from a field to its value, or to a function of the field's arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.discussion import Comment, Issue, PullRequest
from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.repository import Repository

Json = dict[str, Any]

MOST_NODES = (
    100  # https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit
)
# Undocumented, and less than GitHub's: what a client must be ready for.
TEXT_BYTES = 512_000


class GraphQlError(Exception):
    """An error that GraphQL reports with status 200, by its type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def actor(account: Account) -> Json:
    """Return an author: GraphQL leaves out the `[bot]` that REST has after a bot's login."""
    return {
        "__typename": account.kind,
        "login": account.login.removesuffix("[bot]"),
        "id": f"U_{account.id}",
        "databaseId": account.id,
    }


def _author(hub: Hub, account: Account) -> Json | None:
    return None if account.id in hub.deleted else actor(account)


def repository(hub: Hub, found: Repository) -> Json:
    def ref(info: object, qualifiedName: str) -> Json | None:  # noqa: N803 - GitHub's name
        return _ref(hub, found, qualifiedName.removeprefix("refs/heads/"))

    def pull_requests(info: object, **asked: Any) -> Json:
        return _pull_requests(hub, found, asked)

    def discussion(info: object, number: int) -> Json:
        issue = found.issues.get(number)
        if issue is None:
            raise GraphQlError(
                "NOT_FOUND", f"Could not resolve to an issue or pull request with the number of {number}."
            )
        return subject(hub, found, issue)

    return {
        "__typename": "Repository",
        "id": f"R_{found.id}",
        "nameWithOwner": found.full_name,
        "isPrivate": found.private,
        "url": f"{hub.url}/{found.full_name}",
        "defaultBranchRef": lambda info: _ref(hub, found, found.default_branch),
        "ref": ref,
        "pullRequests": pull_requests,
        "issueOrPullRequest": discussion,
    }


def _ref(hub: Hub, found: Repository, branch: str) -> Json | None:
    head = found.git.branch_head(branch)
    if head is None:
        return None
    return {"id": f"REF_{branch}", "name": branch, "target": lambda info: commit(hub, found, head)}


def commit(hub: Hub, found: Repository, sha: str) -> Json:
    def file(info: object, path: str) -> Json | None:
        entry = found.git.entry(sha, path)
        return None if entry is None else _entry(found, entry, path)

    def history(info: object, path: str = "", **asked: Any) -> Json:
        commits = found.git.log(sha, path=path, limit=MOST_NODES + 1)
        return connection(commits, asked, lambda each: commit(hub, found, each))

    return {
        "__typename": "Commit",
        "id": f"C_{sha}",
        "oid": sha,
        "url": f"{hub.url}/{found.full_name}/commit/{sha}",
        "tree": lambda info: _tree(found, found.git.commit(sha).tree),
        "file": file,
        "history": history,
    }


def _tree(found: Repository, sha: str) -> Json:
    return {
        "__typename": "Tree",
        "id": f"T_{sha}",
        "oid": sha,
        "entries": lambda info: [_entry(found, entry, entry.path) for entry in found.git.tree(sha)],
    }


def _entry(found: Repository, entry: TreeEntry, path: str) -> Json:
    def content(info: object) -> Json | None:
        if entry.kind == "commit":
            return None
        return _tree(found, entry.sha) if entry.kind == "tree" else _blob(found, entry.sha)

    return {
        "mode": int(entry.mode, 8),
        "name": path.rpartition("/")[2],
        "path": path,
        "oid": entry.sha,
        "type": entry.kind,
        "object": content,
    }


def _blob(found: Repository, sha: str) -> Json:
    blob = found.git.read(sha)
    content = blob.content if blob is not None else b""
    is_binary = b"\0" in content
    return {
        "__typename": "Blob",
        "id": f"B_{sha}",
        "oid": sha,
        "byteSize": len(content),
        "isBinary": is_binary,
        "isTruncated": len(content) > TEXT_BYTES,
        "text": None if is_binary else content[:TEXT_BYTES].decode("utf-8", "replace"),
    }


def _pull_requests(hub: Hub, found: Repository, asked: Json) -> Json:
    states, base, head = asked.get("states") or (), asked.get("baseRefName"), asked.get("headRefName")
    pulls = [
        pull
        for pull in found.pulls
        if (not states or _state(pull) in states) and base in (None, pull.base) and head in (None, pull.head)
    ]
    order = asked.get("orderBy") or {}
    if order.get("direction") == "DESC":
        pulls.reverse()
    return connection(pulls, asked, lambda pull: pull_request(hub, found, pull))


def _state(pull: PullRequest) -> str:
    return "MERGED" if pull.merged else pull.state.upper()


def subject(hub: Hub, found: Repository, issue: Issue) -> Json:
    """Return an issue or a pull request, as what a comment is about."""
    return pull_request(hub, found, issue) if isinstance(issue, PullRequest) else _issue(hub, found, issue)


def _issue(hub: Hub, found: Repository, issue: Issue) -> Json:
    def comments(info: object, **asked: Any) -> Json:
        return connection(found.comments_of(issue.number), asked, lambda each: comment(hub, found, each))

    return {"__typename": "Issue", "id": issue.node_id, "number": issue.number, "comments": comments}


def pull_request(hub: Hub, found: Repository, pull: PullRequest) -> Json:
    return {
        **_issue(hub, found, pull),
        "__typename": "PullRequest",
        "author": _author(hub, pull.author),
        "baseRefName": pull.base,
        "body": pull.body or "",
        "headRefName": pull.head,
        "headRefOid": pull.head_sha,
        "headRepository": lambda info: repository(hub, pull.head_repository),
        "isDraft": pull.draft,
        "labels": lambda info, **asked: connection(sorted(pull.labels), asked, lambda name: {"name": name}),
        "repository": lambda info: repository(hub, found),
        "state": _state(pull),
        "title": pull.title,
        "url": f"{hub.url}/{found.full_name}/pull/{pull.number}",
    }


def comment(hub: Hub, found: Repository, given: Comment) -> Json:
    return {
        "id": f"IC_{given.id}",
        "fullDatabaseId": str(given.id),
        "author": _author(hub, given.author),
        "body": given.body,
        "url": f"{hub.url}/{found.full_name}/pull/{given.number}#issuecomment-{given.id}",
    }


def connection(items: Sequence[Any], asked: Json, shape: Callable[[Any], Json]) -> Json:
    """Return the first or the last items, as many as were asked for.

    Raises:
        GraphQlError: It was not said how many, or too many, or a page that the sandbox does not turn.
    """
    first, last = asked.get("first"), asked.get("last")
    size = first if first is not None else last
    if size is None:
        raise GraphQlError("MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value.")
    if not 1 <= size <= MOST_NODES:
        raise GraphQlError(
            "EXCESSIVE_PAGINATION", f"Requesting {size} records exceeds the limit of {MOST_NODES} records."
        )
    if asked.get("after") or asked.get("before"):
        raise GraphQlError("UNPROCESSABLE", "The sandbox has the first and the last page only.")
    shown = items[:size] if first is not None else items[-size:]
    has_more = len(items) > size
    page = {"hasNextPage": has_more and first is not None, "hasPreviousPage": has_more and first is None}
    return {"nodes": [shape(item) for item in shown], "pageInfo": page}
