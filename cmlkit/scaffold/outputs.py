"""Which of a project's files are what training writes: model, metrics and plots; and which ones it reads."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cmlkit.scaffold.project import DATA_FOLDERS, Project

MODEL_SUFFIXES = (".joblib", ".skops", ".pkl", ".pickle")
OTHER_MODEL_SUFFIXES = (
    *(".onnx", ".pt", ".pth", ".ckpt", ".keras", ".h5", ".safetensors", ".cbm", ".ubj", ".bst", ".model", ".tflite"),
    *(".rds", ".RDS", ".RData"),
)
"""Suffixes that models have, but other files as well: they count for what a script or a pipeline names."""
METRICS_SUFFIXES = (".txt", ".json", ".yaml", ".yml", ".csv")
PLOT_SUFFIXES = (".png", ".svg", ".jpg", ".jpeg")
DATA_SUFFIXES = (".csv", ".tsv", ".parquet", ".feather", ".arrow", ".npz", ".npy", ".xlsx", ".jsonl", ".zip", ".gz")
MOST_PLOTS = 50
_READ = re.compile(
    r"""\b(?:read_\w+|read\.\w+|readRDS|fread|loadtxt|genfromtxt|load_dataset|ImageFolder|np\.load)\(\s*(?:\w+\s*=\s*)?["']([^"'\n]+)["']"""
)
_WRITTEN = re.compile(r"""\b(?:to_\w+|write\.\w+|write_\w+|saveRDS|savetxt)\([^"'\n]{0,80}["']([^"'\n]+)["']""")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The files of a training, and whether its script names them.

    Attributes:
        models: Paths that may be the model, the likeliest first.
    """

    models: tuple[str, ...]
    metrics: tuple[str, ...]
    plots: tuple[str, ...]
    named: frozenset[str]

    @property
    def written(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.models, *self.metrics, *self.plots))


def outputs(project: Project, named: Sequence[str]) -> Outputs:
    """Return what training writes, from the files that its script names and from those that are there."""
    listed = project.all(lambda path: not path.startswith("."))
    models = [path for path in named if path.endswith(MODEL_SUFFIXES)]
    models += [path for path in named if path.endswith(OTHER_MODEL_SUFFIXES) and not _is_data(path)]
    models = models or [path for path in listed if path.endswith(MODEL_SUFFIXES)]
    models.sort(key=lambda path: "model" not in PurePosixPath(path).name)
    metrics = [path for path in (*named, *listed) if _is_metrics(path)]
    there = [path for path in listed if path.endswith(PLOT_SUFFIXES) and _is_result(path)]
    # So many are what is trained on, not what training draws.
    there = there if len(there) <= MOST_PLOTS else []
    plots = [*there, *(path for path in named if path.endswith(PLOT_SUFFIXES) and _is_result(path))]
    return Outputs(
        models=tuple(dict.fromkeys(models)),
        metrics=tuple(metrics[:1]),
        plots=tuple(dict.fromkeys(plots)),
        named=frozenset(named),
    )


def data(project: Project, named: Sequence[str], folder: str) -> list[str]:
    """Return what training reads: folders of data, and files beside them that its script names.

    Args:
        folder: Where the script is started.
    """
    known = [*project.files, *project.ignored, *named]
    places = dict.fromkeys(posixpath.join(base, name) for base in ("", folder) for name in DATA_FOLDERS)
    folders = [f"{place}/" for place in places if any(path.startswith(f"{place}/") for path in known)]
    there = {*project.files, *project.ignored}
    files = [path for path in named if path.endswith(DATA_SUFFIXES) and path in there and not _is_metrics(path)]
    return [*folders, *(path for path in files if not path.startswith(tuple(folders)))]


def read_by(text: str) -> list[str]:
    """Return the paths that a script hands to functions that read, unless it writes them first."""
    written = set(_WRITTEN.findall(text))
    return [path for path in dict.fromkeys(_READ.findall(text)) if "://" not in path and path not in written]


def is_in_data(path: str, bases: Collection[str]) -> bool:
    """Return whether a path lies in a folder of data of one of these folders."""
    return any(path.startswith(f"{posixpath.join(base, name)}/") for base in bases for name in DATA_FOLDERS)


def _is_data(path: str) -> bool:
    return bool(set(PurePosixPath(path).parts[:-1]) & set(DATA_FOLDERS))


def _is_metrics(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix in METRICS_SUFFIXES and ("metrics" in name.stem or name.stem in ("scores", "results"))


def _is_result(path: str) -> bool:
    """Return whether an image is likely made by training instead of part of the project's documentation."""
    return PurePosixPath(path).parts[0] not in ("docs", "doc", "images", "assets", *DATA_FOLDERS)
