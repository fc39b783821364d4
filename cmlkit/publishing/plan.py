"""The publish plan: everything that is decided and checked before the first write."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.base import PublishForge, Repository
from cmlkit.forges.facts import Addresses
from cmlkit.gate.verdict import Verdict
from cmlkit.model.manifest import ModelManifest, manifest_path
from cmlkit.publishing.base_model import BaseModel, find_base_model, judge
from cmlkit.publishing.branch import experiment_branch
from cmlkit.publishing.commit import holds_result
from cmlkit.publishing.destination import Destination, destination
from cmlkit.publishing.files import CommitFile, find_model, read_files, repository_path
from cmlkit.publishing.further_files import FurtherFiles, beside_base, selected
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.pull_request import earlier_pull_requests
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import PublishSpec
from cmlkit.stores.base import ModelFile, Store


@dataclass(frozen=True, kw_only=True)
class PublishPlan:
    """Content and place of a publication, as decided before the first write.

    Attributes:
        base_head: Commit of the base branch that the champion was read from.
        branch: The experiment branch.
        prefix: Repository path of the working directory.
        model_file: The model, for the store.
        files: All other files of the commit except the report, which shows the verdict.
        further: What becomes of the files of the setting publish.files; `files` has those to commit, too.
        there: Path -> blob id, for the paths of `files` and of the stored model that the base commit has.
        changed: Whether model, metrics or plots differ from the base branch's.
        champion: The base branch's model, if it has one.
        marker: Identifies the pull request.
    """

    repository: Repository
    addresses: Addresses
    destination: Destination
    base_head: str
    branch: str
    prefix: PurePosixPath
    model_file: ModelFile
    files: tuple[CommitFile, ...]
    further: FurtherFiles
    there: Mapping[str, str]
    changed: bool
    champion: BaseModel | None
    verdict: Verdict
    marker: Marker

    @property
    def base(self) -> str:
        """The branch that the pull request targets."""
        return self.destination.base

    @property
    def model(self) -> str:
        """Repository path of the model."""
        return self.marker.subject

    @property
    def model_sha256(self) -> str:
        """Hash of the model's own bytes, wherever they are stored."""
        return self.model_file.sha256


def make_plan(
    run: TrainingRun,
    *,
    spec: PublishSpec,
    rules: Sequence[str],
    directory: Path,
    prefix: PurePosixPath,
    forge: PublishForge,
    store: Store,
    workflow_run: WorkflowRun,
    warn: Callable[[str], None],
) -> PublishPlan:
    """Read, check and judge without writing anything.

    Raises:
        SettingsError, ModelError: A file, a rule or the branch's name is wrong, or the base branch does not exist.
        PermissionDenied, NotFound, ServiceError: The repository cannot be read.
    """
    manifest = manifest_path(run.model)
    model = find_model(run, directory=directory, prefix=prefix, store=store, warn=warn)
    chosen = selected(spec.files, directory=directory, forge=forge, warn=warn) if spec.files else None
    own = read_files(
        run,
        manifest=manifest,
        # Without git nothing tells which of them have changed.
        extra=spec.files if chosen is None else (),
        directory=directory,
        prefix=prefix,
        limits=forge.facts.limits.files,
        warn=warn,
    )
    _check_hash(own, model)
    repository = forge.repository()
    place = destination(workflow_run, forge=forge, named=spec.base, default=repository.default_branch)
    base = place.base
    base_head = _base_head(base, repository, forge)
    marker = Marker(
        kind="pull-request",
        subject=repository_path(run.model, prefix),
        run=workflow_run.run_id,
        attempt=workflow_run.attempt,
    )
    branch = _branch(run, spec=spec, base=base, base_head=base_head, marker=marker, forge=forge)
    read = functools.partial(forge.read_file, ref=base_head)
    further = FurtherFiles()
    if chosen is not None:
        further = beside_base(
            chosen,
            spec.files,
            own={model.path, f"{model.path}.md", *(file.path for file in own)},
            directory=directory,
            base_head=base_head,
            branch=branch,
            forge=forge,
            workflow_run=workflow_run,
            warn=warn,
        )
    files = (*own, *further.files)
    there = forge.blob_ids(base_head, [*store.paths(model.path), *(file.path for file in files), *further.removes])
    champion = find_base_model(
        forge,
        commit=base_head,
        there=there,
        manifest=repository_path(manifest, prefix),
        metrics_files=[file.path for file in files if file.role == "metrics"],
        warn=warn,
    )
    return PublishPlan(
        repository=repository,
        addresses=forge.facts.addresses,
        destination=place,
        base_head=base_head,
        branch=branch,
        prefix=prefix,
        model_file=model,
        files=files,
        there=there,
        further=further,
        changed=not (
            holds_result(there, files, removes=further.removes) and store.holds(model, there=there, read=read)
        ),
        champion=champion,
        verdict=judge(rules, run, champion),
        marker=marker,
    )


def _check_hash(files: Sequence[CommitFile], model: ModelFile) -> None:
    """Refuse a model that has changed since training described it in the manifest."""
    content = next(file.content for file in files if file.role == "manifest")
    if ModelManifest.from_json(content, source=manifest_path(model.path)).sha256 != model.sha256:
        raise ModelError(
            f"{model.path} is not the file that its manifest describes: it has changed since the training.",
            next_step="Run cmlkit train again.",
        )


def _base_head(base: str, repository: Repository, forge: PublishForge) -> str:
    head = forge.branch_head(base)
    if head is None:
        raise SettingsError(
            f"{repository.full_name} has no branch {base!r} to open a pull request against.",
            next_step=f"Correct the setting publish.base; the default branch is {repository.default_branch!r}.",
        )
    return head


def _branch(
    run: TrainingRun, *, spec: PublishSpec, base: str, base_head: str, marker: Marker, forge: PublishForge
) -> str:
    trained = datetime.datetime.fromtimestamp(run.started, tz=datetime.UTC)
    name = experiment_branch(
        spec.branch,
        base=base,
        run=marker.run,
        attempt=marker.attempt,
        date=f"{trained:%Y-%m-%d}",
        sha=run.commit or base_head,
    )
    if spec.on_existing == "update" and (earlier := earlier_pull_requests(base, marker, forge=forge)):
        return earlier[0].head
    return name
