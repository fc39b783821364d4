"""GitHub's JSON for commits and their changes."""

from __future__ import annotations

from cmlkit_sandbox.github.accounts import Account
from cmlkit_sandbox.github.api.shapes import (
    Json,
    api,
    author,
    page,
)
from cmlkit_sandbox.github.git_changes import FileChange, changes
from cmlkit_sandbox.github.git_objects import Commit, Signature
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.repository import Repository

# https://git-scm.com: the id that the empty tree has in every repository.
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def signature(value: Signature) -> Json:
    return {"name": value.name, "email": value.email, "date": value.iso}


def verification(commit: Commit) -> Json:
    """Return whether the commit is signed: GitHub signs what bots and Apps make through the API."""
    signed = bool(commit.signature)
    return {
        "verified": signed,
        "reason": "valid" if signed else "unsigned",
        "signature": commit.signature or None,
        "payload": commit.message if signed else None,
        "verified_at": commit.committer.iso if signed else None,
    }


def git_commit(hub: Hub, repository: Repository, commit: Commit) -> Json:
    """Return a commit in the Git Data API's form."""
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha}",
        "url": api(hub, repository, f"/git/commits/{commit.sha}"),
        "html_url": page(hub, repository, f"/commit/{commit.sha}"),
        "author": signature(commit.author),
        "committer": signature(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": api(hub, repository, f"/git/trees/{commit.tree}")},
        "parents": [_parent(hub, repository, sha, kind="git/commits") for sha in commit.parents],
        "verification": verification(commit),
    }


def commit(hub: Hub, repository: Repository, value: Commit) -> Json:
    """Return a commit in the form of lists of commits."""
    root = api(hub, repository, f"/commits/{value.sha}")
    return {
        "sha": value.sha,
        "node_id": f"C_{value.sha}",
        "url": root,
        "html_url": page(hub, repository, f"/commit/{value.sha}"),
        "comments_url": f"{root}/comments",
        "commit": {
            "url": api(hub, repository, f"/git/commits/{value.sha}"),
            "author": signature(value.author),
            "committer": signature(value.committer),
            "message": value.message,
            "tree": {"sha": value.tree, "url": api(hub, repository, f"/git/trees/{value.tree}")},
            "comment_count": sum(each.sha == value.sha for each in list(repository.commit_comments.values())),
            "verification": verification(value),
        },
        "author": _user_or_none(hub, value.author),
        "committer": _user_or_none(hub, value.committer),
        "parents": [_parent(hub, repository, sha, kind="commits") for sha in value.parents],
    }


def commit_with_files(hub: Hub, repository: Repository, value: Commit) -> Json:
    """Return the answer to GET /repos/OWNER/REPO/commits/REF."""
    files = changes(repository.git, value.parents[0] if value.parents else EMPTY_TREE, value.sha)
    additions, deletions = sum(each.additions for each in files), sum(each.deletions for each in files)
    return {
        **commit(hub, repository, value),
        "stats": {"total": additions + deletions, "additions": additions, "deletions": deletions},
        "files": [diff_entry(hub, repository, each, value.sha) for each in files],
    }


def diff_entry(hub: Hub, repository: Repository, change: FileChange, sha: str) -> Json:
    at = f"/{sha}/{change.path}"
    return {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.changes,
        "blob_url": page(hub, repository, f"/blob{at}"),
        "raw_url": page(hub, repository, f"/raw{at}"),
        "contents_url": api(hub, repository, f"/contents/{change.path}?ref={sha}"),
        **({"patch": change.patch} if change.patch else {}),
        **({"previous_filename": change.previous_path} if change.previous_path else {}),
    }


def account_of(hub: Hub, value: Signature) -> Account | None:
    """Return the account of an e-mail address; None if unknown."""
    return next((each for each in list(hub.accounts.values()) if each.email == value.email), None)


def _user_or_none(hub: Hub, value: Signature) -> Json | None:
    account = account_of(hub, value)
    return None if account is None else author(hub, account)


def _parent(hub: Hub, repository: Repository, sha: str, *, kind: str) -> Json:
    return {
        "sha": sha,
        "url": api(hub, repository, f"/{kind}/{sha}"),
        "html_url": page(hub, repository, f"/commit/{sha}"),
    }
