"""The Git Data API's references, and the rules for moving them."""

from __future__ import annotations

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.git_objects_api import checked_sha, refuse_empty
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, api
from cmlkit_sandbox.github.git_objects import RefValue
from cmlkit_sandbox.github.git_repository import NO_SHA, GitFailed
from cmlkit_sandbox.github.protection import check_change
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import not_found, unprocessable

refs = Routes()

GIT = "/repos/<owner>/<repo>/git"
# The second set is for commits with workflow files that no branch has.
WRITE = "contents=write; contents=write,workflows=write"


@refs.add("GET", f"{GIT}/ref/<path:ref>", needs="contents=read")
def get_ref(call: Call, ref: str) -> Answer:
    refuse_empty(call)
    found = call.repository.git.ref(f"refs/{ref}")
    if found is None:
        raise not_found()
    return Answer(body=_shown(call, found))


@refs.add("GET", f"{GIT}/matching-refs/<path:ref>", needs="contents=read")
def matching_refs(call: Call, ref: str) -> Answer:
    refuse_empty(call)
    return Answer(body=[_shown(call, each) for each in call.repository.git.refs(f"refs/{ref}")])


@refs.add("POST", f"{GIT}/refs", needs=WRITE)
def create_ref(call: Call) -> Answer:
    fields = call.fields
    name, sha = fields.text("ref"), fields.text("sha")
    git = call.repository.git
    refuse_empty(call)
    _check_name(call, name)
    _check_sha(call, sha)
    if git.ref(name) is not None:
        raise unprocessable("Reference already exists")
    check_change(call.repository, call.token, name, NO_SHA, sha)
    _point(call, name, sha, old=NO_SHA)
    return Answer(status=201, body=_shown_now(call, name))


@refs.add("PATCH", f"{GIT}/refs/<path:ref>", needs=WRITE)
def update_ref(call: Call, ref: str) -> Answer:
    fields = call.fields
    name, sha = f"refs/{ref}", fields.text("sha")
    git = call.repository.git
    found = git.ref(name)
    if found is None:
        raise unprocessable("Reference does not exist")
    _check_sha(call, sha)
    if not fields.flag("force") and not git.is_ancestor(found.sha, sha):
        raise unprocessable("Update is not a fast forward")
    check_change(call.repository, call.token, name, found.sha, sha)
    _point(call, name, sha, old=found.sha)
    return Answer(body=_shown_now(call, name))


@refs.add("DELETE", f"{GIT}/refs/<path:ref>", needs="contents=write")
def delete_ref(call: Call, ref: str) -> Answer:
    name = f"refs/{ref}"
    found = call.repository.git.ref(name)
    if found is None:
        raise unprocessable("Reference does not exist")
    if name == f"refs/heads/{call.repository.default_branch}":
        raise unprocessable("Cannot delete the default branch")
    check_change(call.repository, call.token, name, found.sha, NO_SHA)
    call.repository.git.delete_ref(name)
    after_push(call.hub, call.repository)
    return Answer(status=204)


def _check_name(call: Call, name: str) -> None:
    if not name.startswith(("refs/heads/", "refs/tags/", "refs/notes/")):
        raise unprocessable("Reference name must start with 'refs/heads/', 'refs/tags/' or 'refs/notes/'.")
    if not call.repository.git.valid_ref_name(name):
        raise unprocessable(f"{name} is not a valid ref name.")


def _check_sha(call: Call, sha: str) -> None:
    if call.repository.git.kind(checked_sha(sha)) is None:
        raise unprocessable("Object does not exist")


def _point(call: Call, name: str, sha: str, *, old: str) -> None:
    try:
        call.repository.git.update_ref(name, sha, old=old)
    except GitFailed as error:
        # Such as a branch `a/b` where there is a branch `a`.
        raise unprocessable("Reference update failed") from error
    after_push(call.hub, call.repository)


def _shown_now(call: Call, name: str) -> Json:
    found = call.repository.git.ref(name)
    if found is None:
        raise not_found()
    return _shown(call, found)


def _shown(call: Call, ref: RefValue) -> Json:
    return {
        "ref": ref.name,
        "node_id": f"REF_{ref.name}",
        "url": api(call.hub, call.repository, f"/git/{ref.name}"),
        "object": {
            "sha": ref.sha,
            "type": ref.kind,
            "url": api(call.hub, call.repository, f"/git/{ref.kind}s/{ref.sha}"),
        },
    }
