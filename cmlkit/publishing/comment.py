"""The report comment: one per place and model, kept up to date; duplicates are removed."""

from __future__ import annotations

from cmlkit.forges.base import Comment, PublishForge
from cmlkit.publishing.marker import Marker, marker_in


def keep_comment(place: int | str, text: str, marker: Marker, *, forge: PublishForge) -> Comment:
    """Create or update the one comment with this marker's subject, unless a newer run wrote it; return it.

    Duplicates from a race or a lost answer are removed: the oldest stays and gets the newest text.
    """
    body = f"{marker}\n{text}".strip()
    comments = _own(place, marker, forge)
    if not comments:
        created = forge.create_comment(place, body)
        # Another process may have created one meanwhile.
        comments = _own(place, marker, forge) or [created]
    oldest, *duplicates = comments
    newest = _newest_body([comment.body for comment in comments], body, marker)
    if newest != oldest.body:
        oldest = forge.update_comment(oldest, newest)
    for duplicate in duplicates:
        forge.delete_comment(duplicate)
    return oldest


def add_comment(place: int | str, text: str, marker: Marker, *, forge: PublishForge) -> Comment:
    """Create this run's comment, unless an earlier try of the same run and attempt did; return it."""
    for comment in _own(place, marker, forge):
        if (found := marker_in(comment.body)) is not None and found.is_of_run(marker):
            return comment
    return forge.create_comment(place, f"{marker}\n{text}")


def _own(place: int | str, marker: Marker, forge: PublishForge) -> list[Comment]:
    """Return our own comments about the marker's subject, oldest first: others may have copied the marker."""
    login = forge.login()
    return [
        comment
        for comment in forge.comments(place)
        if comment.author == login and (found := marker_in(comment.body)) is not None and found.is_about(marker)
    ]


def _newest_body(bodies: list[str], ours: str, marker: Marker) -> str:
    newest, by = ours, marker
    for body in bodies:
        found = marker_in(body)
        if found is not None and by.is_older_than(found):
            newest, by = body, found
    return newest
