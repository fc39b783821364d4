"""The champion: the metrics of the model that the base branch holds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cmlkit import metrics
from cmlkit.errors import CmlkitError, MetricsError
from cmlkit.forges.base import PublishForge


def champion_metrics(
    forge: PublishForge,
    *,
    commit: str,
    there: Mapping[str, str],
    manifest: str,
    metrics_files: Sequence[str],
    warn: Callable[[str], None],
) -> Mapping[str, float] | None:
    """Metrics of the model at `commit`, from its manifest, else from the metrics files; None where there is neither.

    Args:
        there: Repository path -> blob id of what the commit has of these files.
        warn: Told of a manifest or metrics file that cannot be read, which counts as none.
    """
    if manifest in there:
        try:
            return _from_manifest(_read(forge, manifest, commit), manifest)
        except CmlkitError as error:
            warn(f"{error.message} Its metrics files are read instead.")
    present = [path for path in metrics_files if path in there]
    if not present:
        return None
    try:
        return _from_files({path: _read(forge, path, commit) for path in present})
    except MetricsError as error:
        warn(f"The metrics on the base branch cannot be read, so there is no champion: {error.message}")
        return None


def _read(forge: PublishForge, path: str, commit: str) -> bytes:
    return forge.read_file(path, ref=commit) or b""


def _from_manifest(content: bytes, path: str) -> Mapping[str, float] | None:
    try:
        found = json.loads(content)["metrics"]
        return {str(name): float(value) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MetricsError(f"{path} on the base branch is not a manifest of cmlkit.") from error


def _from_files(contents: Mapping[str, bytes]) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="cmlkit-champion-") as folder:
        for path, content in contents.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return metrics.read(list(contents), Path(folder))
