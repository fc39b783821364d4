"""The history: the models that the base branch held, by the manifests that it had."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cmlkit.errors import CmlkitError, ModelError
from cmlkit.forges.base import PublishForge
from cmlkit.model.manifest import ModelManifest
from cmlkit.report import PastModel

MODELS = 10  # one request each
READS_AT_A_TIME = 5


def past_models(
    forge: PublishForge, *, manifest: str, commit: str, warn: Callable[[str], None], limit: int = MODELS
) -> tuple[PastModel, ...]:
    """The latest models up to `commit`, oldest first; fewer where a manifest cannot be read.

    Args:
        manifest: Repository path of the model's manifest.
        warn: Told of a history that the forge does not give: the report does without.
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
