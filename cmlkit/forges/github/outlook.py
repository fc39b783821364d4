"""The outlook: in one GraphQL query, what a publish would otherwise ask in a dozen requests, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmlkit.errors import CmlkitError
from cmlkit.forges.base import DELETED_ACCOUNT, Outlook, PullRequest, Repository
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.client import Client, parsed, text
from cmlkit.git.objects import blob_id

# More than these are asked for one by one, as a query of many parts takes GitHub long.
MOST_FOLDERS = 8

PULL_REQUEST_FIELDS = """
fragment PullRequestFields on PullRequest {
  number id url title body state isDraft baseRefName headRefName headRefOid
  author { __typename login }
  headRepository { nameWithOwner }
  labels(first: 100) { nodes { name } }
}
"""
_BLOB = "object { ... on Blob { oid text isTruncated } }"
_ENTRIES = "entries { name mode type oid }"


def look(client: Client, account: Account, asked: Outlook) -> None:
    """Ask GitHub, and remember the answers; if it refuses, each question is asked by itself later."""
    folders = dict.fromkeys(asked.folders)
    if len(folders) > MOST_FOLDERS:
        folders = dict.fromkeys(())
    named = {f"folder{number}": folder for number, folder in enumerate(filter(None, folders))}
    try:
        # Not repeated after an outage: the requests instead of it are.
        answer = client.http.graphql(
            outlook_query(list(named), in_root="" in folders, history=asked.history),
            repeatable=False,
            owner=client.owner,
            name=client.full_name.partition("/")[2],
            base=asked.base,
            ref=f"refs/heads/{asked.base}",
            branch=f"refs/heads/{asked.branch}",
            hasBranch=bool(asked.branch),
            manifest=asked.manifest,
            **named,
        )
        parsed(lambda data: _Reading(client, asked, named, data).remember(account), answer)
    except CmlkitError:
        return


def outlook_query(folders: Sequence[str], *, in_root: bool, history: int) -> str:
    """Return the query.

    Args:
        folders: Names of the variables that have the paths of folders, other than the root, to list.
        in_root: Whether to list the root folder.
        history: How many versions of the manifest to read.
    """
    declared = "".join(f", ${name}: String!" for name in folders)
    listed = "".join(
        f"{name}: file(path: ${name}) {{ object {{ ... on Tree {{ {_ENTRIES} }} }} }} " for name in folders
    )
    return f"""
query($owner: String!, $name: String!, $base: String!, $ref: String!, $branch: String!, $hasBranch: Boolean!,
      $manifest: String!{declared}) {{
  viewer {{ login }}
  repository(owner: $owner, name: $name) {{
    id nameWithOwner isPrivate url
    defaultBranchRef {{ name }}
    base: ref(qualifiedName: $ref) {{
      target {{ oid ... on Commit {{
        tree {{ oid {_ENTRIES if in_root else ""} }}
        {listed}
        history(first: {history}, path: $manifest) {{ nodes {{ oid file(path: $manifest) {{ {_BLOB} }} }} }}
        manifest: file(path: $manifest) {{ {_BLOB} }}
      }} }}
    }}
    branch: ref(qualifiedName: $branch) @include(if: $hasBranch) {{ target {{ oid }} }}
    pullRequests(states: OPEN, baseRefName: $base, first: 100, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
      nodes {{ ...PullRequestFields }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}
{PULL_REQUEST_FIELDS}"""


# One of the queries, which the tests hold against GitHub's schema.
OUTLOOK = outlook_query(["folder0", "folder1"], in_root=True, history=10)


class _Reading:
    """An answer, and where each part of it is remembered."""

    def __init__(self, client: Client, asked: Outlook, folders: Mapping[str, str], data: Any) -> None:
        self._memory = client.memory
        self._asked = asked
        self._folders = folders
        self._data = data
        self._found = data["repository"]

    def remember(self, account: Account) -> None:
        memory, found = self._memory, self._found
        default = found["defaultBranchRef"]
        # Nothing is known of an empty repository.
        if default is None:
            return
        account.known(str(self._data["viewer"]["login"]))
        memory.node_id = str(found["id"])
        memory.repository = Repository(
            full_name=str(found["nameWithOwner"]),
            default_branch=str(default["name"]),
            private=bool(found["isPrivate"]),
            url=str(found["url"]),
        )
        base, head = self._asked.base, found["base"]
        if self._asked.branch:
            memory.heads[self._asked.branch] = found["branch"]["target"]["oid"] if found["branch"] else None
        memory.heads[base] = head["target"]["oid"] if head else None
        if not found["pullRequests"]["pageInfo"]["hasNextPage"]:
            memory.open_pulls[base] = [pull_request(each) for each in found["pullRequests"]["nodes"]]
        if head:
            self._remember_commit(head["target"])

    def _remember_commit(self, commit: Any) -> None:
        memory, sha, manifest = self._memory, str(commit["oid"]), self._asked.manifest
        memory.trees[sha] = str(commit["tree"]["oid"])
        if "entries" in commit["tree"]:
            memory.folders[sha, ""] = _entries(commit["tree"])
        for name, path in self._folders.items():
            entry = commit[name]
            memory.folders[sha, path] = _entries(entry["object"]) if entry else {}
        versions = [(str(each["oid"]), _content(each["file"])) for each in commit["history"]["nodes"]]
        memory.histories[sha, manifest] = [version for version, _ in versions]
        for version, content in [*versions, (sha, _content(commit["manifest"]))]:
            if content is not None:
                memory.contents[version, manifest] = content


def _entries(tree: Any) -> dict[str, Any]:
    """Return a folder's entries as REST shows them; empty if the path is a file."""
    return {
        str(each["name"]): {"type": each["type"], "sha": each["oid"], "mode": f"{each['mode']:06o}"}
        for each in (tree or {}).get("entries") or ()
    }


def _content(entry: Any) -> bytes | None:
    """Return a file's bytes; None if GraphQL shows them cut off or changed, as it does if they are no text."""
    blob = entry and entry["object"]
    if not blob or blob.get("text") is None or blob["isTruncated"]:
        return None
    content = str(blob["text"]).encode()
    return content if blob_id(content) == blob["oid"] else None


def pull_request(answer: Any) -> PullRequest:
    """Return a pull request from GraphQL's fields of it."""
    return PullRequest(
        number=int(answer["number"]),
        url=str(answer["url"]),
        node_id=str(answer["id"]),
        title=str(answer["title"]),
        body=text(answer["body"]),
        head=str(answer["headRefName"]),
        head_sha=str(answer["headRefOid"]),
        base=str(answer["baseRefName"]),
        state="open" if answer["state"] == "OPEN" else "closed",
        draft=bool(answer["isDraft"]),
        author=author(answer),
        labels=tuple(str(label["name"]) for label in (answer["labels"] or {"nodes": ()})["nodes"]),
        head_repository=str((answer["headRepository"] or {}).get("nameWithOwner", "")),
    )


def author(answer: Any) -> str:
    """Return the author's login as REST has it: with `[bot]` after a bot's."""
    found = answer["author"] or {"login": DELETED_ACCOUNT, "__typename": "User"}
    return f"{found['login']}[bot]" if found["__typename"] == "Bot" else str(found["login"])
