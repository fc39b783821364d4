"""Comments: the place that `--target` names, and one report comment per place and model, kept up to date."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from cmlkit.errors import NotFound, SettingsError
from cmlkit.forges.base import Comment, PublishForge
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.together import beside

TARGETS = "auto, pr, pr/NUMBER, issue/NUMBER, commit or commit/SHA"


_SERIES = re.compile(r": [0-9a-f]{16}\Z")


def comment_place(target: str, *, forge: PublishForge, workflow_run: WorkflowRun) -> int | str:
    """Return the number of the pull request or issue, or the id of the commit, that a target names.

    Args:
        target: `auto` is the pull request of the run or of its commit, or the commit if there is none.

    Raises:
        SettingsError: The target is unknown, or the run has no commit.
        NotFound: The target is `pr`, and no open pull request holds the run's commit.
    """
    if match := re.fullmatch(r"(?:pr|issue)/#?(\d+)", target):
        return int(match[1])
    if match := re.fullmatch(r"commit/([0-9a-fA-F]{7,40})", target):
        return match[1]
    if target not in ("auto", "pr", "commit"):
        raise SettingsError(f"The target {target!r} is not known.", next_step=f"Use {TARGETS}.")
    number = None if target == "commit" else _pull_request(forge, workflow_run)
    if number is not None:
        return number
    if target == "pr":
        raise NotFound(
            f"No open pull request of {workflow_run.repository} holds the commit {workflow_run.sha[:12]}.",
            next_step="Name one with pr/NUMBER, or use the target auto.",
        )
    if not workflow_run.sha:
        raise SettingsError(
            "The run has no commit to comment on.", next_step=f"Run in a clone with a commit, or use {TARGETS}."
        )
    return workflow_run.sha


def _pull_request(forge: PublishForge, workflow_run: WorkflowRun) -> int | None:
    if workflow_run.pull_request is not None or not workflow_run.sha:
        return workflow_run.pull_request
    found = forge.pull_requests_with(workflow_run.sha)
    return next((item.number for item in found if item.state == "open"), None)


def keep_comment(place: int | str, text: str, marker: Marker, *, forge: PublishForge, latest: bool = False) -> Comment:
    """Create or update the one comment with this marker's subject, unless a newer run wrote it; return it.

    Duplicates from a race or a lost answer are removed: the oldest stays and gets the newest text.

    Args:
        latest: Whether comments that were created with a subject of their own count, too; the last one is updated.
    """
    comments = _own(place, marker, forge, any_series=latest)
    if comments and latest and (last := marker_in(comments[-1].body)) is not None:
        marker = dataclasses.replace(marker, subject=last.subject)
        comments = [item for item in comments if (found := marker_in(item.body)) and found.is_about(marker)]
    body = f"{marker}\n{text}".strip()
    if not comments:
        # Another process may have created one meanwhile.
        comments = _among(forge.comment_among(place, body), marker, forge)
    oldest, *duplicates = comments
    newest = _newest_body([comment.body for comment in comments], body, marker)
    if newest != oldest.body:
        oldest = forge.update_comment(oldest, newest)
    for duplicate in duplicates:
        forge.delete_comment(duplicate)
    return oldest


def add_comment(place: int | str, text: str, marker: Marker, *, forge: PublishForge) -> Comment:
    """Create this run's comment, unless an earlier try of the same run and attempt did; return it.

    If that try could not show everything, such as an image, the comment gets the text of this one.
    """
    body = f"{marker}\n{text}".strip()
    for comment in _own(place, marker, forge):
        if (found := marker_in(comment.body)) is not None and found.is_of_run(marker):
            return comment if comment.body == body else forge.update_comment(comment, body)
    return forge.create_comment(place, body)


def series(subject: str, name: str) -> str:
    """Return the subject of a comment that has a name of its own, 16 hexadecimal digits, among those of a subject."""
    return f"{subject}: {name}"


def _own(place: int | str, marker: Marker, forge: PublishForge, *, any_series: bool = False) -> list[Comment]:
    """Return our own comments about the marker's subject, oldest first: others may have copied the marker."""
    comments, _ = beside(lambda: forge.comments(place), forge.login)
    return _among(comments, marker, forge, any_series=any_series)


def _among(
    comments: Iterable[Comment], marker: Marker, forge: PublishForge, *, any_series: bool = False
) -> list[Comment]:
    def is_about(found: Marker) -> bool:
        subject = _SERIES.sub("", found.subject) if any_series else found.subject
        return dataclasses.replace(found, subject=subject).is_about(marker)

    login = forge.login()
    return [
        comment
        for comment in comments
        if comment.author == login and (found := marker_in(comment.body)) is not None and is_about(found)
    ]


def _newest_body(bodies: list[str], ours: str, marker: Marker) -> str:
    newest, by = ours, marker
    for body in bodies:
        found = marker_in(body)
        if found is not None and by.is_older_than(found):
            newest, by = body, found
    return newest
