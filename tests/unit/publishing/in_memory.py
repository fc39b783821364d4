"""A publish in memory: a training in a folder, and a forge that keeps what it is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cmlkit.errors import CmlkitError
from cmlkit.forges.base import Check, PullRequest
from cmlkit.git.access import GitAccess
from cmlkit.model.file import write_manifest
from cmlkit.publishing.git_owners import GitOwners
from cmlkit.publishing.job_times import Times
from cmlkit.publishing.pipeline_files import PipelineFiles
from cmlkit.publishing.plan import Planning, PublishPlan
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.publish import Publisher
from cmlkit.records.training_run import Resources, TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import GateSpec, PublishSpec
from cmlkit.stores.git import GitStore
from tests.fake_forge import FastClock
from tests.toys.forge import FACTS, ToyForge

MODEL, METRICS = "model/m.joblib", "model/metrics.txt"
STARTED = 1_717_142_400.0  # 2024-05-31 08:00 UTC


@dataclass
class ToldForge(ToyForge):
    """Remembers what it is asked for, and fails where a test says so.

    Attributes:
        merging: (number, method) of each wish to merge.
        failures: Name of a method -> what it raises.
        called: The names of the methods in `failures` that were called.
    """

    merging: list[tuple[int, str]] = field(default_factory=list)
    failures: dict[str, CmlkitError] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    authors: dict[int, set[str]] = field(default_factory=dict)
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def _meet(self, name: str) -> None:
        if name in self.failures:
            self.called.append(name)
            raise self.failures[name]

    def git_access(self) -> GitAccess:
        self._meet("git_access")
        return super().git_access()

    def enable_auto_merge(self, pull_request: PullRequest, method: str) -> None:
        self._meet("enable_auto_merge")
        self.merging.append((pull_request.number, method))

    def add_labels(self, number: int, labels: Any) -> None:
        self._meet("add_labels")
        self.labels[number] = tuple(labels)

    def create_check(self, *, name: str, conclusion: str, **shown: Any) -> Check:
        self._meet("create_check")
        return super().create_check(name=name, conclusion=conclusion, **shown)

    def create_status(self, *, name: str, conclusion: str, **shown: Any) -> str:
        self._meet("create_status")
        return super().create_check(name=f"{name} as a status", conclusion=conclusion).url

    def delete_branch(self, branch: str) -> None:
        self._meet("delete_branch")
        super().delete_branch(branch)

    def pull_request_authors(self, number: int) -> set[str]:
        return self.authors.get(number, {"toy"})


@dataclass
class Heard:
    """Keeps what a person would read; `warnings` and `notes` apart."""

    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stage(self, title: str) -> Any:
        return nullcontext(self.notes.append)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@dataclass(kw_only=True)
class Workshop:
    """A folder with a training's files, and the forge that it is published to.

    Attributes:
        prefix: Path of the folder in the repository.
    """

    directory: Path
    forge: ToldForge = field(default_factory=lambda: ToldForge("octo/forest"))
    heard: Heard = field(default_factory=Heard)
    prefix: PurePosixPath = field(default_factory=PurePosixPath)

    def __post_init__(self) -> None:
        if not self.forge.branches:
            self.forge.start({"train.py": b"print()\n"})

    def trained(self, accuracy: float) -> TrainingRun:
        (self.directory / "model").mkdir(exist_ok=True)
        (self.directory / MODEL).write_bytes(b"model of %r" % accuracy)
        write_manifest(self.directory / MODEL, metrics={"accuracy": accuracy}, parameters={})
        (self.directory / METRICS).write_text(f"accuracy: {accuracy}\n")
        return TrainingRun(
            mode="command",
            command="python train.py",
            metrics={"accuracy": accuracy},
            metrics_files=(METRICS,),
            model=MODEL,
            resources=Resources(wall_seconds=1.0, cpu_seconds=1.0, peak_memory_bytes=1),
            started=STARTED,
        )

    def plan(self, run: TrainingRun, spec: PublishSpec, *, run_id: str, rules: tuple[str, ...] = ()) -> PublishPlan:
        return Planning(
            run=run,
            spec=spec,
            gate=GateSpec.of_rules(rules),
            directory=self.directory,
            prefix=self.prefix,
            forge=self.forge,
            store=GitStore(FACTS.limits.files),
            pipelines=PipelineFiles(root=self.directory, environ={}),
            owners=GitOwners(root=None),
            workflow_run=self.workflow_run(run_id),
            warn=self.heard.warn,
            clock=FastClock(),
        ).plan()

    def publish(
        self,
        accuracy: float,
        *,
        run_id: str,
        rules: tuple[str, ...] = (),
        planned: Mapping[str, Any] | None = None,
        trained: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Publication:
        """Publish a training with this accuracy; `planned` and `trained` replace fields of the plan and the run."""
        run, spec = dataclasses.replace(self.trained(accuracy), **trained or {}), PublishSpec(**settings)
        return Publisher(
            run=run,
            plan=dataclasses.replace(self.plan(run, spec, run_id=run_id, rules=rules), **planned or {}),
            spec=spec,
            forge=self.forge,
            store=GitStore(FACTS.limits.files),
            pipelines=PipelineFiles(root=self.directory, environ={}),
            owners=GitOwners(root=None),
            workflow_run=self.workflow_run(run_id),
            progress=self.heard,
            clock=FastClock(),
            times=Times(run=run, jobs=(), workflow_run=self.workflow_run(run_id), began=0.0),
        ).publish()

    def workflow_run(self, run_id: str) -> WorkflowRun:
        return WorkflowRun(
            repository="octo/forest", run_id=run_id, sha=self.forge.branches["main"], server_url="https://forge.example"
        )

    def merge(self, number: int) -> None:
        """Merge a pull request, as a person does."""
        pull = self.forge.pulls[number]
        self.forge.branches["main"] = self.forge.branches[pull.head]
        self.forge.pulls[number] = dataclasses.replace(pull, state="closed")
