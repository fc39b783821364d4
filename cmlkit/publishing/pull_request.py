"""The pull request of a run, and the earlier ones that it supersedes."""

from __future__ import annotations

from collections.abc import Iterable

from cmlkit.forges.base import PublishForge, PullRequest
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.spending import carried


def earlier_pull_requests(base: str, marker: Marker, *, forge: PublishForge) -> list[PullRequest]:
    """Return cmlkit's open pull requests for this model, newest first: with our author and a matching marker."""
    login = forge.login()
    return [
        pull_request
        for pull_request in forge.pull_requests(base=base)
        if pull_request.author == login
        and (found := marker_in(pull_request.body)) is not None
        and found.is_about(marker)
    ]


def open_pull_request(
    *, branch: str, base: str, title: str, body: str, draft: bool, forge: PublishForge
) -> PullRequest:
    """Create or update the open pull request of this branch, with this title and body; return it.

    The title and body from a newer run of the same model stay. `draft` applies to new pull requests only.
    """
    existing = next(iter(forge.pull_requests(base=base, head=branch)), None)
    if existing is None:
        return forge.create_pull_request(head=branch, base=base, title=title, body=body, draft=draft)
    body = carried(existing.body, body, limit=forge.facts.limits.text - 1)
    ours, theirs = marker_in(body), marker_in(existing.body)
    is_newer = ours is not None and theirs is not None and ours.is_about(theirs) and ours.is_older_than(theirs)
    if is_newer or (existing.title, existing.body) == (title, body.strip()):
        return existing
    return forge.update_pull_request(existing.number, title=title, body=body)


def supersede(
    earlier: Iterable[PullRequest], *, current: PullRequest, marker: Marker, forge: PublishForge
) -> list[PullRequest]:
    """Close the untouched pull requests of earlier runs, with a link, and delete their branches; return them."""
    closed = []
    for pull_request in earlier:
        found = marker_in(pull_request.body)
        if pull_request.number == current.number or pull_request.head == current.head or found is None:
            continue
        if not marker.is_older_than(found) and not is_touched(pull_request, forge=forge):
            _close(pull_request, current=current, marker=marker, forge=forge)
            closed.append(pull_request)
    return closed


def is_touched(pull_request: PullRequest, *, forge: PublishForge) -> bool:
    """Return whether a person has committed to it, reviewed it or commented on it; other bots do not count."""
    committed_or_reviewed = forge.pull_request_authors(pull_request.number) - {forge.login()}
    # If cmlkit uses a person's own token, only comments without a marker are written by hand.
    wrote = {item.author for item in forge.comments(pull_request.number) if marker_in(item.body) is None}
    return any("[bot]" not in login for login in committed_or_reviewed | wrote)


def _close(pull_request: PullRequest, *, current: PullRequest, marker: Marker, forge: PublishForge) -> None:
    note = Marker(kind="superseded", subject=marker.subject, run=marker.run, attempt=marker.attempt)
    said = (marker_in(comment.body) for comment in forge.comments(pull_request.number))
    if not any(found is not None and found.kind == "superseded" for found in said):
        forge.create_comment(pull_request.number, f"{note}\nSuperseded by #{current.number}.")
    # The branch first: a publish interrupted between the two would not find a closed pull request again.
    forge.delete_branch(pull_request.head)
    forge.update_pull_request(pull_request.number, state="closed")
