"""The Git Data API's objects: blobs, trees, commits and tags."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime

from cmlkit_sandbox.github.api.call import Answer, Call, Fields
from cmlkit_sandbox.github.api.commit_shapes import git_commit, signature
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, api
from cmlkit_sandbox.github.git_objects import (
    Signature,
    Tag,
    TreeEntry,
    commit_content,
    tag_content,
)
from cmlkit_sandbox.github.git_repository import SHA, GitFailed
from cmlkit_sandbox.github.refusals import (
    Refusal,
    invalid,
    not_found,
    unprocessable,
)

objects = Routes()

# Undocumented: what GitHub refused in the experience of its users; a blob can be read up to 100 MB.
BLOB_LIMIT_BYTES = 40 * 1024 * 1024
READ_LIMIT_BYTES = 100 * 1024 * 1024
# https://docs.github.com/en/rest/git/trees: a recursive answer's limit.
TREE_LIMIT_ENTRIES = 100_000
GIT = "/repos/<owner>/<repo>/git"
KINDS = {"040000": "tree", "160000": "commit"}
RAW = "application/vnd.github.raw"
# What GitHub signs with, for the sandbox: no signature that anybody could check.
BOT_SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\nc2FuZGJveA==\n-----END PGP SIGNATURE-----"


@objects.add("POST", f"{GIT}/blobs", needs="contents=write", locked=False)
def create_blob(call: Call) -> Answer:
    refuse_empty(call)
    fields = call.fields
    content = fields.text("content")
    if fields.one_of("encoding", ("utf-8", "base64"), default="utf-8") == "utf-8":
        decoded = content.encode()
    else:
        decoded = _from_base64(content)
    if len(decoded) > BLOB_LIMIT_BYTES:
        raise unprocessable("Sorry, your input was too large to process. Consider creating the blob in a local clone.")
    sha = call.repository.git.write("blob", decoded)
    return Answer(status=201, body={"sha": sha, "url": api(call.hub, call.repository, f"/git/blobs/{sha}")})


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None


@objects.add("GET", f"{GIT}/blobs/<sha>", needs="contents=read")
def get_blob(call: Call, sha: str) -> Answer:
    found = call.repository.git.read(checked_sha(sha))
    if found is None or found.kind != "blob":
        raise not_found()
    if len(found.content) > READ_LIMIT_BYTES:
        raise Refusal(403, "This API returns blobs up to 100 MB in size.")
    if RAW in call.request.headers.get("Accept", ""):
        return Answer(body=found.content, content_type=f"{RAW}; charset=utf-8")
    body = {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(found.content),
        "url": api(call.hub, call.repository, f"/git/blobs/{sha}"),
        "content": base64.encodebytes(found.content).decode("ascii"),
        "encoding": "base64",
    }
    return Answer(body=body)


@objects.add("POST", f"{GIT}/trees", needs="contents=write", locked=False)
def create_tree(call: Call) -> Answer:
    refuse_empty(call)
    fields = call.fields
    git = call.repository.git
    base = fields.optional_text("base_tree")
    if base is not None and git.resolve(base, kind="tree") is None:
        raise unprocessable("base_tree is not a valid tree oid")
    if "tree" not in fields:
        raise unprocessable('Invalid request.\n\n"tree" wasn\'t supplied.')
    given = fields.objects("tree")
    kinds = git.kinds(sha for each in given if isinstance(sha := each.values.get("sha"), str))
    entries = [_tree_entry(call, each, kinds) for each in given]
    if not entries and base is None:
        raise unprocessable("Invalid tree info")
    try:
        sha = git.write_tree(base, entries)
    except GitFailed as error:
        raise unprocessable(f"GitRPC::BadObjectState: {error}") from error
    return Answer(status=201, body=_tree(call, sha, recursive=False))


def _tree_entry(call: Call, fields: Fields, kinds: Mapping[str, str]) -> TreeEntry:
    path = checked_path(fields.text("path"))
    mode = fields.one_of("mode", ("100644", "100755", "040000", "160000", "120000"))
    kind = KINDS.get(mode, "blob")
    if "content" in fields:
        sha = call.repository.git.write("blob", fields.text("content").encode())
        return TreeEntry(mode=mode, kind="blob", sha=sha, path=path)
    if "sha" in fields and fields.values["sha"] is None:
        return TreeEntry(mode=mode, kind=kind, sha="", path=path)
    sha = fields.text("sha")
    if kind != "commit" and kinds.get(sha) != kind:
        raise unprocessable(f"tree.sha {sha} is not a valid {kind}")
    return TreeEntry(mode=mode, kind=kind, sha=sha, path=path)


def checked_path(path: str) -> str:
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in path:
        raise unprocessable("tree.path contains a malformed path component")
    return path


@objects.add("GET", f"{GIT}/trees/<path:sha>", needs="contents=read")
def get_tree(call: Call, sha: str) -> Answer:
    tree = call.repository.git.resolve(sha, kind="tree")
    if tree is None:
        raise not_found()
    return Answer(body=_tree(call, tree, recursive=bool(call.query("recursive"))))


def _tree(call: Call, sha: str, *, recursive: bool) -> Json:
    entries = call.repository.git.tree(sha, recursive=recursive)
    return {
        "sha": sha,
        "url": api(call.hub, call.repository, f"/git/trees/{sha}"),
        "tree": [_shown_entry(call, entry) for entry in entries[:TREE_LIMIT_ENTRIES]],
        "truncated": len(entries) > TREE_LIMIT_ENTRIES,
    }


def _shown_entry(call: Call, entry: TreeEntry) -> Json:
    size = {} if entry.size is None else {"size": entry.size}
    url = api(call.hub, call.repository, f"/git/{entry.kind}s/{entry.sha}")
    return {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha, **size, "url": url}


@objects.add("POST", f"{GIT}/commits", needs="contents=write", locked=False)
def create_commit(call: Call) -> Answer:
    fields = call.fields
    git = call.repository.git
    tree = fields.text("tree")
    if git.kind(tree) != "tree":
        raise unprocessable("Tree SHA does not exist")
    parents = tuple(fields.texts("parents"))
    if any(git.kind(parent) != "commit" for parent in parents):
        raise unprocessable("Parent SHA does not exist or is not a commit object")
    author = _signature(call, fields.object("author"), _own_signature(call))
    committer = _signature(call, fields.object("committer"), author)
    is_unnamed = "author" not in fields and "committer" not in fields
    # GitHub signs for bots and Apps, and only what names neither author nor committer.
    automatic = is_unnamed and call.token is not None and call.token.kind != "personal"
    content = commit_content(
        tree=tree,
        parents=parents,
        author=author,
        committer=committer,
        message=fields.text("message"),
        signature=fields.optional_text("signature", BOT_SIGNATURE if automatic else "") or "",
    )
    sha = git.write("commit", content)
    return Answer(status=201, body=git_commit(call.hub, call.repository, git.commit(sha)))


def _own_signature(call: Call) -> Signature:
    return Signature(name=call.actor.login, email=call.actor.email, seconds=int(call.hub.now()))


def _signature(call: Call, fields: Fields, default: Signature) -> Signature:
    if not fields.values:
        return default
    date = fields.optional_text("date")
    return Signature.at(fields.text("name"), fields.text("email"), _moment(date) if date else _now(call))


def _now(call: Call) -> datetime:
    return datetime.fromtimestamp(int(call.hub.now()), tz=UTC)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable(f"Invalid request.\n\n{text!r} is not a valid date-time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@objects.add("GET", f"{GIT}/commits/<sha>", needs="contents=read")
def get_commit(call: Call, sha: str) -> Answer:
    git = call.repository.git
    if git.kind(checked_sha(sha)) != "commit":
        raise not_found()
    return Answer(body=git_commit(call.hub, call.repository, git.commit(sha)))


@objects.add("POST", f"{GIT}/tags", needs="contents=write", locked=False)
def create_tag(call: Call) -> Answer:
    fields = call.fields
    git = call.repository.git
    target, kind, name = fields.text("object"), fields.one_of("type", ("commit", "tree", "blob")), fields.text("tag")
    if not git.valid_ref_name(f"refs/tags/{name}"):
        raise invalid("Tag", "invalid", field="tag")
    if git.kind(target) != kind:
        raise unprocessable("Object does not exist" if git.kind(target) is None else "Object is of another type")
    tagger = _signature(call, fields.object("tagger"), _own_signature(call))
    content = tag_content(target=target, kind=kind, name=name, tagger=tagger, message=fields.text("message"))
    tag = git.tag(git.write("tag", content))
    assert tag is not None
    return Answer(status=201, body=_tag(call, tag))


@objects.add("GET", f"{GIT}/tags/<sha>", needs="contents=read")
def get_tag(call: Call, sha: str) -> Answer:
    tag = call.repository.git.tag(checked_sha(sha))
    if tag is None:
        raise not_found()
    return Answer(body=_tag(call, tag))


def _tag(call: Call, tag: Tag) -> Json:
    return {
        "node_id": f"TA_{tag.sha}",
        "sha": tag.sha,
        "url": api(call.hub, call.repository, f"/git/tags/{tag.sha}"),
        "tag": tag.name,
        "message": tag.message,
        "tagger": signature(tag.tagger),
        "object": {
            "sha": tag.object,
            "type": tag.kind,
            "url": api(call.hub, call.repository, f"/git/{tag.kind}s/{tag.object}"),
        },
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def refuse_empty(call: Call) -> None:
    """Refuse an empty repository: the Git Data API works only after a first push."""
    if not call.repository.git.has_branches():
        raise Refusal(409, "Git Repository is empty.")


def checked_sha(sha: str) -> str:
    """Return the id if it is well formed."""
    if not SHA.fullmatch(sha):
        raise unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    return sha
