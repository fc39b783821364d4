"""Retrain a model on a short-lived EC2 runner, and open a pull request with the result.

    import cmlkit

    with cmlkit.launch_runner(...):     # an instance that is terminated when the block ends
        ...
    run = cmlkit.train(...)             # a command or a declared estimator -> TrainingRun
    verdict = cmlkit.compare(...)       # challenger against champion, by rules
    cmlkit.publish(run, ...)            # commit, pull request, report, comment, check
    model = cmlkit.load_model(...)      # verified before it is unpickled

Everything is imported on first use: `import cmlkit` itself loads no third-party package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmlkit.ci import workflow_run as workflow_run
    from cmlkit.clouds.aws import regions as regions
    from cmlkit.errors import CmlkitError as CmlkitError
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

_HOMES = {
    "CmlkitError": "cmlkit.errors",
    "Comparison": "cmlkit.registry.comparison",
    "GateSpec": "cmlkit.settings.schema",
    "GitHub": "cmlkit.forges.github",
    "Interval": "cmlkit.records.training_run",
    "ModelManifest": "cmlkit.model.manifest",
    "ModelVersion": "cmlkit.registry.versions",
    "Promotion": "cmlkit.registry.promotion",
    "Publication": "cmlkit.publishing.publication",
    "PublishSpec": "cmlkit.settings.schema",
    "Pulled": "cmlkit.registry.pulling",
    "Report": "cmlkit.report",
    "RunnerSpec": "cmlkit.settings.schema",
    "TrainSpec": "cmlkit.settings.schema",
    "TrainingRun": "cmlkit.records.training_run",
    "Verdict": "cmlkit.gate.verdict",
    "Versions": "cmlkit.registry.versions",
    "WorkflowRun": "cmlkit.records.workflow_run",
    "compare": "cmlkit.gate.verdict",
    "diff_models": "cmlkit.registry.comparison",
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

__all__ = [
    "CmlkitError",
    "Comparison",
    "GateSpec",
    "GitHub",
    "Interval",
    "ModelManifest",
    "ModelVersion",
    "Promotion",
    "Publication",
    "PublishSpec",
    "Pulled",
    "Report",
    "RunnerSpec",
    "TrainSpec",
    "TrainingRun",
    "Verdict",
    "Versions",
    "WorkflowRun",
    "compare",
    "diff_models",
    "launch_runner",
    "list_versions",
    "load_model",
    "paired_interval",
    "promote",
    "publish",
    "pull_model",
    "regions",
    "save_model",
    "train",
    "workflow_run",
]

# Modules that documented imports of earlier versions name, and that have moved since.
__path__.append(f"{__path__[0]}/old_names")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cmlkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
