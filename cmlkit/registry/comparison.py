"""Comparison of two versions of a model, from their manifests alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.data.drift import ColumnDrift, drifts
from cmlkit.errors import ModelError, SettingsError
from cmlkit.formats import number, short_hash, signed, size
from cmlkit.gate import criteria
from cmlkit.gate.difference import Difference, Measured, differences
from cmlkit.git import checkout, history
from cmlkit.model.manifest import ModelManifest, manifest_path, read_manifest
from cmlkit.model.profiles import profiles_path, with_profiles
from cmlkit.records.training_run import DataFingerprint
from cmlkit.registry.versions import model_name, promoted, tag_prefix
from cmlkit.report.markdown import table, text
from cmlkit.settings.schema import GateSpec

WORKING_TREE, PRODUCTION, CHAMPION = "working tree", "production", "champion"
NONE = "–"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two models in a comparison.

    Attributes:
        label: Name for people: a branch, a tag, a file, `working tree`.
        commit: The commit that it was read from; empty for a file.
    """

    label: str
    manifest: ModelManifest
    commit: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A parameter, library or fact that differs; None if a side lacks it."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """A data file or folder that differs; None if a side did not read it."""

    path: str
    before: DataFingerprint | None
    after: DataFingerprint | None

    @property
    def sentence(self) -> str:
        """The change in words: `new`, `gone`, `+100 rows` or `changed`."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        if self.before.rows is not None and self.after.rows is not None and self.before.rows != self.after.rows:
            return f"{signed(self.after.rows - self.before.rows)} rows"
        return "changed"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of plain text below a header; `numeric` names the columns of numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The differences between two models.

    Attributes:
        metrics: Every metric of either, changed or not.
        parameters, libraries, data: Only those that differ.
        moved: Columns of the data whose distribution moved, the farthest first.
    """

    before: Side
    after: Side
    metrics: tuple[Difference, ...]
    parameters: tuple[Change, ...]
    libraries: tuple[Change, ...]
    data: tuple[DataChange, ...]
    moved: tuple[ColumnDrift, ...]

    @property
    def changed(self) -> bool:
        """Whether the model files differ."""
        return self.before.manifest.sha256 != self.after.manifest.sha256

    def tables(self) -> tuple[Table, ...]:
        """Return a table for each kind of difference; empty ones are left out. Equal metrics are listed, too."""
        sides = (self.before.label, self.after.label)
        found = (
            Table(
                title="Metrics",
                header=("Metric", *sides, "Change", ""),
                rows=tuple(map(_metric_row, self.metrics)),
                numeric=(*sides, "Change"),
            ),
            Table(title="Parameters", header=("Parameter", *sides), rows=_rows(self.parameters)),
            Table(title="Environment", header=("Library", *sides), rows=_rows(self.libraries)),
            Table(title="Data", header=("Data", *sides, "Change"), rows=tuple(map(_data_row, self.data))),
            Table(
                title="Drift",
                header=("Column", "Stability index", "Before", "Now"),
                rows=tuple(map(_drift_row, self.moved)),
                numeric=("Stability index", "Before", "Now"),
            ),
            Table(title="Model", header=("Model", *sides), rows=_rows(tuple(self._facts()))),
        )
        return tuple(item for item in found if item.rows)

    def markdown(self) -> str:
        """Return the tables as GitHub's Markdown, with all names escaped."""
        return "\n\n".join(f"### {item.title}\n\n{_markdown(item)}" for item in self.tables())

    def _repr_markdown_(self) -> str:
        """Return what a notebook shows."""
        return self.markdown()

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "before": _side(self.before),
            "after": _side(self.after),
            "changed": self.changed,
            "metrics": [
                {
                    "name": item.name,
                    "before": item.champion,
                    "after": item.challenger,
                    "delta": item.delta,
                    "higher_is_better": item.higher_is_better,
                    "improved": item.improved,
                }
                for item in self.metrics
            ],
            "parameters": {item.name: {"before": item.before, "after": item.after} for item in self.parameters},
            "libraries": {item.name: {"before": item.before, "after": item.after} for item in self.libraries},
            "data": [{"path": item.path, "change": item.sentence} for item in self.data],
            "drift": [{"column": item.name, "stability_index": item.stability} for item in self.moved],
        }

    def _facts(self) -> Iterator[Change]:
        before, after = self.before.manifest, self.after.manifest
        yield Change(name="SHA-256", before=short_hash(before.sha256), after=short_hash(after.sha256))
        grown = f" ({signed_size(after.size - before.size)})" if after.size != before.size else ""
        yield Change(name="Size", before=size(before.size), after=size(after.size) + grown)
        if before.class_path != after.class_path:
            yield Change(name="Class", before=before.class_path or None, after=after.class_path or None)
        yield Change(name="Trained", before=before.created or None, after=after.created or None)


