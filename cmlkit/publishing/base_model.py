"""The models of the base branch: the champion, and earlier ones for the history in the report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cmlkit.errors import CmlkitError, MetricsError, ModelError
from cmlkit.forges.base import PublishForge
from cmlkit.gate import metrics
from cmlkit.gate.verdict import Verdict
from cmlkit.gate.verdict import judge as judged
from cmlkit.model.manifest import ModelManifest
from cmlkit.records.training_run import DataFingerprint, Parameter, TrainingRun
from cmlkit.report import PastModel

PAST_MODELS = 10  # one request each
READS_AT_A_TIME = 5


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """The model on the base branch; `parameters` and `data` are None if only its metrics are known.

    Attributes:
        sha256: Hash of the model file; empty if only its metrics are known.
    """

    metrics: Mapping[str, float]
    sha256: str = ""
    parameters: Mapping[str, Parameter] | None = None
    data: tuple[DataFingerprint, ...] | None = None


def find_base_model(
    forge: PublishForge,
    *,
    commit: str,
    there: Mapping[str, str],
    manifest: str,
    metrics_files: Sequence[str],
    warn: Callable[[str], None],
) -> BaseModel | None:
    """Return the model at `commit`, from its manifest or else the metrics files; None if it has neither.

    Args:
        there: Repository path -> blob id of files in the commit.
        warn: Called with a message for a manifest or metrics file that cannot be read; it counts as missing.
    """
    if manifest in there:
        try:
            found = ModelManifest.from_json(_read(forge, manifest, commit), source=f"{manifest} on the base branch")
            return BaseModel(metrics=found.metrics, sha256=found.sha256, parameters=found.parameters, data=found.data)
        except ModelError as error:
            warn(f"{error.message} The metrics files are read instead.")
    present = [path for path in metrics_files if path in there]
    if not present:
        return None
    try:
        return BaseModel(metrics=_from_files({path: _read(forge, path, commit) for path in present}))
    except MetricsError as error:
        warn(f"The metrics on the base branch cannot be read, so there is no champion: {error.message}")
        return None


def judge(rules: Sequence[str], run: TrainingRun, champion: BaseModel | None) -> Verdict:
    """Return the verdict on a run; rescored values of the champion, if the run has them, replace its own."""
    if champion is None:
        return judged(rules, challenger=run.metrics)
    if not is_rescored(run, champion) or run.rescored is None:
        return judged(rules, challenger=run.metrics, champion=champion.metrics)
    today = {metrics.key(name): value for name, value in run.rescored.metrics.items()}
    values = {name: today.get(metrics.key(name), value) for name, value in champion.metrics.items()}
    return judged(rules, challenger=run.metrics, champion=values, intervals=run.rescored.intervals)


def is_rescored(run: TrainingRun, champion: BaseModel) -> bool:
    """Return whether training scored this champion, and not another model, on its own test data."""
    return run.rescored is not None and run.rescored.champion == champion.sha256


def _read(forge: PublishForge, path: str, commit: str) -> bytes:
    return forge.read_file(path, ref=commit) or b""


def _from_files(contents: Mapping[str, bytes]) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="cmlkit-champion-") as folder:
        for path, content in contents.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return metrics.read(list(contents), Path(folder))


def past_models(
    forge: PublishForge, *, manifest: str, commit: str, warn: Callable[[str], None], limit: int = PAST_MODELS
) -> tuple[PastModel, ...]:
    """Return the latest models up to `commit`, oldest first, without those whose manifest cannot be read.

    Args:
        manifest: Repository path of the model's manifest.
        warn: Called with a message if the forge fails to return the history; the report then has none.
    """
    try:
        commits = forge.commits_of(manifest, ref=commit, limit=limit)
        with ThreadPoolExecutor(max_workers=READS_AT_A_TIME) as pool:
            contents = pool.map(lambda sha: forge.read_file(manifest, ref=sha), reversed(commits))
            found = [_past_model(content) for content in contents]
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
