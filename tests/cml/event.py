"""Events that start workflows, with the facts and the payload that GitHub gives their jobs.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.cml.forge import Forge

# The branch of the pull request that a workflow has opened last.
NEWEST = "newest pull request"
_KEYS = {"event", "branch", "commit", "message", "to", "fork", "title", "by", "meanwhile", "comment", "only"}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a case.

    Attributes:
        branch: The branch that the run belongs to: the head branch of a pull request.
        base: The base branch of a pull request, otherwise the branch itself: what filters of branches look at.
        sha: GITHUB_SHA.
        meanwhile: Branch -> files that somebody pushes to it right after a job's checkout.
        attempt: Which run of the same event this is.
    """

    name: str
    branch: str
    base: str
    ref: str
    sha: str
    head_sha: str
    head_ref: str = ""
    base_ref: str = ""
    from_fork: bool = False
    by: str = "ann"
    payload: Mapping[str, Any] = field(default_factory=dict)
    meanwhile: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attempt: int = 1
    only: str = ""

    def again(self) -> Event:
        """Return the event for another attempt, which finds what the first one did."""
        return replace(self, attempt=self.attempt + 1, meanwhile={})


def happened(forge: Forge, told: Mapping[str, Any]) -> Event:
    """Do what a case tells, such as a push by a person, and return the event that GitHub makes of it."""
    if unknown := told.keys() - _KEYS:
        raise ValueError(f"An event has keys that are not known here: {unknown}")
    branch = told.get("branch", "main")
    if branch == NEWEST:
        branch = forge.repository.pulls[-1].head
    if files := told.get("commit"):
        forge.commit(branch, files, message=told.get("message", ""), fork=told.get("fork", ""))
    return replace(
        _event(forge, told["event"], branch, told),
        by=told.get("by", "ann"),
        meanwhile=told.get("meanwhile", {}),
        only=told.get("only", ""),
    )


def _event(forge: Forge, name: str, branch: str, told: Mapping[str, Any]) -> Event:
    if name in ("pull_request", "pull_request_target"):
        return _of_pull_request(forge, name, branch, told)
    if name == "issue_comment":
        return _of_comment(forge, told)
    if name == "merge":
        forge.sandbox.merge_newest_pull_request()
    elif name == "open":
        forge.pull_request(branch, to=told.get("to", "main"), title=told.get("title", ""))
    elif name not in ("push", "schedule", "workflow_dispatch"):
        raise ValueError(f"The event {name!r} is not known here")
    sha, ref = forge.head(branch), f"refs/heads/{branch}"
    payload: dict[str, dict[str, Any]] = {
        "push": {"ref": ref, "after": sha, "head_commit": {"id": sha}},
        "workflow_dispatch": {"ref": ref},
    }
    return Event(
        name=name,
        branch=branch,
        base=branch,
        ref=ref,
        sha=sha,
        head_sha=sha,
        payload=_payload(forge, payload.get(name)),
    )


def _of_pull_request(forge: Forge, name: str, branch: str, told: Mapping[str, Any]) -> Event:
    fork = told.get("fork", "")
    pull = forge.pull_request(branch, to=told.get("to", "main"), fork=fork, title=told.get("title", ""))
    shown = forge.api("GET", f"pulls/{pull.number}")
    on_merge = name == "pull_request"
    return Event(
        name=name,
        branch=branch,
        base=pull.base,
        ref=f"refs/pull/{pull.number}/merge" if on_merge else f"refs/heads/{pull.base}",
        sha=forge.merge_commit(pull) if on_merge else forge.head(pull.base),
        head_sha=pull.head_sha,
        head_ref=branch,
        base_ref=pull.base,
        from_fork=bool(fork),
        payload=_payload(forge, {"action": "synchronize", "number": pull.number, "pull_request": shown}),
    )


def _of_comment(forge: Forge, told: Mapping[str, Any]) -> Event:
    number = forge.repository.pulls[-1].number
    payload = {
        "action": "created",
        "issue": forge.api("GET", f"issues/{number}"),
        "comment": {"body": told["comment"], "user": {"login": "ann"}},
    }
    sha = forge.head("main")
    return Event(
        name="issue_comment",
        branch="main",
        base="main",
        ref="refs/heads/main",
        sha=sha,
        head_sha=sha,
        payload=_payload(forge, payload),
    )


def _payload(forge: Forge, own: Mapping[str, Any] | None) -> dict[str, Any]:
    owner, _, name = forge.sandbox.repository.partition("/")
    url = f"{forge.sandbox.github.url}/{forge.sandbox.repository}"
    shown = {"full_name": forge.sandbox.repository, "name": name, "owner": {"login": owner}, "html_url": url}
    return {**(own or {}), "repository": {**shown, "default_branch": "main"}, "sender": {"login": "ann"}}