def diff_models(
    directory: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str],
    before: str = "",
    after: str = "",
    base: str = "",
    rules: Sequence[str] = (),
    gate: GateSpec | None = None,
) -> Comparison:
    """Compare two versions of a model, by default the base branch's with the one in the working tree.

    Args:
        directory: A folder in a clone, in which files are looked up; no network is used.
        model: Model file, relative to `directory`.
        before, after: A model file or its manifest; `production`, or the number of a promotion; `champion`; or a
            branch, a tag or a commit.
        base: The champion's branch; the remote's default branch if empty.
        rules: The gate's rules; they give a metric's better direction if its name does not.
        gate: Rules and directions of metrics, instead of `rules` alone.

    Raises:
        ModelError: A side has no manifest of the model.
        SettingsError: The commit, branch or promotion is missing, or `directory` is in no git repository.
        GitError: git is not installed, refuses or fails.
    """
    folder, model = Path(directory), os.fspath(model)
    sides = [find_side(folder, name, model=model, base=base) for name in (before or CHAMPION, after or WORKING_TREE)]
    return compare_sides(*sides, gate=gate or GateSpec.of_rules(rules))


def compare_sides(before: Side, after: Side, *, gate: GateSpec | None = None) -> Comparison:
    """Compare two models whose manifests were read already."""
    old, new = before.manifest, after.manifest
    if before.label == after.label:  # such as one branch under two names
        before, after = (
            Side(label=f"{word} {side.label}", manifest=side.manifest, commit=side.commit)
            for word, side in (("old", before), ("new", after))
        )
    return Comparison(
        before=before,
        after=after,
        metrics=differences(
            Measured(values=old.metrics, percentages=frozenset(old.percentages)),
            Measured(values=new.metrics, percentages=frozenset(new.percentages)),
            criteria.parse(gate or GateSpec()).higher_is_better,
        ),
        parameters=_changes(old.parameters, new.parameters),
        libraries=_changes(old.libraries, new.libraries),
        data=_data_changes(old.data, new.data),
        moved=tuple(item for item in drifts(old.data, new.data) if item.has_moved),
    )


def signed_size(difference: int) -> str:
    """Return a difference of sizes in words: `+1.2 KiB`, `−3 B`."""
    return f"{'+' if difference > 0 else '−'}{size(abs(difference))}"


def find_side(directory: Path, name: str, *, model: str, base: str = "") -> Side:
    """Return the version of the model, with its manifest, for a name that `diff_models` accepts.

    Raises:
        ModelError, SettingsError: As in `diff_models`.
    """
    if name == WORKING_TREE:
        return Side(label=name, manifest=read_manifest(directory / model))
    file = directory / name
    if file.is_file() or (file.is_dir() and Path(manifest_path(file)).is_file()):
        is_manifest = file.suffix == ".json" and not Path(manifest_path(file)).exists()
        return Side(label=name, manifest=read_manifest(file.with_suffix("") if is_manifest else file))
    path = str(checkout.prefix(directory) / PurePosixPath(model))
    label, commit = _commit_of(directory, name, path=path, base=base)
    found = history.files_at(directory, manifest_path(path), [commit])
    if not found:
        raise ModelError(
            f"{label} has no manifest of {path}.", next_step="See which commits have one: cmlkit model list"
        )
    manifest = ModelManifest.from_json(found[commit].content, source=f"The manifest in {label}")
    profiles = history.files_at(directory, profiles_path(path), [commit]) if manifest.profiles else {}
    manifest = with_profiles(manifest, profiles[commit].content if commit in profiles else None)
    return Side(label=label, manifest=manifest, commit=commit)


