"""The hidden marker that identifies cmlkit's own pull requests and comments."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal

from cmlkit.records.json_text import json_text, read_json
from cmlkit.records.typed import typed

Kind = Literal["pull-request", "report", "superseded", "failure"]

_MARKER = re.compile(r"<!-- cmlkit: (\{.*?\}) -->")


@dataclass(frozen=True, kw_only=True)
class Marker:
    """The subject of a pull request or a comment, and the run that wrote it.

    Attributes:
        subject: Repository path of the model, so that two models in one repository do not collide.
        run: GitHub's id of the run, or another id outside Actions.
    """

    kind: Kind
    subject: str
    run: str
    attempt: int = 1

    def __str__(self) -> str:
        # `--` and `>` could end the comment early.
        text = json_text(asdict(self)).replace("--", "\\u002d\\u002d").replace(">", "\\u003e")
        return f"<!-- cmlkit: {text} -->"

    def is_about(self, other: Marker) -> bool:
        return (self.kind, self.subject) == (other.kind, other.subject)

    def is_of_run(self, other: Marker) -> bool:
        return self.is_about(other) and (self.run, self.attempt) == (other.run, other.attempt)

    def is_older_than(self, other: Marker) -> bool:
        """Return whether the other run is known to be later: run ids of Actions grow, others have no order."""
        if self.run.isdecimal() and other.run.isdecimal():
            return (int(self.run), self.attempt) < (int(other.run), other.attempt)
        return self.run == other.run and self.attempt < other.attempt


def marker_in(body: str) -> Marker | None:
    """Return the first marker in a body, or None."""
    match = _MARKER.search(body)
    if match is None:
        return None
    try:
        return typed(Marker(**read_json(match[1])))
    except (ValueError, TypeError):
        return None
