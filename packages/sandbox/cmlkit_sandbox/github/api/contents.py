"""Files and folders of a repository at a branch, tag or commit."""

from __future__ import annotations

import base64
from urllib.parse import quote

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.git_objects_api import RAW, READ_LIMIT_BYTES
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, api, page
from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.refusals import Refusal, not_found

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