def _commit_of(directory: Path, name: str, *, path: str, base: str) -> tuple[str, str]:
    """Return the version's name for people, and its commit."""
    if name == CHAMPION:
        branch = base or history.default_branch(directory)
        name = branch
        commit = history.resolve(directory, history.branch_ref(directory, branch) or branch)
    elif name == PRODUCTION or (name.isdecimal() and len(name) < 7):
        return _promotion(directory, name, path)
    else:
        commit = history.resolve(directory, name) or history.resolve(directory, f"refs/remotes/origin/{name}")
    if not commit:
        raise SettingsError(
            f"{name!r} is neither a file nor a commit, branch or tag of the clone.", next_step="git fetch --tags"
        )
    return name, commit


def _promotion(directory: Path, name: str, path: str) -> tuple[str, str]:
    model = model_name(path)
    there = {item.number: item for item in promoted(history.tags(directory, tag_prefix(model)))}
    number = max(there, default=0) if name == PRODUCTION else int(name)
    if number not in there:
        known = ", ".join(map(str, there)) or "none"
        raise SettingsError(
            f"The clone has no promotion {name} of {model}; it has: {known}.", next_step="git fetch --tags"
        )
    return f"production {number}", there[number].commit


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    old, new = ({name: _written(value) for name, value in side.items()} for side in (before, after))
    return tuple(
        Change(name=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    )


def _written(value: Any) -> str:
    # As text: 1, 1.0 and true are equal in Python, but a change to people.
    return value if isinstance(value, str) else repr(value)


def _data_changes(before: Sequence[DataFingerprint], after: Sequence[DataFingerprint]) -> tuple[DataChange, ...]:
    old, new = ({item.path: item for item in side} for side in (before, after))
    found = (DataChange(path=path, before=old.get(path), after=new.get(path)) for path in dict.fromkeys([*new, *old]))
    return tuple(
        item for item in found if item.before is None or item.after is None or item.before.sha256 != item.after.sha256
    )


def _metric_row(item: Difference) -> tuple[str, ...]:
    change = NONE if item.delta is None else signed(item.delta)
    return (item.name, item.texts[0] or NONE, item.texts[1] or NONE, change, _word(item))


def _word(item: Difference) -> str:
    if item.champion is None or item.challenger is None:
        return "new" if item.champion is None else "gone"
    if item.units_differ:
        return "only one is a percentage"
    if not item.delta:
        return "same"
    return {True: "better", False: "worse", None: ""}[item.improved]


def _rows(changes: Sequence[Change]) -> tuple[tuple[str, ...], ...]:
    return tuple((item.name, item.before or NONE, item.after or NONE) for item in changes)


def _data_row(item: DataChange) -> tuple[str, ...]:
    return (item.path, _data(item.before), _data(item.after), item.sentence)


def _data(item: DataFingerprint | None) -> str:
    if item is None:
        return NONE
    rows = "" if item.rows is None else f"{item.rows:,} rows, "
    return f"{rows}{size(item.size)}, {short_hash(item.sha256)}"


def _drift_row(item: ColumnDrift) -> tuple[str, ...]:
    return (item.name, number(round(item.stability, 3)), *item.ends)


def _markdown(item: Table) -> str:
    rows = [[text(cell) for cell in row] for row in item.rows]
    return table([text(cell) for cell in item.header], rows, numeric=[text(cell) for cell in item.numeric])


def _side(side: Side) -> dict[str, Any]:
    manifest = side.manifest
    return {"name": side.label, "commit": side.commit, "sha256": manifest.sha256, "size": manifest.size}
