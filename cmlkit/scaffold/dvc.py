"""Projects with DVC: what their pipeline says about the training, and how their data is fetched."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from cmlkit import pipeline
from cmlkit.scaffold.installation import Installation
from cmlkit.scaffold.outputs import METRICS_SUFFIXES, MODEL_SUFFIXES, OTHER_MODEL_SUFFIXES, PLOT_SUFFIXES
from cmlkit.scaffold.project import Project
from cmlkit.scaffold.training_command import Candidate

_CODE_SUFFIXES = (".py", ".ipynb", ".sh", ".r", ".R", ".jl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".sql")
_SETTINGS = ".dvc/config"
_EXTRAS = {"s3": "s3", "gs": "gs", "azure": "azure", "ssh": "ssh", "gdrive": "gdrive", "oss": "oss", "hdfs": "hdfs"}
"""Scheme of a remote's address -> the extra of DVC that reaches it: https://doc.dvc.org/install/linux"""


def pipelines(project: Project) -> list[Candidate]:
    """Return the command of each pipeline; DVCLive writes files of the same name that have no stages."""
    paths = project.code(lambda path: PurePosixPath(path).name == pipeline.PIPELINE_FILE)
    return [_reproduced(path) for path in paths if re.search(r"(?m)^stages:", project.text(path))]


def _reproduced(path: str) -> Candidate:
    words = "dvc repro" + (f" {shlex.quote(path)}" if "/" in path else "")
    return Candidate(path=path, words=words, because=f"the stages of {path}", folder=posixpath.dirname(path))


def said(project: Project, path: str) -> dict[str, Any]:
    """Return the settings of `train` that a pipeline tells: model, metrics, plots and data; only those that it has."""

    def content(path: str) -> bytes | None:
        return project.text(path).encode() if path in project.files else None

    folder = posixpath.dirname(path)
    written = pipeline.outputs(content, folder)
    metrics, plots = (
        [*(item.path for item in written if item.kind == kind), *pipeline.shown(content, kind, folder)]
        for kind in ("metrics", "plots")
    )
    inputs = (*pipeline.dependencies(content, folder), *pipeline.addresses(content, folder))
    found = {
        "model": _model_output([item for item in written if item.kind == "outs"]),
        "metrics": list(dict.fromkeys(path for path in metrics if path.endswith(METRICS_SUFFIXES))),
        "plots": list(dict.fromkeys(path for path in plots if path.endswith(PLOT_SUFFIXES))),
        "data": [path for path in inputs if not path.endswith(_CODE_SUFFIXES)],
    }
    return {key: value for key, value in found.items() if value}


def _model_output(outputs: Sequence[pipeline.Output]) -> str:
    """Return the output that is a model by its suffix, else by the name of its stage, else by its own; else empty."""
    signs: tuple[Callable[[pipeline.Output], bool], ...] = (
        lambda item: item.path.endswith((*MODEL_SUFFIXES, *OTHER_MODEL_SUFFIXES)),
        lambda item: bool(re.match(r"(?:re)?train|fit", item.stage)),
        lambda item: "model" in PurePosixPath(item.path).name,
    )
    return next((item.path for is_model in signs for item in outputs if is_model(item)), "")


def keeps(project: Project, path: str) -> bool:
    """Return whether DVC keeps a file or folder, or one around it: a `.dvc` file stands for it."""
    place = PurePosixPath(path.rstrip("/"))
    return any(f"{folder}.dvc" in project.files for folder in (place, *place.parents))


def keeps_any(project: Project) -> bool:
    """Return whether DVC keeps any of the project's files."""
    return bool(project.first(lambda path: path.endswith(".dvc") and not path.startswith(".dvc/")))


def setup(project: Project, install: Installation) -> Iterator[str]:
    """Yield the commands that install DVC, if the project's own list does not have it, and that pull what it keeps."""
    settings = project.text(_SETTINGS)
    remote = re.search(r"(?m)^[ \t]*url[ \t]*=[ \t]*(\w+)://", settings)
    extra = _EXTRAS.get(remote[1], "") if remote else ""
    if not re.search(r"\bdvc\b", project.text(install.source)):
        yield f"{install.adding} 'dvc[{extra}]'" if extra else f"{install.adding} dvc"
    if "url" in settings:
        # The first run has no outputs to pull yet.
        yield f"{install.prefix}dvc pull --allow-missing"
