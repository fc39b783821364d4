"""The training run: the results of one training, as values that `cmlkit publish` reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cmlkit.errors import SettingsError
from cmlkit.formats import number, plural

# Where `cmlkit train` leaves the run for `cmlkit publish`, below the working directory.
RECORD = Path(".cmlkit/run.json")
# Attribute -> its key in the record, for those that have been renamed since the first records were written.
_KEYS = {"rescored": "rematch"}

Parameter = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources that training used: wall and CPU seconds (children included), peak resident memory in bytes."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class DataFingerprint:
    """One data file or folder as training saw it.

    Attributes:
        path: As declared, relative to the working directory.
        sha256: Hash of the file, or of the sorted relative paths and hashes of a folder's files.
        size: Bytes.
        rows: Data rows (without headers), summed over a folder; None if the format is not tabular.
        columns: Columns; None if not tabular, or not the same in all files of a folder.
        profiles: Numeric column -> its distribution, as `cmlkit.data.drift.profile` writes it.
    """

    path: str
    sha256: str
    size: int
    rows: int | None = None
    columns: int | None = None
    profiles: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Interval that has the true difference, challenger minus champion, with probability `level`.

    Attributes:
        samples: Number of test samples that both models were scored on.
    """

    low: float
    high: float
    samples: int
    level: float = 0.95

    @property
    def shows_difference(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"[{number(self.low)}, {number(self.high)}]"

    @property
    def sentence(self) -> str:
        """The sentence for an interval that shows no difference."""
        return f"no difference that {plural(self.samples, 'sample')} could show"


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """The champion, scored on the same test data as the challenger.

    Attributes:
        champion: SHA-256 of the champion's model file.
        metrics: Name -> the champion's value on this data.
        intervals: Name -> interval of the true difference, for metrics that are a mean over samples.
    """

    champion: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Rescored:
        intervals = {name: Interval(**item) for name, item in record["intervals"].items()}
        return cls(champion=record["champion"], metrics=record["metrics"], intervals=intervals)


@dataclass(frozen=True, kw_only=True)
class InstanceFacts:
    """The instance that the job runs on, as the boot script describes it.

    Attributes:
        market: `spot` or `on-demand`.
        price: USD per hour; None if unknown.
        started: Boot time in seconds since the epoch; None if unknown.
    """

    instance_id: str
    instance_type: str
    market: str
    region: str
    price: float | None = None
    started: float | None = None


@dataclass(frozen=True, kw_only=True)
class PlotTable:
    """The content of a plot, as rows of plain text below a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> PlotTable:
        return cls(header=tuple(record["header"]), rows=tuple(map(tuple, record["rows"])))


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """The results of one training. Paths are relative to the working directory.

    Attributes:
        mode: `command` or `estimator`.
        command: The command line, or the estimator's import path; `setup` is the command that prepared training.
        metrics: Name -> finite number, in the order of the files.
        parameters: Name -> value, such as `max_depth`.
        model: The model file.
        model_class: Import path of the model's class; empty if unknown.
        libraries: Distribution name -> version, with `python` among them.
        started: Seconds since the epoch.
        commit: git commit of the code; empty outside a repository.
        instance: The EC2 instance that it ran on, if it was one.
        rescored: The champion's scores on the same test data, if known.
        plot_tables: Plot -> its content as a table, if known.
    """

    mode: Literal["command", "estimator"]
    command: str
    metrics: Mapping[str, float]
    model: str
    metrics_files: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    model_class: str = ""
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict)
    data: tuple[DataFingerprint, ...] = ()
    resources: Resources
    started: float
    commit: str = ""
    instance: InstanceFacts | None = None
    rescored: Rescored | None = None
    plot_tables: Mapping[str, PlotTable] = dataclasses.field(default_factory=dict)
    setup: str = ""

    def to_json(self) -> str:
        record = {_KEYS.get(name, name): value for name, value in dataclasses.asdict(self).items()}
        return json.dumps(record, indent=2) + "\n"

    @property
    def rematch(self) -> Rescored | None:
        """Return `rescored`, for scripts that know it under its first name."""
        return self.rescored

    @classmethod
    def from_json(cls, text: str, *, source: str = "the run record") -> TrainingRun:
        """Read a run that `to_json` wrote.

        Raises:
            SettingsError: `text` is not a training run; the message names `source`.
        """
        try:
            record: dict[str, Any] = json.loads(text)
            record["resources"] = Resources(**record["resources"])
            record["data"] = tuple(DataFingerprint(**item) for item in record["data"])
            record["instance"] = InstanceFacts(**record["instance"]) if record.get("instance") else None
            rescored = record.pop(_KEYS["rescored"], None)
            record["rescored"] = Rescored.from_record(rescored) if rescored else None
            tables = record.get("plot_tables", {})
            record["plot_tables"] = {path: PlotTable.from_record(table) for path, table in tables.items()}
            return cls(**{**record, "plots": tuple(record["plots"]), "metrics_files": tuple(record["metrics_files"])})
        except (ValueError, TypeError, KeyError) as error:
            raise SettingsError(
                f"{source} is not a record of a training run: {error!r}.", next_step="Run cmlkit train again."
            ) from error
