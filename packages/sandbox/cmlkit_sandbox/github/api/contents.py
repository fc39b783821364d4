"""Files and folders of a repository at a branch, tag or commit."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from cmlkit_sandbox.github.api.call import Answer, Call, Fields
from cmlkit_sandbox.github.api.commit_shapes import git_commit
from cmlkit_sandbox.github.api.git_objects_api import RAW, READ_LIMIT_BYTES, checked_path
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, api, page
from cmlkit_sandbox.github.git_objects import Signature, TreeEntry, commit_content
from cmlkit_sandbox.github.git_repository import GitFailed
from cmlkit_sandbox.github.protection import check_change
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import Refusal, not_found, unprocessable

contents = Routes()

# https://docs.github.com/en/rest/repos/contents#get-repository-content: above it, only the raw format has the content.
INLINE_LIMIT_BYTES = 1024 * 1024


@contents.add("GET", "/repos/<owner>/<repo>/contents/<path:path>", needs="contents=read")
@contents.add("GET", "/repos/<owner>/<repo>/contents/", needs="contents=read")
@contents.add("GET", "/repos/<owner>/<repo>/contents", needs="contents=read")
def get_contents(call: Call, path: str = "") -> Answer:
    git = call.repository.git
    ref = call.query("ref", call.repository.default_branch)
    commit = git.resolve(ref)
    if commit is None:
        raise not_found(f"No commit found for the ref {ref}" if call.query("ref") else "This repository is empty.")
    clean = path.strip("/")
    entry = git.entry(commit, clean) if clean else None
    if clean and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        tree = commit if entry is None else entry.sha
        return Answer(body=[_listed(call, each, f"{clean}/{each.path}".strip("/"), ref) for each in git.tree(tree)])
    return _file(call, entry, clean, ref)


@contents.add("GET", "/repos/<owner>/<repo>/readme", needs="contents=read")
def get_readme(call: Call) -> Answer:
    git = call.repository.git
    ref = call.query("ref", call.repository.default_branch)
    commit = git.resolve(ref)
    files = [] if commit is None else [each for each in git.tree(commit) if each.kind == "blob"]
    found = [each for each in files if each.path.lower().partition(".")[0] == "readme"]
    if not found:
        raise not_found()
    return _file(call, found[0], found[0].path, ref)


@contents.add("PUT", "/repos/<owner>/<repo>/contents/<path:path>", needs="contents=write")
def put_contents(call: Call, path: str) -> Answer:
    fields, clean = call.fields, checked_path(path.strip("/"))
    message, encoded = fields.text("message"), fields.text("content")
    try:
        content = base64.b64decode(encoded)
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None
    branch, head = _head(call, fields)
    there = _checked_entry(call, fields, head, clean)
    blob = call.repository.git.write("blob", content)
    sha = _committed(call, branch, head, message, TreeEntry(mode="100644", kind="blob", sha=blob, path=clean))
    entry = call.repository.git.entry(sha, clean)
    assert entry is not None
    status = 201 if there is None else 200
    return Answer(status=status, body={"content": _listed(call, entry, clean, branch), "commit": _commit(call, sha)})


@contents.add("DELETE", "/repos/<owner>/<repo>/contents/<path:path>", needs="contents=write")
def delete_contents(call: Call, path: str) -> Answer:
    fields, clean = call.fields, path.strip("/")
    message, _ = fields.text("message"), fields.text("sha")
    branch, head = _head(call, fields)
    if _checked_entry(call, fields, head, clean) is None:
        raise not_found()
    sha = _committed(call, branch, head, message, TreeEntry(mode="100644", kind="blob", sha="", path=clean))
    return Answer(body={"content": None, "commit": _commit(call, sha)})


def _head(call: Call, fields: Fields) -> tuple[str, str]:
    branch = fields.optional_text("branch") or call.repository.default_branch
    head = call.repository.git.branch_head(branch)
    if head is None:
        raise not_found(f"Branch {branch} not found")
    return branch, head


def _checked_entry(call: Call, fields: Fields, head: str, path: str) -> TreeEntry | None:
    """Return the file that is there, if the request names its blob, as GitHub requires."""
    entry, given = call.repository.git.entry(head, path), fields.optional_text("sha")
    if entry is not None and given is None:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if entry is not None and entry.sha != given:
        raise Refusal(409, f"{path} does not match {given}")
    return entry


def _committed(call: Call, branch: str, head: str, message: str, entry: TreeEntry) -> str:
    repository, actor = call.repository, call.actor
    git = repository.git
    try:
        tree = git.write_tree(git.commit(head).tree, [entry])
    except GitFailed as error:
        raise unprocessable(str(error)) from error
    signer = Signature(name=actor.login, email=actor.email, seconds=int(call.hub.now()))
    sha = git.write(
        "commit", commit_content(tree=tree, parents=(head,), author=signer, committer=signer, message=message)
    )
    check_change(repository, call.token, f"refs/heads/{branch}", head, sha)
    git.update_ref(f"refs/heads/{branch}", sha, old=head)
    after_push(call.hub, repository)
    return sha


def _commit(call: Call, sha: str) -> Json:
    return git_commit(call.hub, call.repository, call.repository.git.commit(sha))


def _file(call: Call, entry: TreeEntry, path: str, ref: str) -> Answer:
    found = call.repository.git.read(entry.sha)
    content = b"" if found is None else found.content
    if len(content) > READ_LIMIT_BYTES:
        message = "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API."
        error = {"resource": "Blob", "field": "data", "code": "too_large"}
        raise Refusal(403, message, errors=[error])
    if "raw" in call.request.headers.get("Accept", ""):
        return Answer(body=content, content_type=f"{RAW}; charset=utf-8")
    shown = base64.encodebytes(content).decode("ascii") if len(content) <= INLINE_LIMIT_BYTES else ""
    encoding = "base64" if shown or not content else "none"
    return Answer(body={**_listed(call, entry, path, ref), "content": shown, "encoding": encoding})


def _listed(call: Call, entry: TreeEntry, path: str, ref: str) -> Json:
    hub, repository = call.hub, call.repository
    kind = "dir" if entry.kind == "tree" else "file"
    escaped = quote(path)
    url = api(hub, repository, f"/contents/{escaped}?ref={quote(ref, safe='')}")
    git_url = api(hub, repository, f"/git/{entry.kind}s/{entry.sha}")
    html_url = page(hub, repository, f"/{'tree' if kind == 'dir' else 'blob'}/{ref}/{escaped}")
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": None if kind == "dir" else page(hub, repository, f"/raw/{ref}/{escaped}"),
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }
