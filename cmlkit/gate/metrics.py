"""Metrics: finite numbers by name, read from the files that training scripts write."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cmlkit.errors import MetricsError
from cmlkit.files import YAML_NEXT_STEP, yaml_problem
from cmlkit.formats import is_number

SIZE_LIMIT_BYTES = 16 * 1024 * 1024
# PyYAML reads some 400 KB a second.
YAML_SIZE_LIMIT_BYTES = 1024 * 1024
DEPTH_LIMIT = 20
COUNT_LIMIT = 10_000

# A leading `neg` decides, then `_DOWN`, then `_UP`: `neg_mean_squared_error` goes up, `mean_squared_error` goes down.
_UP = (
    "accuracy",
    "auc",
    "average_precision",
    "bleu",
    "coverage",
    "dice",
    "explained_variance",
    "f1",
    "fbeta",
    "gain",
    "iou",
    "jaccard",
    "kappa",
    "map",
    "matthews",
    "mcc",
    "ndcg",
    "neg",
    "precision",
    "r2",
    "recall",
    "rouge",
    "score",
    "sensitivity",
    "specificity",
    "throughput",
)
_DOWN = (
    "brier",
    "cost",
    "deviance",
    "divergence",
    "duration",
    "ece",
    "error",
    "latency",
    "loss",
    "mae",
    "mape",
    "memory",
    "mse",
    "perplexity",
    "rmse",
    "rmsle",
    "seconds",
    "size",
    "time",
    "wer",
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of two models; a value is None if the model lacks it.

    Attributes:
        name: As the challenger writes it, else as the champion does.
        delta: Challenger minus champion.
        higher_is_better: None if the name does not tell.
        improved: None if the direction is unknown, or nothing changed.
    """

    name: str
    champion: float | None
    challenger: float | None
    higher_is_better: bool | None

    @property
    def delta(self) -> float | None:
        if self.champion is None or self.challenger is None:
            return None
        return self.challenger - self.champion

    @property
    def improved(self) -> bool | None:
        if not self.delta or self.higher_is_better is None:
            return None
        return (self.delta > 0) == self.higher_is_better


def key(name: str) -> str:
    """Return the form to compare names in: `Test Accuracy`, `test-accuracy` and `test_accuracy` are one metric."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def higher_is_better(name: str) -> bool | None:
    """Return whether higher is better, judging by the words in the name; None if no word is known."""
    words = key(name).replace(".", "_").replace("/", "_").split("_")
    joined = "_".join(words)
    if words[0] == "neg":
        return True
    for known, up in ((_DOWN, False), (_UP, True)):
        if any(word in words or (("_" in word or len(word) > 3) and word in joined) for word in known):
            return up
    return None


def diff(champion: Mapping[str, float] | None, challenger: Mapping[str, float]) -> tuple[Difference, ...]:
    """Return every metric of either model: the challenger's in its order, then those that only the champion has."""
    before = {key(name): (name, value) for name, value in (champion or {}).items()}
    after = {key(name): (name, value) for name, value in challenger.items()}
    return tuple(
        Difference(
            name=(after.get(item) or before[item])[0],
            champion=before[item][1] if item in before else None,
            challenger=after[item][1] if item in after else None,
            higher_is_better=higher_is_better((after.get(item) or before[item])[0]),
        )
        for item in dict.fromkeys([*after, *before])
    )


def read(paths: Iterable[str], directory: Path) -> dict[str, float]:
    """Read the metrics of all files, in the order of the files.

    Text holds `Name: number` or `name=number` lines; JSON and YAML may nest (`train.loss`); CSV holds `name,value`
    pairs, or columns, in which the last value counts: loggers leave a cell empty if a step measured nothing.

    Args:
        paths: Relative to `directory`; the suffix determines the format, and an unknown one is read as text.

    Raises:
        MetricsError: A file is missing, empty, larger than 16 MiB (YAML: 1 MiB) or malformed, a value is not a
            finite number or has no name, or a name occurs twice. The message has the file and, if known, the line.
    """
    found: dict[str, float] = {}
    names: dict[str, str] = {}
    for path in paths:
        for name, value in _read_file(path, directory / path):
            if not name.strip():
                raise MetricsError(f"{path}: the value {value:g} has no name.", next_step="Name each metric.")
            if (folded := key(name)) in names:
                raise MetricsError(
                    f"{path}: the metric {name!r} occurs twice, first in {names[folded]}.",
                    next_step="Give each metric a name of its own.",
                )
            names[folded] = path
            found[name] = value
            if len(found) > COUNT_LIMIT:
                raise MetricsError(f"{path}: there are more than {COUNT_LIMIT:,} metrics.")
    return found


def _read_file(path: str, file: Path) -> list[tuple[str, float]]:
    reader = _READERS.get(file.suffix.lower(), _from_text)
    pairs = reader(path, _text(path, file, YAML_SIZE_LIMIT_BYTES if reader is _from_yaml else SIZE_LIMIT_BYTES))
    if not pairs:
        raise MetricsError(
            f"{path} contains no metrics.", next_step="Write lines such as 'accuracy: 0.97', or JSON, YAML or CSV."
        )
    return pairs


def _text(path: str, file: Path, limit: int) -> str:
    try:
        size = file.stat().st_size
        if size > limit:
            raise MetricsError(
                f"{path} has {size / 2**20:,.1f} MiB; a metrics file of its format may have at most {limit // 2**20}.",
                next_step="Write only the metrics that the report should show.",
            )
        content = file.read_bytes()
    except FileNotFoundError:
        raise MetricsError(
            f"The metrics file {path} does not exist.",
            next_step="Let training write it, or correct the setting train.metrics.",
        ) from None
    except OSError as error:
        raise MetricsError(f"The metrics file {path} cannot be read: {error.strerror}.") from error
    if not content.strip():
        raise MetricsError(f"The metrics file {path} is empty.", next_step="Let training write its metrics there.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MetricsError(
            f"{path} is not UTF-8 text (byte {error.start}).", next_step="Write it with encoding='utf-8'."
        ) from error


