"""Retrain a model on a short-lived EC2 runner, and open a pull request with the result.

    import cmlkit

    run = cmlkit.train(estimator, X, y)         # any estimator with fit and predict -> TrainingRun
    model = cmlkit.load_model(run.model)        # verified before it is unpickled
    verdict = cmlkit.compare(old, new, rules)   # challenger against champion

    cml = cmlkit.from_env()                     # settings, forge and clouds of this job
    with cml.launch_runner(): ...               # an instance that is terminated when the block ends
    cml.publish(run)                            # commit, pull request, report, comment, check

`dir(cmlkit)` has every name, and `help(cmlkit.train)` and its like explain each. Everything is imported on first use:
`import cmlkit` itself loads no third-party package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmlkit.ci import workflow_run as workflow_run
    from cmlkit.cli.project import Project as Project
    from cmlkit.cli.project import from_env as from_env
    from cmlkit.clouds.aws import regions as regions
    from cmlkit.errors import AnswerLost as AnswerLost
    from cmlkit.errors import CapacityError as CapacityError
    from cmlkit.errors import CmlkitError as CmlkitError
    from cmlkit.errors import Conflict as Conflict
    from cmlkit.errors import FileError as FileError
    from cmlkit.errors import GateRejected as GateRejected
    from cmlkit.errors import GitError as GitError
    from cmlkit.errors import GitFailed as GitFailed
    from cmlkit.errors import Interrupted as Interrupted
    from cmlkit.errors import MetricsError as MetricsError
    from cmlkit.errors import MissingExtra as MissingExtra
    from cmlkit.errors import ModelError as ModelError
    from cmlkit.errors import NotARepository as NotARepository
    from cmlkit.errors import NotFound as NotFound
    from cmlkit.errors import NothingToDo as NothingToDo
    from cmlkit.errors import NotTrusted as NotTrusted
    from cmlkit.errors import PermissionDenied as PermissionDenied
    from cmlkit.errors import ServiceError as ServiceError
    from cmlkit.errors import SettingsError as SettingsError
    from cmlkit.errors import TooManyRequests as TooManyRequests
    from cmlkit.errors import TrainingFailed as TrainingFailed
    from cmlkit.errors import WaitTimeout as WaitTimeout
    from cmlkit.forges.github import GitHub as GitHub
    from cmlkit.gate.significance import paired_interval as paired_interval
    from cmlkit.gate.verdict import Verdict as Verdict
    from cmlkit.gate.verdict import compare as compare
    from cmlkit.model.file import save_model as save_model
    from cmlkit.model.loading import load_model as load_model
    from cmlkit.model.manifest import ModelManifest as ModelManifest
    from cmlkit.publishing.publication import Publication as Publication
    from cmlkit.publishing.publish import publish as publish
    from cmlkit.records.training_run import Interval as Interval
    from cmlkit.records.training_run import TrainingRun as TrainingRun
    from cmlkit.records.workflow_run import WorkflowRun as WorkflowRun
    from cmlkit.registry.comparison import Comparison as Comparison
    from cmlkit.registry.comparison import diff_models as diff_models
    from cmlkit.registry.promotion import Promotion as Promotion
    from cmlkit.registry.promotion import promote as promote
    from cmlkit.registry.pulling import Pulled as Pulled
    from cmlkit.registry.pulling import pull_model as pull_model
    from cmlkit.registry.versions import ModelVersion as ModelVersion
    from cmlkit.registry.versions import Versions as Versions
    from cmlkit.registry.versions import list_versions as list_versions
    from cmlkit.report import Report as Report
    from cmlkit.runner.launch import launch_runner as launch_runner
    from cmlkit.settings.schema import GateSpec as GateSpec
    from cmlkit.settings.schema import PublishSpec as PublishSpec
    from cmlkit.settings.schema import RunnerSpec as RunnerSpec
    from cmlkit.settings.schema import TrainSpec as TrainSpec
    from cmlkit.training.train import train as train

    __version__: str

_HOMES = {
    "AnswerLost": "cmlkit.errors",
    "CapacityError": "cmlkit.errors",
    "CmlkitError": "cmlkit.errors",
    "Comparison": "cmlkit.registry.comparison",
    "Conflict": "cmlkit.errors",
    "FileError": "cmlkit.errors",
    "GateRejected": "cmlkit.errors",
    "GateSpec": "cmlkit.settings.schema",
    "GitError": "cmlkit.errors",
    "GitFailed": "cmlkit.errors",
    "GitHub": "cmlkit.forges.github",
    "Interrupted": "cmlkit.errors",
    "Interval": "cmlkit.records.training_run",
    "MetricsError": "cmlkit.errors",
    "MissingExtra": "cmlkit.errors",
    "ModelError": "cmlkit.errors",
    "ModelManifest": "cmlkit.model.manifest",
    "ModelVersion": "cmlkit.registry.versions",
    "NotARepository": "cmlkit.errors",
    "NotFound": "cmlkit.errors",
    "NotTrusted": "cmlkit.errors",
    "NothingToDo": "cmlkit.errors",
    "PermissionDenied": "cmlkit.errors",
    "Project": "cmlkit.cli.project",
    "Promotion": "cmlkit.registry.promotion",
    "Publication": "cmlkit.publishing.publication",
    "PublishSpec": "cmlkit.settings.schema",
    "Pulled": "cmlkit.registry.pulling",
    "Report": "cmlkit.report",
    "RunnerSpec": "cmlkit.settings.schema",
    "ServiceError": "cmlkit.errors",
    "SettingsError": "cmlkit.errors",
    "TooManyRequests": "cmlkit.errors",
    "TrainSpec": "cmlkit.settings.schema",
    "TrainingFailed": "cmlkit.errors",
    "TrainingRun": "cmlkit.records.training_run",
    "Verdict": "cmlkit.gate.verdict",
    "Versions": "cmlkit.registry.versions",
    "WaitTimeout": "cmlkit.errors",
    "WorkflowRun": "cmlkit.records.workflow_run",
    "compare": "cmlkit.gate.verdict",
    "diff_models": "cmlkit.registry.comparison",
    "from_env": "cmlkit.cli.project",
    "launch_runner": "cmlkit.runner.launch",
    "list_versions": "cmlkit.registry.versions",
    "load_model": "cmlkit.model.loading",
    "paired_interval": "cmlkit.gate.significance",
    "promote": "cmlkit.registry.promotion",
    "publish": "cmlkit.publishing.publish",
    "pull_model": "cmlkit.registry.pulling",
    "regions": "cmlkit.clouds.aws",
    "save_model": "cmlkit.model.file",
    "train": "cmlkit.training.train",
    "workflow_run": "cmlkit.ci",
}

# What `help(cmlkit)` explains in full, and `import *` brings: the functions to begin with. All are in `dir(cmlkit)`.
__all__ = ["compare", "from_env", "load_model", "save_model", "train"]

# Modules that documented imports of earlier versions name, and that have moved since.
__path__.append(f"{__path__[0]}/old_names")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = _version()
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'cmlkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})


def _version() -> str:
    """Return the version of the distribution, or of the checkout if cmlkit is not installed."""
    from importlib import metadata

    try:
        return metadata.version("cmlkit-ci")
    except metadata.PackageNotFoundError:
        import tomllib
        from pathlib import Path

        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
