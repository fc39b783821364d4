"""The environment of a model: versions of the libraries that wrote it, compared with those installed here."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from cmlkit.errors import ModelError

LIBRARIES = (
    *("scikit-learn", "numpy", "scipy", "joblib", "pandas", "xgboost", "lightgbm", "catboost", "statsmodels"),
    *("torch", "keras", "tensorflow", "jax", "onnx", "skl2onnx", "onnxruntime", "safetensors", "transformers"),
    *("sentence-transformers", "peft", "diffusers", "spacy", "mlflow", "lightning", "pytorch-lightning", "skops"),
    *("ultralytics", "pyspark", "scikit-learn-intelex", "cuml-cu12", "cuml-cu13"),
    *("xgboost-cpu", "tensorflow-cpu", "mlflow-skinny"),
)
# Distribution -> others that bring the same library.
ALIASES = {"xgboost": ("xgboost-cpu",), "tensorflow": ("tensorflow-cpu",), "mlflow": ("mlflow-skinny",)}
# A model written by another version of these may load and still predict something else.
# https://scikit-learn.org/stable/model_persistence.html#security-maintainability-limitations
VERSIONS_THAT_MATTER = ("scikit-learn", "numpy", "python")
MISSING = "not installed"


def installed_versions(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Return the versions of Python and of the named distributions that are installed here."""
    from importlib import metadata  # the import takes a tenth of a short command's time

    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def version_of(library: str, versions: Mapping[str, str]) -> str:
    """Return a library's version, by any of the distributions that bring it; empty if it is not among `versions`."""
    return next((versions[name] for name in (library, *ALIASES.get(library, ())) if name in versions), "")


def differing_versions(libraries: Mapping[str, str]) -> tuple[str, ...]:
    here = installed_versions()
    return tuple(
        f"{name} {libraries[name]} (here {here.get(name, MISSING)})"
        for name in VERSIONS_THAT_MATTER
        if libraries.get(name) and _series(libraries[name]) != _series(here.get(name, ""))
    )


def other_versions(path: str, differing: Sequence[str]) -> ModelError:
    return ModelError(
        f"{path} was trained with {', '.join(differing)}; it may load and still predict something else.",
        next_step="Install those versions, or leave strict out.",
    )


def _series(version: str) -> str:
    """Return major and minor version: patch releases keep the pickle format."""
    return ".".join(version.split(".")[:2])
