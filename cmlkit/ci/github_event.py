"""GitHub's events: the pull request, branch, commit or issue that the payload and the variables of a run name.

Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads and
https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from cmlkit.bounds.files import read_regular
from cmlkit.ci.base import PullRequestEvent
from cmlkit.records.json_text import read_json
from cmlkit.records.workflow_run import ReadsOnly, Trigger

# https://docs.github.com/en/webhooks/webhook-events-and-payloads: 25 MB, and as much again for its line breaks.
PAYLOAD_BYTES = 64 * 1024**2

Environ = Mapping[str, str]
Payload = Mapping[str, Any]

# Their payload has the pull request under `pull_request`.
PULL_REQUEST_EVENTS = ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment")
# https://docs.github.com/en/actions/reference/security/secure-use: the token of a pull request from a fork only reads,
# except that of pull_request_target, which runs the target branch's workflow.
READ_ONLY_FOR_FORKS = tuple(name for name in PULL_REQUEST_EVENTS if name != "pull_request_target")
# https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
DEPENDABOT = "dependabot[bot]"
READ_ONLY_FOR_DEPENDABOT = (*READ_ONLY_FOR_FORKS, "push", "create", "deployment", "deployment_status")
# The queue pushes a branch of its own for each group of pull requests, named after the last of them.
_QUEUE_BRANCH = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>\d+)-[0-9a-f]{7,64}")


def read_payload(environ: Environ) -> Payload:
    """Return the payload of the event; empty if its file is missing or cannot be read."""
    try:
        payload = read_json(read_regular(environ.get("GITHUB_EVENT_PATH", ""), PAYLOAD_BYTES))
    except (OSError, ValueError):
        return {}
    return payload if isinstance(payload, dict) else {}


def pull_request_of(environ: Environ, payload: Payload) -> PullRequestEvent | None:
    """Return the pull request of a pull request's event; None for other events or a payload without it."""
    pull_request = _inside(payload, "pull_request")
    if environ.get("GITHUB_EVENT_NAME") not in PULL_REQUEST_EVENTS or not isinstance(pull_request.get("number"), int):
        return None
    head, base = _inside(pull_request, "head"), _inside(pull_request, "base")
    return PullRequestEvent(
        number=pull_request["number"],
        base=environ.get("GITHUB_BASE_REF") or _text(base, "ref"),
        from_fork=_is_from_fork(pull_request, environ),
        head=environ.get("GITHUB_HEAD_REF") or _text(head, "ref"),
        commit=_text(head, "sha"),
        merged=pull_request.get("merged") is True,
        body=_text(pull_request, "body"),
    )


def number_of(environ: Environ, payload: Payload) -> int | None:
    """Return the number of the pull request that the event is about, if it tells."""
    if (pull_request := pull_request_of(environ, payload)) is not None:
        return pull_request.number
    if environ.get("GITHUB_EVENT_NAME") == "workflow_run":
        return _number_of_finished(_inside(payload, "workflow_run"), environ.get("GITHUB_REPOSITORY", ""))
    queued = _QUEUE_BRANCH.fullmatch(_branch(environ))
    return int(queued["number"]) if queued else None


def default_branch_of(payload: Payload) -> str:
    """Return the repository's default branch; empty if the payload does not tell it."""
    return _text(_inside(payload, "repository"), "default_branch")


def trigger_of(environ: Environ, payload: Payload) -> Trigger:
    """Return what the event is about."""
    read = _READERS.get(environ.get("GITHUB_EVENT_NAME", ""), _of_ref)
    return read(environ, payload)


def _of_pull_request(environ: Environ, payload: Payload) -> Trigger:
    found = pull_request_of(environ, payload)
    if found is None:
        # GitHub sets these two for pull requests only.
        head, base = environ.get("GITHUB_HEAD_REF", ""), environ.get("GITHUB_BASE_REF", "")
        found = PullRequestEvent(number=0, head=head, base=base, from_fork=bool(head) and head == base)
    return Trigger(
        kind="fork" if found.from_fork else "merged" if found.merged else "pull-request",
        branch="" if found.from_fork else found.head,
        base=found.base,
        commit=found.commit,
        body=found.body,
        reads_only=_reads_only(environ, from_fork=found.from_fork),
    )


