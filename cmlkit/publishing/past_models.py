"""The history: earlier models of the base branch, read from their manifests."""

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
