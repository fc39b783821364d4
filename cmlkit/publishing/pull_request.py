"""The pull request of a run, and the earlier ones that it supersedes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cmlkit.errors import PermissionDenied, ServiceError
from cmlkit.forges.base import DELETED_ACCOUNT, NewPullRequest, PublishForge, PullRequest
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.spending import carried
from cmlkit.together import beside


def earlier_pull_requests(base: str, marker: Marker, *, forge: PublishForge) -> list[PullRequest]:
    """Return cmlkit's open pull requests for this model, newest first: with our author and a matching marker."""
    login = forge.login()
    return [item for item in marked_pull_requests(base, marker, forge=forge) if item.author == login]


def marked_pull_requests(base: str, marker: Marker, *, forge: PublishForge) -> list[PullRequest]:
    """Return the open pull requests with a matching marker, newest first, whoever opened them."""
    return [
        pull_request
        for pull_request in forge.pull_requests(base=base)
        if (found := marker_in(pull_request.body)) is not None and found.is_about(marker)
    ]


def open_pull_request(new: NewPullRequest, *, branch: str, is_new: bool, forge: PublishForge) -> PullRequest:
    """Create or update the open pull request of this branch, with this title and body; return it.

    The title and body from a newer run of the same model stay.

    Args:
        is_new: Whether the branch was just created, so that no pull request is open for it.
    """
    title, body = new.title, new.body
    existing = None if is_new else next(iter(forge.pull_requests(base=new.base, head=branch)), None)
    if existing is None:
        return forge.create_pull_request(head=branch, base=new.base, title=title, body=body, draft=new.draft)
    body = carried(existing.body, body, limit=forge.facts.limits.text - 1)
    ours, theirs = marker_in(body), marker_in(existing.body)
    is_newer = ours is not None and theirs is not None and ours.is_about(theirs) and ours.is_older_than(theirs)
    if is_newer or (existing.title, existing.body) == (title, body.strip()):
        return existing
    return forge.update_pull_request(existing.number, title=title, body=body)


@dataclass(frozen=True, kw_only=True)
class Reception:
    """The reception of a pull request: who worked on it, and whether it is said to be superseded.

    Attributes:
        people: Logins of those who committed to it, reviewed it or commented on it; other bots do not count.
        is_noted: Whether a comment says already that it is superseded.
    """

    people: tuple[str, ...]
    is_noted: bool


def reception(number: int, *, forge: PublishForge) -> Reception:
    """Return how people, and cmlkit itself, have received a pull request."""
    committed_or_reviewed, comments = beside(
        lambda: forge.pull_request_authors(number) - {forge.login()}, lambda: forge.comments(number)
    )
    # If cmlkit uses a person's own token, only comments without a marker are written by hand.
    markers = [(item.author, marker_in(item.body)) for item in comments]
    wrote = {author for author, found in markers if found is None}
    return Reception(
        people=tuple(sorted(login for login in committed_or_reviewed | wrote if "[bot]" not in login)),
        is_noted=any(found is not None and found.kind == "superseded" for _, found in markers),
    )


def supersedable(earlier: Iterable[PullRequest], *, current: str, marker: Marker) -> list[PullRequest]:
    """Return the pull requests that this run supersedes, unless people have touched them: those of no newer run.

    Args:
        current: The branch of this run.
    """
    return [
        pull_request
        for pull_request in earlier
        if pull_request.head != current
        and (found := marker_in(pull_request.body)) is not None
        and not marker.is_older_than(found)
    ]


