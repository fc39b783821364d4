"""Scoring: two models on the same test data, by the project's own command, where training is a command too."""

from __future__ import annotations

import csv
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmlkit.errors import CmlkitError, Interrupted, MetricsError, ModelError
from cmlkit.gate import metrics
from cmlkit.gate.significance import paired_interval
from cmlkit.model.loading import pointer_at
from cmlkit.model.manifest import manifest_path, read_manifest
from cmlkit.records.training_run import Interval, Rematch
from cmlkit.stores.base import hashed
from cmlkit.stores.download import download, source_for
from cmlkit.training.command import run_shell

# What the command finds in its environment.
MODEL_VARIABLE, SCORES_VARIABLE = "CMLKIT_MODEL", "CMLKIT_SCORES"
SIZE_LIMIT_BYTES = 256 * 1024**2
# A metrics file may be rounded; what differs by more was measured on other data, or in another way.
TOLERANCE = 0.01

Scores = Mapping[str, float | Sequence[float]]
"""Metric -> its value, or its value for each test sample, of which it is the mean."""


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A model that was there before training, kept where training does not write, with the hash of its file."""

    file: Path
    sha256: str


@contextmanager
def kept_champion(path: Path, warn: Callable[[str], None]) -> Iterator[Champion | None]:
    """The model that lies where training is going to write, fetched and verified; None where there is none.

    Args:
        warn: Told why there is a champion that cannot be scored.
    """
    if not Path(manifest_path(path)).is_file():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="cmlkit-champion-") as folder:
        try:
            champion = _kept(path, Path(folder, path.name))
        except (CmlkitError, OSError) as error:
            warn(f"The champion is not scored on the new test data: {error}")
            champion = None
        yield champion


def _kept(path: Path, copy: Path) -> Champion:
    manifest = read_manifest(path)
    pointer = pointer_at(path, manifest)
    if pointer is not None:
        download(pointer, copy, source_for(pointer, directory=path.resolve().parent))
    else:
        shutil.copyfile(path, copy)
    if hashed(copy)[0] != manifest.sha256:
        raise ModelError(f"{path} is not the file that its manifest describes.")
    return Champion(file=copy, sha256=manifest.sha256)


def score_both(
    command: str,
    *,
    champion: Champion,
    challenger: Path,
    known: Mapping[str, float],
    directory: Path,
    environ: Mapping[str, str],
    warn: Callable[[str], None],
    output: int | None = None,
) -> Rematch | None:
    """How the champion does on the test data that the challenger was scored on; None where that cannot be told.

    Args:
        command: Scores the model at $CMLKIT_MODEL, and writes its scores to $CMLKIT_SCORES.
        known: The challenger's metrics, as training wrote them.
        warn: Told why something is not compared.
        output: File descriptor for the command's standard output; our own when None.

    Raises:
        Interrupted: A signal ended the command.
    """
    try:
        now, before = (
            _scored(command, model, directory=directory, environ=environ, output=output)
            for model in (challenger, champion.file)
        )
    except Interrupted:
        raise
    except CmlkitError as error:
        warn(f"The champion is not scored on the new test data: {error}")
        return None
    comparable = _comparable(now, before, known, warn)
    return Rematch(
        champion=champion.sha256,
        metrics={name: _mean(before[name]) for name in comparable},
        intervals=_intervals(now, before, comparable, warn),
    )


def read_scores(file: Path) -> Scores:
    """What a score command wrote: a JSON object of numbers or lists of numbers, or a CSV table with a row a sample.

    Raises:
        MetricsError: There is no such file, it is too large, or it holds something else.
    """
    try:
        if file.stat().st_size > SIZE_LIMIT_BYTES:
            raise MetricsError(f"The score command wrote more than {SIZE_LIMIT_BYTES // 1024**2} MiB.")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MetricsError(
            f"The score command wrote no scores: {error}.",
            next_step=f"Let it write JSON or CSV to the file that ${SCORES_VARIABLE} names.",
        ) from error
    scores = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text)
    if not scores:
        raise MetricsError("The score command wrote no scores.")
    return scores


def _scored(command: str, model: Path, *, directory: Path, environ: Mapping[str, str], output: int | None) -> Scores:
    with tempfile.TemporaryDirectory(prefix="cmlkit-scores-") as folder:
        file = Path(folder, "scores")
        variables = {MODEL_VARIABLE: str(model), SCORES_VARIABLE: str(file)}
        run_shell(command, directory=directory, environ={**environ, **variables}, output=output)
        return read_scores(file)


def _from_json(text: str) -> dict[str, float | list[float]]:
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise MetricsError(f"The score command wrote JSON that cannot be read: {error}.") from error
    return {
        name: [_number(name, item) for item in value] if isinstance(value, list) else _number(name, value)
        for name, value in document.items()
    }


def _from_csv(text: str) -> dict[str, float | list[float]]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
        raise MetricsError(
            "The score command wrote neither a JSON object nor a CSV table.",
            next_step='Such as {"accuracy": [1, 0, 1]}, or a header of metrics and a row for each sample.',
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
        raise MetricsError(f"The score command says {str(value)[:40]!r} of {name}, which is no finite number.")
    return number


def _comparable(now: Scores, before: Scores, known: Mapping[str, float], warn: Callable[[str], None]) -> list[str]:
    """Metrics that both models have, and of which the challenger's score is what training says."""
    there = {metrics.key(name): value for name, value in known.items()}
    found = []
    for name in now:
        if name not in before or metrics.key(name) not in there:
            continue
        scored, said = _mean(now[name]), there[metrics.key(name)]
        if math.isclose(scored, said, rel_tol=TOLERANCE, abs_tol=1e-9):
            found.append(name)
        else:
            warn(
                f"The score command says {name} is {scored:.6g}, and training says {said:.6g}: the champion's is not"
                " compared, as that is not the same data or measure."
            )
    return found


def _intervals(now: Scores, before: Scores, names: Sequence[str], warn: Callable[[str], None]) -> dict[str, Interval]:
    intervals: dict[str, Interval] = {}
    for name in names:
        ours, theirs = now[name], before[name]
        if isinstance(ours, float) or isinstance(theirs, float):
            continue
        try:
            intervals[name] = paired_interval(theirs, ours)
        except ModuleNotFoundError:
            warn("There are no intervals without numpy: pip install 'cmlkit-ci[score]'.")
            return {}
        except CmlkitError as error:
            warn(f"There is no interval of {name}: {error.message}")
    return intervals


def _mean(scores: float | Sequence[float]) -> float:
    if isinstance(scores, float):
        return scores
    return math.fsum(scores) / len(scores) if scores else math.nan
