"""Tokens that may only read, as those of a fork's pull request: what a writing command says, and keeps of its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cmlkit.errors import PermissionDenied

if TYPE_CHECKING:
    from cmlkit.ci.base import Workplace
    from cmlkit.records.markdown_text import MarkdownText


@contextmanager
def explained(place: Workplace) -> Iterator[None]:
    """Give a refusal of the run's own token the next step that helps: more permissions do not, for a fork."""
    try:
        yield
    except PermissionDenied as error:
        from cmlkit.publishing.destination import FORK_GUIDE

        if error.is_of_workflow and place.reads_only == "fork":
            error.next_step = (
                "This run is for a pull request from a fork: its token may only read, whatever the workflow asks for."
                f" {FORK_GUIDE} shows how a second workflow writes what this one found out."
            )
        elif error.is_of_workflow and place.reads_only:
            error.next_step = (
                f"{error.next_step} {place.reads_only} started this run: its token may only read unless the workflow"
                f" names permissions, and it gets {place.reads_only}'s secrets only. Else see {FORK_GUIDE}."
            ).lstrip()
        raise


@contextmanager
def kept_in_summary(texts: Sequence[MarkdownText], place: Workplace) -> Iterator[None]:
    """Write the texts to the job's summary if the token of the run may not write them anywhere else."""
    try:
        yield
    except PermissionDenied as error:
        text = "\n\n".join(text.text.strip() for text in texts)
        if text and error.is_of_workflow and place.reads_only and place.write_summary(text):
            error.message = f"{error.message} The text is in the job's summary instead."
        raise