def _number(path: str, name: str, value: Any, line: int | None = None) -> float:
    where = path if line is None else f"{path}:{line}"
    try:
        if isinstance(value, bool) or value is None:
            raise ValueError
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise MetricsError(
            f"{where}: {name!r} is {'a list' if isinstance(value, list) else _short(value)}, which is not a number.",
            next_step="Metrics are numbers; leave everything else out of the file.",
        ) from None
    if not math.isfinite(number):
        raise MetricsError(
            f"{where}: {name!r} is {number}.",
            next_step="A metric must be finite: see why the training diverged, or leave the metric out.",
        )
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _from_text(path: str, text: str) -> list[tuple[str, float]]:
    pairs = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, *value = (part.strip() for part in re.split("[:=]", line, maxsplit=1))
        if not value:
            raise MetricsError(
                f"{path}:{number}: {_short(line.strip())} is not a metric.",
                next_step="Write one 'name: number' per line.",
            )
        pairs.append((name, _number(path, name, value[0], number)))
    return pairs


def _unique(path: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
            raise MetricsError(f"{path}: the key {twice!r} occurs twice.", next_step="Keep one of the two.")
        return found

    return unique


def _from_json(path: str, text: str) -> list[tuple[str, float]]:
    try:
        return _flat(path, json.loads(text, object_pairs_hook=_unique(path)))
    except ValueError as error:
        raise MetricsError(f"{path} is not valid JSON: {error}.") from error
    except RecursionError:
        raise _too_deep(path) from None


def _from_yaml(path: str, text: str) -> list[tuple[str, float]]:
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise MetricsError(yaml_problem(path, error), next_step=YAML_NEXT_STEP) from error
    except RecursionError:
        raise _too_deep(path) from None
    return [] if document is None else _flat_nodes(path, document, seen=set())


def _flat_nodes(
    path: str, node: yaml.Node, *, seen: set[int], prefix: str = "", depth: int = 0
) -> list[tuple[str, float]]:
    """Flatten like `_flat`, but from nodes, which know their lines and repeated keys."""
    line = node.start_mark.line + 1
    if depth > DEPTH_LIMIT:
        raise _too_deep(path)
    if not isinstance(node, yaml.MappingNode):
        value = node.value if isinstance(node, yaml.ScalarNode) else []
        return [(prefix, _number(path, prefix or "the document", value, line))]
    if id(node) in seen:  # aliases of aliases would make a small file endless
        raise MetricsError(f"{path}:{line}: an alias repeats this mapping.", next_step="Write each metric once.")
    seen.add(id(node))
    pairs: list[tuple[str, float]] = []
    for name, child in _unique(path)([(str(name.value), child) for name, child in node.value]).items():
        pairs += _flat_nodes(path, child, seen=seen, prefix=f"{prefix}.{name}" if prefix else name, depth=depth + 1)
    return pairs


def _too_deep(path: str) -> MetricsError:
    return MetricsError(f"{path} nests deeper than {DEPTH_LIMIT} levels.", next_step="Write the metrics flat.")


def _flat(path: str, document: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, float]]:
    if depth > DEPTH_LIMIT:
        raise _too_deep(path)
    if not isinstance(document, dict):
        return [(prefix, _number(path, prefix or "the document", document))]
    pairs: list[tuple[str, float]] = []
    for name, value in document.items():
        pairs += _flat(path, value, f"{prefix}.{name}" if prefix else str(name), depth + 1)
    return pairs


def _from_csv(path: str, text: str) -> list[tuple[str, float]]:
    try:
        rows = list(_csv_rows(text))
    except csv.Error as error:
        raise MetricsError(f"{path} is not valid CSV: {error}.") from error
    for number, row in rows:
        if len(row) != len(rows[0][1]):
            raise MetricsError(
                f"{path}:{number}: there are {len(row)} values for {len(rows[0][1])} columns.",
                next_step="Write a header of names, and rows with as many numbers.",
            )
    if rows and _holds_pairs([row for _, row in rows]):
        body = rows if is_number(rows[0][1][1]) else rows[1:]
        return [(row[0], _number(path, row[0], row[1], number)) for number, row in body if row[0]]
    return _last_values(path, rows)


def _csv_rows(text: str) -> Iterable[tuple[int, list[str]]]:
    """Yield the line number and stripped cells of each row that is not blank."""
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, [cell.strip() for cell in row]


def _holds_pairs(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table is `name,value` rows, with or without a header, instead of named columns of numbers."""
    if len(rows[0]) != 2 or len(rows) == 1:
        return len(rows[0]) == 2 and is_number(rows[0][1])
    return bool(rows[1][0]) and not is_number(rows[1][0])


def _last_values(path: str, rows: Sequence[tuple[int, list[str]]]) -> list[tuple[str, float]]:
    """Return the last value of each named column: the index that pandas writes has no name."""
    last = {}
    for number, row in rows[1:]:
        last.update({column: (number, cell) for column, cell in enumerate(row) if cell})
    named = [(column, name) for column, name in enumerate(rows[0][1]) if name and column in last] if rows else []
    return [(name, _number(path, name, last[column][1], last[column][0])) for column, name in named]


_READERS = {".json": _from_json, ".yaml": _from_yaml, ".yml": _from_yaml, ".csv": _from_csv, ".tsv": _from_csv}
