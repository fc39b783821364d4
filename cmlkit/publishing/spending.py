"""Spending notes: the cost of each published training, in a hidden comment of its pull request."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cmlkit.forges.base import PublishForge
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.records.cost import Spent, cost_of
from cmlkit.records.training_run import TrainingRun

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
        return f"<!-- cmlkit-cost: {json.dumps(dataclasses.asdict(self))} -->"

    @property
    def identity(self) -> tuple[str, int]:
        return self.run, self.attempt


def note_of(run: TrainingRun, marker: Marker) -> SpendingNote | None:
    """Return the note for a training; None if its cost is unknown, as on a machine that is not rented."""
    usd = cost_of(run)
    if usd is None or not re.fullmatch(r"[\w.-]+", marker.run):
        return None
    return SpendingNote(run=marker.run, attempt=marker.attempt, usd=round(usd, 6), at=round(run.started))


def notes_in(body: str) -> list[SpendingNote]:
    """Return the notes in a pull request's body, without malformed ones."""
    found = []
    for match in _NOTE.findall(body):
        try:
            note = SpendingNote(**json.loads(match))
            found.append(dataclasses.replace(note, usd=float(note.usd), at=float(note.at)))
        except (ValueError, TypeError):
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


def spent(note: SpendingNote, *, base: str, marker: Marker, forge: PublishForge) -> Spent:
    """Return the cost of a model's published trainings in the last `WINDOW_DAYS` days, this one included.

    Raises:
        PermissionDenied, ServiceError: The forge does not list the pull requests.
    """
    login = forge.login()
    pull_requests = forge.pull_requests(base=base, state="all", limit=PULL_REQUESTS)
    bodies = (item.body for item in pull_requests if item.author == login and _is_about(item.body, marker))
    return _sum(note, (found for body in bodies for found in notes_in(body)))


def _is_about(body: str, marker: Marker) -> bool:
    found = marker_in(body)
    return found is not None and found.is_about(marker)


def _sum(note: SpendingNote, others: Iterable[SpendingNote]) -> Spent:
    counted = {other.identity: other.usd for other in others if note.at - WINDOW_SECONDS < other.at <= note.at}
    counted[note.identity] = note.usd
    return Spent(usd=sum(counted.values()), runs=len(counted), days=WINDOW_DAYS)
