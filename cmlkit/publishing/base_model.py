"""The models of the base branch: the champion, and earlier ones for the history in the report."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cmlkit.errors import CmlkitError, MetricsError, ModelError
from cmlkit.gate import metrics
from cmlkit.gate.difference import Measured
from cmlkit.gate.verdict import Verdict
from cmlkit.gate.verdict import judge as judged
from cmlkit.model.manifest import ModelManifest, ModelPart
from cmlkit.model.profiles import with_profiles
from cmlkit.publishing.precedence import Origin, origin_of
from cmlkit.records.training_run import DataFingerprint, Parameter, TrainingRun
from cmlkit.report import PastModel
from cmlkit.settings.schema import GateSpec
from cmlkit.stores.pointer import read_pointer
from cmlkit.together import together

PAST_MODELS = 10


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """The model on the base branch; `parameters` and `data` are None if only its metrics are known.

    Attributes:
        percentages: Names of metrics whose number was written as a percentage.
        sha256: Hash of the model; empty if only its metrics are known.
        files: The files of a model that is a folder.
        origin: The run that it is from; None if unknown.
    """

    metrics: Mapping[str, float]
    percentages: tuple[str, ...] = ()
    sha256: str = ""
    parameters: Mapping[str, Parameter] | None = None
    data: tuple[DataFingerprint, ...] | None = None
    files: tuple[ModelPart, ...] = ()
    origin: Origin | None = None


class PastFiles(Protocol):
    """The files of past commits, on a forge or in a clone."""

    def read_file(self, path: str, *, ref: str) -> bytes | None:
        """Return the file's content in a commit; None if missing."""

    def blob_ids(self, commit: str, paths: Iterable[str]) -> Mapping[str, str]:
        """Return path -> blob id for those of the files that the commit has."""

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        """Return the ids of the latest commits up to `ref` that changed the file, newest first."""


def find_base_model(
    forge: PastFiles,
    *,
    commit: str,
    there: Mapping[str, str],
    manifest: str,
    profiles: str = "",
    metrics_files: Sequence[str],
    warn: Callable[[str], None],
    read_kept: Callable[[str], bytes | None] = lambda path: None,
) -> BaseModel | None:
    """Return the model at `commit`, from its manifest or else the metrics files; None if it has neither.

    Args:
        profiles: Path of the profiles beside the manifest.
        there: Repository path -> blob id of files in the commit.
        warn: Called with a message for a manifest or metrics file that cannot be read; it counts as missing.
        read_kept: Returns a metrics file that another tool keeps for the commit; None if none does.
    """
    if manifest in there:
        try:
            found = ModelManifest.from_json(_read(forge, manifest, commit), source=f"{manifest} on the base branch")
            content = _read(forge, profiles, commit) if found.profiles and profiles in there else None
            found = with_profiles(found, content)
            return BaseModel(
                metrics=found.metrics,
                percentages=found.percentages,
                sha256=found.sha256,
                parameters=found.parameters,
                data=found.data,
                files=found.files,
                origin=origin_of(found.verdict, trained=found.created),
            )
        except ModelError as error:
            warn(f"{error.message} The metrics files are read instead.")
    read = {path: _read(forge, path, commit) if path in there else read_kept(path) for path in metrics_files}
    # A pointer's size is no metric.
    present = {path: content for path, content in read.items() if content is not None and not read_pointer(content)}
    if not present:
        return None
    try:
        findings = _from_files(present)
        return BaseModel(metrics=findings.values, percentages=tuple(sorted(findings.percentages)))
    except MetricsError as error:
        warn(f"The metrics on the base branch cannot be read, so there is no champion: {error.message}")
        return None


def read_parts(content: bytes) -> tuple[ModelPart, ...]:
    """Return the files of the folder that a manifest describes; empty if it is malformed, or is of one file."""
    try:
        return ModelManifest.from_json(content, source="a manifest").files
    except ModelError:
        return ()


def judge(gate: GateSpec, run: TrainingRun, champion: BaseModel | None) -> Verdict:
    """Return the verdict on a run; rescored values of the champion, if the run has them, replace its own."""
    challenger = Measured(values=run.metrics, percentages=frozenset(run.percentages), left_out=run.left_out)
    if champion is None:
        return judged(gate, challenger=challenger)
    before = Measured(values=champion.metrics, percentages=frozenset(champion.percentages))
    if not is_rescored(run, champion) or run.rescored is None:
        return judged(gate, challenger=challenger, champion=before)
    today = {metrics.key(name): value for name, value in run.rescored.metrics.items()}
    values = {name: today.get(metrics.key(name), value) for name, value in champion.metrics.items()}
    before = dataclasses.replace(before, values=values)
    return judged(gate, challenger=challenger, champion=before, intervals=run.rescored.intervals)


def is_rescored(run: TrainingRun, champion: BaseModel) -> bool:
    """Return whether training scored this champion, and not another model, on its own test data."""
    return run.rescored is not None and run.rescored.champion == champion.sha256


def _read(forge: PastFiles, path: str, commit: str) -> bytes:
    return forge.read_file(path, ref=commit) or b""


def _from_files(contents: Mapping[str, bytes]) -> metrics.Findings:
    with tempfile.TemporaryDirectory(prefix="cmlkit-champion-") as folder:
        for path, content in contents.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return metrics.read(list(contents), Path(folder))


def past_models(
    forge: PastFiles, *, manifest: str, commit: str, warn: Callable[[str], None], limit: int = PAST_MODELS
) -> tuple[PastModel, ...]:
    """Return the latest models up to `commit`, oldest first, without those whose manifest cannot be read.

    Args:
        manifest: Repository path of the model's manifest.
        warn: Called with a message if the forge fails to return the history; the report then has none.
    """
    try:
        commits = forge.commits_of(manifest, ref=commit, limit=limit)
        reads = [functools.partial(forge.read_file, manifest, ref=commit) for commit in reversed(commits)]
        found = [_past_model(content) for content in together(*reads)]
    except CmlkitError as error:
        warn(f"The report has no history of the metrics: {error.message}")
        return ()
    return tuple(model for model in found if model is not None)


def _past_model(content: bytes | None) -> PastModel | None:
    if content is None:
        return None  # the commit removed it
    try:
        manifest = ModelManifest.from_json(content, source="a manifest of the base branch")
    except ModelError:
        return None
    return PastModel(day=manifest.created[:10], metrics=manifest.metrics)
