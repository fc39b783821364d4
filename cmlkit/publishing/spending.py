"""Spending notes: the cost of each published training, in a hidden comment of its pull request."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cmlkit.errors import CmlkitError
from cmlkit.forges.base import PublishForge
from cmlkit.forges.workflows import FailedRun
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.records.cost import Spent, cost_of
from cmlkit.records.json_text import json_text, read_json
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.typed import typed
from cmlkit.together import beside

WINDOW_DAYS = 30
WINDOW_SECONDS = WINDOW_DAYS * 86_400.0
# One request to GitHub; over the window, more than three pull requests a day.
PULL_REQUESTS = 100

_NOTE = re.compile(r"<!-- cmlkit-cost: (\{[^<>]*\}) -->")


@dataclass(frozen=True, kw_only=True)
class SpendingNote:
    """The cost of one training.

    Attributes:
        usd: Cost of its instance until the training ended.
        at: Beginning of the training, in seconds since the epoch.
    """

    run: str
    attempt: int
    usd: float
    at: float

    def __str__(self) -> str:
        return f"<!-- cmlkit-cost: {json_text(dataclasses.asdict(self))} -->"

    @property
    def identity(self) -> tuple[str, int]:
        return self.run, self.attempt


def note_of(run: TrainingRun, marker: Marker) -> SpendingNote | None:
    """Return the note for a training; None if its cost is unknown, as on a machine that is not rented."""
    usd = cost_of(run).total
    if usd is None or not re.fullmatch(r"[\w.-]+", marker.run):
        return None
    return SpendingNote(run=marker.run, attempt=marker.attempt, usd=round(usd, 6), at=round(run.started))


def notes_in(body: str) -> list[SpendingNote]:
    """Return the notes in a pull request's body, without malformed ones."""
    found = []
    for match in _NOTE.findall(body):
        try:
            note = typed(SpendingNote(**read_json(match)))
            found.append(dataclasses.replace(note, usd=float(note.usd), at=float(note.at)))
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
    return found


def carried(before: str, body: str, *, limit: int) -> str:
    """Return `body` with those notes of the replaced body that still count and fit into `limit` code points."""
    ours = notes_in(body)
    if not ours:
        return body
    there = {note.identity for note in ours}
    for note in sorted(notes_in(before), key=lambda note: note.at, reverse=True):
        longer = f"{body}\n{note}"
        if note.identity not in there and note.at > ours[0].at - WINDOW_SECONDS and len(longer) <= limit:
            body = longer
    return body


def spent(
    note: SpendingNote,
    *,
    base: str,
    marker: Marker,
    forge: PublishForge,
    workflow: str = "",
    hourly: float | None = None,
) -> Spent:
    """Return the cost of a model's published trainings in the last `WINDOW_DAYS` days, this one included.

    Args:
        workflow: Name of the workflow; its failed runs published nothing, and are counted at most as long as they took.
        hourly: USD per hour of an instance, for those; not counted if None.

    Raises:
        PermissionDenied, ServiceError: The forge does not list the pull requests.
    """
    notes, failed = beside(
        lambda: list(_published(base, marker, forge)),
        lambda: _failed(forge, workflow, note.at - WINDOW_SECONDS) if workflow and hourly else [],
    )
    found = _sum(note, notes)
    unpublished = [run for run in failed if run.run_id not in {other.run for other in (note, *notes)}]
    usd = sum(run.seconds for run in unpublished) * (hourly or 0.0) / 3600
    return dataclasses.replace(found, failed=len(unpublished), failed_usd=usd)


def _failed(forge: PublishForge, workflow: str, since: float) -> list[FailedRun]:
    try:
        return forge.failed_runs(workflow, since=since)
    except CmlkitError:
        # In a private repository, it takes a permission that publishing does not need.
        return []


def _published(base: str, marker: Marker, forge: PublishForge) -> Iterator[SpendingNote]:
    login = forge.login()
    pull_requests = forge.pull_requests(base=base, state="all", limit=PULL_REQUESTS)
    bodies = (item.body for item in pull_requests if item.author == login and _is_about(item.body, marker))
    yield from (found for body in bodies for found in notes_in(body))


def _is_about(body: str, marker: Marker) -> bool:
    found = marker_in(body)
    return found is not None and found.is_about(marker)


def _sum(note: SpendingNote, others: Iterable[SpendingNote]) -> Spent:
    counted = {other.identity: other.usd for other in others if note.at - WINDOW_SECONDS < other.at <= note.at}
    counted[note.identity] = note.usd
    return Spent(usd=sum(counted.values()), runs=len(counted), days=WINDOW_DAYS)
