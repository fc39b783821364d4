"""Scores of a model, from the project's own score command."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.bounds.files import read_text
from cmlkit.errors import MetricsError
from cmlkit.records.json_text import read_json
from cmlkit.settings import variables
from cmlkit.training.command import run_shell

# Environment variables of the score command.
MODEL_VARIABLE, SCORES_VARIABLE = variables.MODEL, variables.SCORES
SIZE_LIMIT_BYTES = 256 * 1024**2

Scores = Mapping[str, float | Sequence[float]]
"""Metric -> its value, or its values for the single test samples, whose mean it is."""


@dataclass(frozen=True, kw_only=True)
class ScoreCommand:
    """The project's own command, which scores the model at $CMLKIT_MODEL and writes to $CMLKIT_SCORES.

    Attributes:
        output: File descriptor for its standard output; our own if None.
    """

    line: str
    directory: Path
    environ: Mapping[str, str]
    output: int | None = None

    def scores_of(self, model: Path) -> Scores:
        """Run the command on a model's file and return the scores that it writes.

        Raises:
            TrainingFailed: The command ended with an error or was killed.
            MetricsError: The command wrote no scores.
            Interrupted: A signal ended the command.
        """
        with tempfile.TemporaryDirectory(prefix="cmlkit-scores-") as folder:
            file = Path(folder, "scores")
            variables = {MODEL_VARIABLE: str(model), SCORES_VARIABLE: str(file)}
            run_shell(self.line, directory=self.directory, environ={**self.environ, **variables}, output=self.output)
            return read_scores(file)


def read_scores(file: Path) -> Scores:
    """Read a JSON object of numbers or lists of numbers, or a CSV table with a row for each sample.

    Raises:
        MetricsError: The file is missing, is too large, or holds something else.
    """
    try:
        text = read_text(file, SIZE_LIMIT_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MetricsError(
            f"The score command wrote no scores: {why}.",
            next_step=f"Make it write JSON or CSV to the file that ${SCORES_VARIABLE} names.",
        ) from error
    scores = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text)
    if not scores:
        raise MetricsError("The score command wrote no scores.")
    return scores


def mean(scores: float | Sequence[float]) -> float:
    """Return the value of a metric; NaN if it has no samples."""
    if isinstance(scores, float):
        return scores
    return math.fsum(scores) / len(scores) if scores else math.nan


def _from_json(text: str) -> dict[str, float | list[float]]:
    try:
        document: dict[str, Any] = read_json(text)
    except ValueError as error:
        raise MetricsError(f"The score command wrote JSON that cannot be read: {error}.") from error
    return {
        name: [_number(name, item) for item in value] if isinstance(value, list) else _number(name, value)
        for name, value in document.items()
    }


def _from_csv(text: str) -> dict[str, float | list[float]]:
    try:
        rows = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise MetricsError(f"The score command wrote CSV that cannot be read: {error}.") from error
    if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
        raise MetricsError(
            "The score command wrote neither a JSON object nor a CSV table.",
            next_step='Write {"accuracy": [1, 0, 1]} or the like, or a header of metrics and a row for each sample.',
        )
    columns = zip(*rows[1:], strict=True)
    return {
        name.strip(): [_number(name, item) for item in column] for name, column in zip(rows[0], columns, strict=True)
    }


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise MetricsError(f"The score command wrote {str(value)[:40]!r} for {name}, which is not a finite number.")
    return number
