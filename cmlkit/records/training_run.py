"""The training run: the results of one training, as values that `cmlkit publish` reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cmlkit.errors import SettingsError
from cmlkit.formats import number, plural
from cmlkit.records.json_text import finite, json_text, read_json
from cmlkit.records.redaction import NOTHING_KNOWN, redacted, redacted_command
from cmlkit.records.typed import typed
from cmlkit.sinks.secrets import Secrets

# Where `cmlkit train` leaves the run for `cmlkit publish`, below the working directory.
RECORD = Path(".cmlkit/run.json")
# What it leaves there instead if training found nothing to do: the reason.
UNCHANGED = Path(".cmlkit/unchanged.txt")
# Attribute -> its key in the record, for those that have been renamed since the first records were written.
_KEYS = {"rescored": "rematch"}
_OPTIONAL = frozenset(
    {
        "model_format",
        "model_notes",
        "columns",
        "target",
        "percentages",
        "left_out",
        "search",
        "accelerator",
        "uncommitted",
        "hosted_cores",
        "setup_seconds",
        "cache_seconds",
        "data_seconds",
    }
)

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
        profiles: Column -> its distribution, as `cmlkit.data.profile.profile` writes it.
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
        low: Minus infinity if the samples are too few to tell; `high` is infinity then.
        samples: Number of test samples that both models were scored on.
        method: `mcnemar` for right and wrong, `t` for other scores, `none` for too few samples; empty if unknown, as in
            records of 0.1.0.
        p_value: Probability of a difference at least as large if the models are equally good; None if unknown.
    """

    low: float
    high: float
    samples: int
    level: float = 0.95
    method: Literal["", "mcnemar", "t", "none"] = ""
    p_value: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether there were enough samples for an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def shows_difference(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"[{number(self.low, 3)}, {number(self.high, 3)}]" if self.is_known else "[unknown]"

    @property
    def sentence(self) -> str:
        """The sentence for an interval that shows no difference."""
        if not self.is_known:
            return f"{plural(self.samples, 'sample')} {'is' if self.samples == 1 else 'are'} too few to tell"
        return f"no difference that {plural(self.samples, 'sample')} could show"

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Interval:
        ends = (record["low"], record["high"])
        low, high = (-math.inf, math.inf) if None in ends else ends
        return cls(**{**record, "low": low, "high": high})

    def to_record(self) -> dict[str, Any]:
        """Return the fields that are known, as JSON has no infinity; of a record of 0.1.0 those that it had."""
        known = {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, "")}
        return known if self.is_known else {**known, "low": None, "high": None}


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
        found = {name: Interval.from_record(item) for name, item in record["intervals"].items()}
        intervals = {name: item for name, item in found.items() if item.is_known or item.method == "none"}
        return cls(champion=record["champion"], metrics=finite(record["metrics"]), intervals=intervals)


