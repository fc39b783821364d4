"""Files that differ from the checked-out commit when a training begins, so that checking it out is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cmlkit.errors import GitError, SettingsError
from cmlkit.git.changes import Listed, list_changes
from cmlkit.git.checkout import prefix
from cmlkit.model.manifest import published_beside
from cmlkit.pipeline import LOCK_FILE
from cmlkit.records.training_run import TrainingRun

LONGEST = 1_000
# Untracked files count if they are code or its settings; a job's checkout has logs, data and caches as well.
_CODE = {
    *(".py", ".pyi", ".pyx", ".ipynb", ".r", ".rmd", ".jl", ".sh", ".bash", ".sql", ".c", ".cc", ".cpp", ".cu", ".h"),
    *(".hpp", ".rs", ".go", ".java", ".scala", ".js", ".ts", ".yaml", ".yml", ".toml", ".json", ".cfg", ".ini"),
}
_CODE_NAMES = frozenset({"Dockerfile", "Makefile", "requirements.txt"})
_FOREIGN = frozenset({".venv", "venv", "env", "site-packages", "node_modules", "__pycache__", ".ipynb_checkpoints"})


def uncommitted_files(directory: Path) -> tuple[str, ...]:
    """Return the repository paths of tracked files that differ from the checked-out commit, and of untracked code.

    None are known outside of a repository, or if git refuses to look.
    """
    try:
        return counted(list_changes(directory, [":(top)"]))
    except (GitError, SettingsError):
        return ()


def counted(found: Listed) -> tuple[str, ...]:
    """Return the paths that count, at most `LONGEST`: all but untracked files that are no code."""
    paths = sorted(found.present | found.gone | found.unmerged | found.inner)
    return tuple(path for path in paths if path not in found.untracked or _is_code(PurePosixPath(path)))[:LONGEST]


def without_outputs(paths: Sequence[str], run: TrainingRun, directory: Path) -> tuple[str, ...]:
    """Return the repository paths without the training's outputs, as an earlier training may have left others there."""
    if not paths:
        return ()
    model = run.model
    outputs = [
        model,
        *published_beside(model),
        *run.metrics_files,
        *run.plots,
        LOCK_FILE,
    ]
    own = {str(prefix(directory) / path) for path in outputs}
    inside = f"{prefix(directory) / model}/"
    return tuple(path for path in paths if path not in own and not path.startswith(inside))


def _is_code(path: PurePosixPath) -> bool:
    is_code = path.suffix.lower() in _CODE or path.name in _CODE_NAMES
    return is_code and not _FOREIGN.intersection(path.parts)