def supersede(
    earlier: Iterable[PullRequest],
    *,
    current: PullRequest,
    marker: Marker,
    forge: PublishForge,
    known: Mapping[int, Reception],
    warn: Callable[[str], None],
    stays: Callable[[PullRequest], bool] = lambda pull_request: False,
) -> list[PullRequest]:
    """Close the untouched pull requests of earlier runs, with a link, and delete their branches; return them.

    Args:
        earlier: Those with a matching marker.
        known: Number of a pull request -> what became of it, if that was read a moment ago.
        warn: Called with the reason for each one that stays open.
        stays: Returns whether a pull request's model may not be given up for this one.

    Raises:
        ServiceError: The forge is out of order.
    """
    closed = []
    for pull_request in supersedable(earlier, current=current.head, marker=marker):
        if not _is_before(pull_request, current, marker):
            continue  # it closes this one
        if pull_request.author != forge.login():
            # Anybody can copy a marker, so only our own are closed.
            by = "an account that was deleted" if pull_request.author == DELETED_ACCOUNT else pull_request.author
            warn(f"The pull request #{pull_request.number} stays open: {by} opened it, not {forge.login()}.")
            continue
        if stays(pull_request):
            warn(f"The pull request #{pull_request.number} stays open: the gate accepted its model, unlike this one.")
            continue
        found = known.get(pull_request.number) or reception(pull_request.number, forge=forge)
        if found.people:
            warn(f"The pull request #{pull_request.number} stays open: {_who(found.people)} worked on it.")
            continue
        if _closed(pull_request, current=current, marker=marker, is_noted=found.is_noted, forge=forge, warn=warn):
            closed.append(pull_request)
    return closed


def newest_of_newer(found: Iterable[PullRequest], *, marker: Marker, login: str) -> PullRequest | None:
    """Return the pull request of the newest run among those of newer runs than the marker's; None if there are none.

    Args:
        found: Open ones with a matching marker.
        login: Their author; anybody can copy a marker.
    """
    markers = [(item, marker_in(item.body)) for item in found if item.author == login]
    newest, newest_marker = None, marker
    for item, other in markers:
        if other is not None and newest_marker.is_older_than(other):
            newest, newest_marker = item, other
    return newest


def close_for(
    pull_request: PullRequest, newer: PullRequest, *, marker: Marker, forge: PublishForge, warn: Callable[[str], None]
) -> bool:
    """Close this run's pull request, as that of a newer run supersedes it; return whether it is closed now."""
    there = forge.pull_request(pull_request.number)
    if there.state != "open":
        return True  # the newer run has done it
    found = reception(pull_request.number, forge=forge)
    if found.people:
        return False
    return _closed(pull_request, current=newer, marker=marker, is_noted=found.is_noted, forge=forge, warn=warn)


def _is_before(pull_request: PullRequest, current: PullRequest, marker: Marker) -> bool:
    """Return whether it is of an earlier run or, if their runs have no order, was opened before this one."""
    found = marker_in(pull_request.body)
    return (found is not None and found.is_older_than(marker)) or pull_request.number < current.number


def _closed(
    pull_request: PullRequest,
    *,
    current: PullRequest,
    marker: Marker,
    is_noted: bool,
    forge: PublishForge,
    warn: Callable[[str], None],
) -> bool:
    """Close a pull request; return False, with a warning, if the forge refuses that."""
    try:
        _close(pull_request, current=current, marker=marker, is_noted=is_noted, forge=forge)
    except (PermissionDenied, ServiceError) as error:
        if isinstance(error, ServiceError) and error.status not in (403, 404, 409, 422):
            raise
        # The new result is published: an earlier pull request that stays is no reason to fail.
        warn(f"The pull request #{pull_request.number} stays open: {error}")
        return False
    return True


def _who(people: Sequence[str]) -> str:
    # Nothing tells whether a deleted account was a person's.
    names = [f"{name}, the name of deleted accounts," if name == DELETED_ACCOUNT else name for name in people]
    return " and ".join(names)


def _close(
    pull_request: PullRequest, *, current: PullRequest, marker: Marker, is_noted: bool, forge: PublishForge
) -> None:
    note = Marker(kind="superseded", subject=marker.subject, run=marker.run, attempt=marker.attempt)
    if not is_noted:
        forge.create_comment(pull_request.number, f"{note}\nSuperseded by #{current.number}.")
    # The branch first: a publish interrupted between the two would not find a closed pull request again.
    forge.delete_branch(pull_request.head)
    forge.update_pull_request(pull_request.number, state="closed")