@dataclass(frozen=True, kw_only=True)
class InstanceFacts:
    """The instance that the job runs on, as the boot script describes it.

    Attributes:
        market: `spot` or `on-demand`.
        price: USD per hour when it was launched; None if unknown. So is `disk_price`, that of its root volume, and
            `address_price`, that of its public IPv4 address, which is 0 if it has none.
        minute_price: USD that the forge charges for a minute of the job.
        started: Boot time in seconds since the epoch; None if unknown.
        marks: Step of the boot script -> when it began, in seconds since the epoch on the instance's clock.
        launcher: Name of the runner that the launch ran on; empty if it ran outside of a job.
    """

    instance_id: str
    instance_type: str
    market: str
    region: str
    price: float | None = None
    disk_price: float | None = None
    address_price: float | None = None
    minute_price: float = 0.0
    started: float | None = None
    marks: Mapping[str, float] = dataclasses.field(default_factory=dict)
    launcher: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return the facts without those further ones that are unknown or none, as in records of 0.1.0."""
        further = {"disk_price": self.disk_price, "address_price": self.address_price}
        left_out = {name for name, price in further.items() if price is None}
        left_out |= {name for name in ("minute_price", "marks", "launcher") if not getattr(self, name)}
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in left_out}


@dataclass(frozen=True, kw_only=True)
class PlotTable:
    """The content of a plot, as rows of plain text below a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def without_secrets(self, secrets: Secrets) -> PlotTable:
        """Return the table with `***` for secrets in its cells."""
        header, *rows = (tuple(map(secrets.hidden, row)) for row in (self.header, *self.rows))
        return PlotTable(header=header, rows=tuple(rows))

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
        model_format: A name in `cmlkit.records.model_format.FORMATS`; empty in records of 0.1.0.
        model_notes: Sentences about what loading the model needs besides its library.
        percentages: Names of metrics whose number was written as a percentage: 93 % is 93.
        left_out: Name -> reason, for values in the metrics files that are not among the metrics.
        libraries: Distribution name -> version, with `python` among them.
        started: Seconds since the epoch.
        commit: git commit of the code; empty outside a repository.
        instance: The EC2 instance that it ran on, if it was one.
        rescored: The champion's scores on the same test data, if known.
        plot_tables: Plot -> its content as a table, if known.
        columns: Feature -> type, in the order of training: number, boolean, category or date; empty if unknown.
        target: The column that the model predicts; empty if unknown.
        accelerator: Sentence about what an accelerator did in training, as it told; empty if none was asked for.
        uncommitted: Repository paths of files that differed from `commit` when training began, without its outputs.
        search: The parameters that a search has tried, the best first; None if there was no search.
        hosted_cores: CPU cores of the machine if the CI provided it; 0 on anybody else's, and in records of 0.1.0.
        setup_seconds: Wall time of the setup; 0 without one, and in records of 0.1.0.
        cache_seconds: Wall time of restoring the cache before it; 0 without one.
        data_seconds: Wall time that the fingerprints of the data took; 0 without any, and in records of 0.1.0.
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
    model_format: str = ""
    model_notes: tuple[str, ...] = ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    target: str = ""
    percentages: tuple[str, ...] = ()
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    search: PlotTable | None = None
    accelerator: str = ""
    uncommitted: tuple[str, ...] = ()
    hosted_cores: int = 0
    setup_seconds: float = 0.0
    cache_seconds: float = 0.0
    data_seconds: float = 0.0

    def to_json(self) -> str:
        record = {_KEYS.get(name, name): value for name, value in dataclasses.asdict(self).items()}
        if self.rescored is not None:
            intervals = {name: interval.to_record() for name, interval in self.rescored.intervals.items()}
            record[_KEYS["rescored"]]["intervals"] = intervals
        if self.instance is not None:
            record["instance"] = self.instance.to_record()
        # Facts that not every record has are left out, as in records of 0.1.0.
        shown = {key: value for key, value in record.items() if value or key not in _OPTIONAL}
        return json_text(shown, indent=2) + "\n"

    def without_secrets(self, secrets: Secrets = NOTHING_KNOWN) -> TrainingRun:
        """Return the run with `***` for secrets in all that people read; paths, metrics and hashes stay."""
        return dataclasses.replace(
            self,
            command=redacted_command(self.command, secrets),
            setup=redacted_command(self.setup, secrets),
            parameters=redacted(self.parameters, secrets),
            model_notes=tuple(map(secrets.hidden, self.model_notes)),
            left_out=secrets.hidden_in(self.left_out),
            plot_tables={path: table.without_secrets(secrets) for path, table in self.plot_tables.items()},
            search=self.search and self.search.without_secrets(secrets),
            accelerator=secrets.hidden(self.accelerator),
        )

    @property
    def rematch(self) -> Rescored | None:
        """Return `rescored`, for scripts that know it under its first name."""
        return self.rescored

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str = "the run record") -> TrainingRun:
        """Read a run that `to_json` wrote.

        Raises:
            SettingsError: `text` is not a training run; the message names `source`.
        """
        try:
            record: dict[str, Any] = read_json(text)
            record["metrics"] = finite(record["metrics"])
            # Seconds that were no number are null there.
            used: dict[str, Any] = {name: math.nan if n is None else n for name, n in record["resources"].items()}
            record["resources"] = Resources(**used)
            record["data"] = tuple(DataFingerprint(**item) for item in record["data"])
            record["instance"] = InstanceFacts(**record["instance"]) if record.get("instance") else None
            rescored = record.pop(_KEYS["rescored"], None)
            record["model_notes"] = tuple(record.get("model_notes", ()))
            record["percentages"] = tuple(record.get("percentages", ()))
            record["uncommitted"] = tuple(record.get("uncommitted", ()))
            record["rescored"] = Rescored.from_record(rescored) if rescored else None
            record["search"] = PlotTable.from_record(record["search"]) if record.get("search") else None
            tables = record.get("plot_tables", {})
            record["plot_tables"] = {path: PlotTable.from_record(table) for path, table in tables.items()}
            lists = {name: tuple(record[name]) for name in ("plots", "metrics_files")}
            # Files of parameters have lists and objects, too.
            # Those of before have the secrets that were in the command.
            return typed(cls(**{**record, **lists}), free=["parameters"]).without_secrets()
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise SettingsError(
                f"{source} is not a record of a training run: {error!r}.", next_step="Run cmlkit train again."
            ) from error