def _of_ref(environ: Environ, payload: Payload) -> Trigger:
    """Return the branch or the tag that GITHUB_REF names."""
    ref, branch = environ.get("GITHUB_REF", ""), _branch(environ)
    if environ.get("GITHUB_HEAD_REF"):
        return _of_pull_request(environ, payload)
    if queued := _QUEUE_BRANCH.fullmatch(branch):
        return Trigger(kind="queue", base=queued["base"])
    if branch:
        message = _text(_inside(payload, "head_commit"), "message")
        return Trigger(kind="branch", branch=branch, message=message, reads_only=_reads_only(environ))
    return Trigger(kind="tag") if ref.startswith("refs/tags/") else Trigger()


def _of_queue(environ: Environ, payload: Payload) -> Trigger:
    base = _text(_inside(payload, "merge_group"), "base_ref").removeprefix("refs/heads/")
    queued = _QUEUE_BRANCH.fullmatch(_branch(environ))
    return Trigger(kind="queue", base=base or (queued["base"] if queued else ""))


def _of_discussion(environ: Environ, payload: Payload) -> Trigger:
    issue = _inside(payload, "issue")
    if not isinstance(issue.get("number"), int):
        return _of_ref(environ, payload)
    # Only the issue that is a pull request has the key; its branch is not in the payload.
    kind: Literal["discussion", "issue"] = "discussion" if issue.get("pull_request") else "issue"
    return Trigger(kind=kind, branch=_branch(environ), issue=issue["number"], body=_text(issue, "body"))


def _of_finished_run(environ: Environ, payload: Payload) -> Trigger:
    """Return what the run that ended was about, not the default branch on which this one runs."""
    finished = _inside(payload, "workflow_run")
    branch, commit = _text(finished, "head_branch"), _text(finished, "head_sha")
    holder = _text(_inside(finished, "head_repository"), "full_name")
    if not branch:
        return _of_ref(environ, payload)
    head = f"{holder.partition('/')[0]}:{branch}"
    if holder != environ.get("GITHUB_REPOSITORY", ""):
        return Trigger(kind="fork", commit=commit, head=head)
    if queued := _QUEUE_BRANCH.fullmatch(branch):
        return Trigger(kind="queue", base=queued["base"], commit=commit)
    message = _text(_inside(finished, "head_commit"), "message")
    if finished.get("event") in PULL_REQUEST_EVENTS:
        return Trigger(kind="pull-request", branch=branch, commit=commit, head=head, message=message)
    return Trigger(kind="branch", branch=branch, commit=commit, message=message)


def _number_of_finished(finished: Payload, repository: str) -> int | None:
    """Return the pull request of a run that ended, if it was a pull request's, and only one here has its head.

    GitHub lists none for a run from a fork, and those of other repositories that have the same branch, too.
    """
    listed = finished.get("pull_requests")
    if finished.get("event") not in PULL_REQUEST_EVENTS or not isinstance(listed, list):
        return None
    numbers = [
        item["number"]
        for item in listed
        if _text(_inside(_inside(item, "base"), "repo"), "url").endswith(f"/repos/{repository}")
        and _text(_inside(item, "head"), "sha") == _text(finished, "head_sha")
    ]
    return int(numbers[0]) if len(numbers) == 1 else None


_READERS: Mapping[str, Callable[[Environ, Payload], Trigger]] = {
    **dict.fromkeys(PULL_REQUEST_EVENTS, _of_pull_request),
    "merge_group": _of_queue,
    "workflow_run": _of_finished_run,
    "issue_comment": _of_discussion,
    "issues": _of_discussion,
}


def _reads_only(environ: Environ, *, from_fork: bool = False) -> ReadsOnly:
    event = environ.get("GITHUB_EVENT_NAME", "")
    if from_fork and event in READ_ONLY_FOR_FORKS:
        return "fork"
    is_dependabot = environ.get("GITHUB_ACTOR") == DEPENDABOT and event in READ_ONLY_FOR_DEPENDABOT
    return "Dependabot" if is_dependabot else ""


def _is_from_fork(pull_request: Payload, environ: Environ) -> bool:
    head = _inside(pull_request, "head")
    if "repo" not in head:
        return False
    # It is null if the fork has been deleted since.
    return _text(_inside(head, "repo"), "full_name") != environ.get("GITHUB_REPOSITORY", "")


def _branch(environ: Environ) -> str:
    ref = environ.get("GITHUB_REF", "")
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""


def _inside(payload: Any, name: str) -> Payload:
    value = payload.get(name) if isinstance(payload, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(payload: Payload, name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""
