"""The outlook: in one GraphQL query, what a publish would otherwise ask in a dozen requests, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cmlkit.errors import CmlkitError
from cmlkit.forges.base import DELETED_ACCOUNT, Outlook, PullRequest, Repository
from cmlkit.forges.github.access import Account
from cmlkit.forges.github.client import Client, text
from cmlkit.forges.github.memory import Entry
from cmlkit.git.objects import blob_id
from cmlkit.records.fields import Fields

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
        _Reading(client, asked, named, answer).remember(account)
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

    def __init__(self, client: Client, asked: Outlook, folders: Mapping[str, str], data: Fields) -> None:
        self._memory = client.memory
        self._asked = asked
        self._folders = folders
        self._data = data
        self._found = data.inside("repository")

    def remember(self, account: Account) -> None:
        memory, found, base = self._memory, self._found, self._asked.base
        # Nothing is known of an empty repository.
        if not found.has("defaultBranchRef"):
            return
        login, node_id = self._data.inside("viewer").filled("login"), found.filled("id")
        repository = Repository(
            full_name=found.filled("nameWithOwner"),
            default_branch=found.inside("defaultBranchRef").filled("name"),
            private=found.flag("isPrivate"),
            url=found.filled("url"),
        )
        heads = {base: _head(found, "base")}
        if self._asked.branch:
            heads[self._asked.branch] = _head(found, "branch")
        pulls = found.inside("pullRequests")
        listed = [pull_request(each) for each in pulls.listed("nodes")]
        is_whole = not pulls.inside("pageInfo").flag("hasNextPage")
        account.known(login)
        memory.node_id, memory.repository = node_id, repository
        memory.heads |= heads
        if is_whole:
            memory.open_pulls[base] = listed
        if found.has("base"):
            self._remember_commit(found.inside("base").inside("target"))

    def _remember_commit(self, commit: Fields) -> None:
        memory, sha, manifest = self._memory, commit.filled("oid"), self._asked.manifest
        memory.trees[sha] = commit.inside("tree").filled("oid")
        if commit.inside("tree").has("entries"):
            memory.folders[sha, ""] = _entries(commit.inside("tree"))
        for name, path in self._folders.items():
            memory.folders[sha, path] = _entries(commit.within(name, "object"))
        history = commit.inside("history").listed("nodes")
        versions = [(each.filled("oid"), _content(each.within("file", "object"))) for each in history]
        memory.histories[sha, manifest] = [version for version, _ in versions]
        for version, content in [*versions, (sha, _content(commit.within("manifest", "object")))]:
            if content is not None:
                memory.contents[version, manifest] = content


def _head(repository: Fields, name: str) -> str | None:
    """Return the commit of a ref; None if it is missing."""
    return repository.inside(name).inside("target").filled("oid") if repository.has(name) else None


def _entries(tree: Fields) -> dict[str, Entry]:
    """Return a folder's entries as REST shows them; empty if the path is a file."""
    return {
        each.filled("name"): Entry(kind=each.text("type"), sha=each.filled("oid"), mode=f"{each.whole('mode'):06o}")
        for each in tree.any_listed("entries")
    }


def _content(blob: Fields) -> bytes | None:
    """Return a file's bytes; None if GraphQL shows them cut off or changed, as it does if they are no text."""
    if not blob.has("text") or blob.flag("isTruncated"):
        return None
    content = blob.text("text").encode()
    return content if blob_id(content) == blob.filled("oid") else None


def pull_request(answer: Fields) -> PullRequest:
    """Return a pull request from GraphQL's fields of it."""
    return PullRequest(
        number=answer.whole("number"),
        url=answer.filled("url"),
        node_id=answer.filled("id"),
        title=answer.text("title"),
        body=text(answer.text("body", "")),
        head=answer.filled("headRefName"),
        head_sha=answer.filled("headRefOid"),
        base=answer.filled("baseRefName"),
        state="open" if answer.text("state") == "OPEN" else "closed",
        draft=answer.flag("isDraft"),
        author=author(answer),
        labels=tuple(label.filled("name") for label in answer.within("labels").any_listed("nodes")),
        head_repository=answer.within("headRepository").text("nameWithOwner", ""),
    )


def author(answer: Fields) -> str:
    """Return the author's login as REST has it: with `[bot]` after a bot's."""
    if not answer.has("author"):
        return DELETED_ACCOUNT
    found = answer.inside("author")
    return f"{found.text('login')}[bot]" if found.text("__typename") == "Bot" else found.filled("login")
