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

_ENTRY = re.compile(r"<!-- cmlkit-cost: (\{[^<>]*\}) -->")


@dataclass(frozen=True, kw_only=True)
class Entry:
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


def entry_of(run: TrainingRun, marker: Marker) -> Entry | None:
    """Return the note for a training; None if its cost is unknown, as on a machine that is not rented."""
    usd = cost_of(run)
    if usd is None or not re.fullmatch(r"[\w.-]+", marker.run):
        return None
    return Entry(run=marker.run, attempt=marker.attempt, usd=round(usd, 6), at=round(run.started))


def entries_in(body: str) -> list[Entry]:
    """Return the notes in a pull request's body, without malformed ones."""
    found = []
    for match in _ENTRY.findall(body):
        try:
            entry = Entry(**json.loads(match))
            found.append(dataclasses.replace(entry, usd=float(entry.usd), at=float(entry.at)))
        except (ValueError, TypeError):
            continue
    return found


def carried(before: str, body: str, *, limit: int) -> str:
    """Return `body` with those notes of the replaced body that still count and fit into `limit` code points."""
    ours = entries_in(body)
    if not ours:
        return body
    there = {entry.identity for entry in ours}
    for entry in sorted(entries_in(before), key=lambda entry: entry.at, reverse=True):
        longer = f"{body}\n{entry}"
        if entry.identity not in there and entry.at > ours[0].at - WINDOW_SECONDS and len(longer) <= limit:
            body = longer
    return body


def spent(entry: Entry, *, base: str, marker: Marker, forge: PublishForge) -> Spent:
    """Return the cost of a model's published trainings in the last `WINDOW_DAYS` days, this one included.

    Raises:
        PermissionDenied, ServiceError: The forge does not list the pull requests.
    """
    login = forge.login()
    pull_requests = forge.pull_requests(base=base, state="all", limit=PULL_REQUESTS)
    bodies = (item.body for item in pull_requests if item.author == login and _is_about(item.body, marker))
    return _sum(entry, (found for body in bodies for found in entries_in(body)))


def _is_about(body: str, marker: Marker) -> bool:
    found = marker_in(body)
    return found is not None and found.is_about(marker)


def _sum(entry: Entry, others: Iterable[Entry]) -> Spent:
    counted = {other.identity: other.usd for other in others if entry.at - WINDOW_SECONDS < other.at <= entry.at}
    counted[entry.identity] = entry.usd
    return Spent(usd=sum(counted.values()), runs=len(counted), days=WINDOW_DAYS)
