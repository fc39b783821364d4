"""The publish plan: everything that is decided and checked before the first write."""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.clock import Clock
from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.base import Outlook, PublishForge, Repository
from cmlkit.forges.facts import Addresses
from cmlkit.gate.verdict import Verdict
from cmlkit.model.manifest import ModelManifest, RecordedVerdict, manifest_path, published_beside
from cmlkit.model.profiles import profiles_path
from cmlkit.publishing.base_model import PAST_MODELS, BaseModel, find_base_model, judge, read_parts
from cmlkit.publishing.branch import experiment_branch
from cmlkit.publishing.commit import holds_result
from cmlkit.publishing.destination import Destination, destination, likely_base
from cmlkit.publishing.files import CommitFile, FoundModel, find_model, plot_note, read_files, repository_path
from cmlkit.publishing.further_files import FurtherFiles, beside_base, selected
from cmlkit.publishing.generated import attributes_beside
from cmlkit.publishing.git_owners import GitOwners, as_pointers, warn_of_ignored
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.pipeline_files import PipelineFiles
from cmlkit.publishing.precedence import Origin, Place, Precedence, recorded
from cmlkit.publishing.selection import Selection
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import GateSpec, PublishSpec
from cmlkit.stores.base import Store
from cmlkit.stores.pointer import dvc_path
from cmlkit.stores.several import holds_all


@dataclass(frozen=True, kw_only=True)
class PublishPlan:
    """Content and place of a publication, as decided before the first write.

    Attributes:
        base_head: Commit of the base branch that the champion was read from.
        place: The experiment branch, and what keeps its model beside it; `precedence` has the rules.
        prefix: Repository path of the working directory.
        found: The model, for the store.
        removes: Paths of an earlier version of the model that the commit must not have.
        files: All other files of the commit except the report, which shows the verdict.
        further: What becomes of the files of the setting publish.files; `files` has those to commit, too.
        there: Path -> blob id, for the paths of `files` and of the stored model that the base commit has.
        changed: Whether model, metrics or plots differ from the base branch's.
        plot_notes: Plot, as in the run -> why the report does not show it.
        champion: The base branch's model, if it has one.
        marker: Identifies the pull request.
        draft: Whether it is a draft, as it is if the gate rejects the model.
    """

    repository: Repository
    addresses: Addresses
    destination: Destination
    base_head: str
    place: Place
    precedence: Precedence
    prefix: PurePosixPath
    found: FoundModel
    removes: tuple[str, ...]
    files: tuple[CommitFile, ...]
    further: FurtherFiles
    there: Mapping[str, str]
    changed: bool
    plot_notes: Mapping[str, str]
    champion: BaseModel | None
    verdict: Verdict
    marker: Marker
    draft: bool

    @property
    def base(self) -> str:
        """The branch that the pull request targets."""
        return self.destination.base

    @property
    def branch(self) -> str:
        """The experiment branch."""
        return self.place.branch

    @property
    def head(self) -> str | None:
        """Head of the experiment branch; None if there is no such branch yet."""
        return self.place.head

    @property
    def is_outdated(self) -> bool:
        """Whether a newer run has published a model, on the base branch or in the pull request of `place.kept`."""
        before = self.champion.origin if self.champion else None
        return self.place.reason == "newer" or (before is not None and self.precedence.ours.is_older_than(before))

    @property
    def model(self) -> str:
        """Repository path of the model."""
        return self.marker.subject

    @property
    def model_sha256(self) -> str:
        """Hash of the model's own bytes, wherever they are stored."""
        return self.found.sha256


@dataclass(frozen=True, kw_only=True)
class _Gathered:
    """Everything of the publication that the checkout has.

    Attributes:
        own: The files beside the model: manifest, profiles, metrics, plots.
        chosen: What the setting publish.files selects, as git tells it; None if it is not set, or without git.
        manifest: Repository path of the model's manifest.
        profiles: Repository path of the data's profiles.
        taken: Paths that the store may write for the model.
    """

    model: FoundModel
    own: Sequence[CommitFile]
    chosen: Selection | None
    manifest: str
    profiles: str
    taken: frozenset[str]
    marker: Marker

    def paths(self, own: Iterable[CommitFile], removes: Iterable[str]) -> list[str]:
        attributes = attributes_beside(self.marker.subject)
        return [*sorted(self.taken), self.profiles, attributes, *(file.path for file in own), *removes]


@dataclass(frozen=True, kw_only=True)
class Planning:
    """The steps to a plan: what the checkout has, what the base branch has, what is decided of both."""

    run: TrainingRun
    spec: PublishSpec
    gate: GateSpec
    directory: Path
    prefix: PurePosixPath
    forge: PublishForge
    store: Store
    pipelines: PipelineFiles
    owners: GitOwners
    workflow_run: WorkflowRun
    warn: Callable[[str], None]
    clock: Clock

    def plan(self) -> PublishPlan:
        """Read, check and judge without writing anything.

        Raises:
            SettingsError, ModelError: A file, a rule or the branch's name is wrong, or the base branch does not exist.
            PermissionDenied, NotFound, ServiceError: The repository cannot be read.
        """
        here = self._gathered()
        self._look_ahead(here)
        return self._decided(here)

    def _gathered(self) -> _Gathered:
        run, spec, keeps = self.run, self.spec, self.pipelines.keeps
        manifest = manifest_path(run.model)
        model = find_model(
            run, directory=self.directory, prefix=self.prefix, store=self.store, warn=self.warn, keeps=keeps
        )
        chosen = (
            selected(spec.files, directory=self.directory, forge=self.forge, warn=self.warn) if spec.files else None
        )
        own = read_files(
            run,
            manifest=manifest,
            # Without git nothing tells which of them have changed.
            extra=spec.files if chosen is None else (),
            directory=self.directory,
            prefix=self.prefix,
            limits=self.forge.facts.limits.files,
            warn=self.warn,
            keeps=keeps,
        )
        _check_hash(own, model)
        # DVC itself lets git ignore a model that it keeps.
        named = [] if spec.store == "dvc" else [file.path for file in model.files if not keeps(file.path)]
        warn_of_ignored([*named, *(file.path for file in own)], self.owners, warn=self.warn)
        return _Gathered(
            model=model,
            own=own,
            chosen=chosen,
            manifest=repository_path(manifest, self.prefix),
            profiles=repository_path(profiles_path(run.model), self.prefix),
            taken=frozenset(path for file in model.files for path in self.store.paths(file.path)),
            marker=self._marker(),
        )

    def _decided(self, here: _Gathered) -> PublishPlan:
        repository = self.forge.repository()
        target = destination(
            self.workflow_run, forge=self.forge, named=self.spec.base, default=repository.default_branch
        )
        base_head = _base_head(target.base, repository, self.forge)
        read = functools.partial(self.forge.read_file, ref=base_head)
        notes = plot_notes(self.run, here.own, self.prefix, self.pipelines)
        own, in_lfs = as_pointers(here.own, self.owners, warn=self.warn)
        own = (*own, *self.pipelines.pointers(read))
        there = self.forge.blob_ids(base_head, here.paths(own, self.pipelines.removes))
        champion = self._champion(here, base_head, there)
        verdict = judge(self.gate, self.run, champion)
        own, trained = _with_verdict(own, recorded(verdict, here.marker))
        precedence = Precedence(
            ours=Origin(
                run=here.marker.run, attempt=here.marker.attempt, trained=trained, is_accepted=verdict.accepted
            ),
            marker=here.marker,
            manifest=here.manifest,
            base=target.base,
            base_head=base_head,
            forge=self.forge,
            clock=self.clock,
        )
        named = self._named_branch(base=target.base, base_head=base_head, marker=here.marker)
        if named == repository.default_branch:
            raise SettingsError(
                f"The experiment branch {named!r} is the default branch: nothing was written.",
                next_step="Change the setting publish.branch, such as to cmlkit/{base}/{run}.",
            )
        place = precedence.place(named, reuses=self.spec.on_existing == "update")
        further = self._further(here, own, base_head, place)
        further = dataclasses.replace(further, stored=(*in_lfs, *further.stored))
        files = (*own, *further.files)
        removes = self._removes(here, champion, place)
        there = self._with_others(there, base_head, [*(file.path for file in further.files), *further.removes])
        there = self._with_others(there, base_head, removes)
        return PublishPlan(
            repository=repository,
            addresses=self.forge.facts.addresses,
            destination=target,
            base_head=base_head,
            place=place,
            precedence=precedence,
            prefix=self.prefix,
            found=here.model,
            removes=removes,
            files=files,
            there=there,
            further=further,
            changed=not (
                holds_result(there, files, removes=(*further.removes, *removes))
                and holds_all(self.store, here.model.files, there=there, read=read)
            ),
            plot_notes=notes,
            champion=champion,
            verdict=verdict,
            marker=here.marker,
            draft=self.spec.draft or not verdict.accepted,
        )

    def _marker(self) -> Marker:
        return Marker(
            kind="pull-request",
            subject=repository_path(self.run.model, self.prefix),
            run=self.workflow_run.run_id,
            attempt=self.workflow_run.attempt,
        )

    def _look_ahead(self, here: _Gathered) -> None:
        """Let the forge ask at once for everything that the plan is about to read."""
        base = likely_base(self.workflow_run, named=self.spec.base)
        self.forge.look_ahead(
            Outlook(
                base=base,
                branch=self._likely_branch(base, here.marker),
                folders=_folders(here.paths(here.own, self.pipelines.removes)),
                manifest=here.manifest,
                history=PAST_MODELS,
            )
        )

    def _likely_branch(self, base: str, marker: Marker) -> str:
        """Return the branch's name, or nothing if it cannot be told yet, or is malformed, which is told later."""
        if self.spec.on_existing == "update" or ("{sha" in self.spec.branch and not self.run.commit):
            return ""
        try:
            return self._named_branch(base=base, base_head=self.run.commit or "", marker=marker)
        except SettingsError:
            return ""

    def _named_branch(self, *, base: str, base_head: str, marker: Marker) -> str:
        trained = datetime.datetime.fromtimestamp(self.run.started, tz=datetime.UTC)
        return experiment_branch(
            self.spec.branch,
            base=base,
            run=marker.run,
            attempt=marker.attempt,
            date=f"{trained:%Y-%m-%d}",
            sha=self.run.commit or base_head,
        )

    def _champion(self, here: _Gathered, base_head: str, there: Mapping[str, str]) -> BaseModel | None:
        read = functools.partial(self.forge.read_file, ref=base_head)
        return find_base_model(
            self.forge,
            commit=base_head,
            there=there,
            manifest=here.manifest,
            profiles=here.profiles,
            metrics_files=[repository_path(path, self.prefix) for path in self.run.metrics_files],
            warn=self.warn,
            read_kept=functools.partial(self.pipelines.read_kept, read=read, warn=self.warn),
        )

    def _further(self, here: _Gathered, own: Sequence[CommitFile], base_head: str, place: Place) -> FurtherFiles:
        if here.chosen is None:
            return FurtherFiles()
        return beside_base(
            here.chosen,
            self.spec.files,
            own={
                *published_beside(here.model.path),
                *(file.path for file in here.model.files),
                *(file.path for file in own),
            },
            directory=self.directory,
            base_head=base_head,
            head=place.head,
            forge=self.forge,
            workflow_run=self.workflow_run,
            warn=self.warn,
        )

    def _removes(self, here: _Gathered, champion: BaseModel | None, place: Place) -> tuple[str, ...]:
        earlier = _earlier_files(here.model, here.taken, champion, here.manifest, place.head, self.forge)
        return tuple(dict.fromkeys((*earlier, *self.pipelines.removes)))

    def _with_others(self, there: Mapping[str, str], base_head: str, paths: Sequence[str]) -> Mapping[str, str]:
        return {**there, **self.forge.blob_ids(base_head, paths)} if paths else there


def _earlier_files(
    model: FoundModel,
    taken: Collection[str],
    champion: BaseModel | None,
    manifest: str,
    head: str | None,
    forge: PublishForge,
) -> tuple[str, ...]:
    """Return the paths of the base's and the branch's version of the model that this one, or they, have as a folder.

    Args:
        taken: Paths that the store may write for this version.
        manifest: Repository path of the model's manifest.
        head: Head of the experiment branch; an earlier try of this run may have committed another version there.
    """
    is_folder = model.files[0].path != model.path
    versions = [champion.files] if champion and (champion.files or is_folder) else []
    if is_folder and head and (content := forge.read_file(manifest, ref=head)):
        versions.append(read_parts(content))
    earlier = {
        path
        for parts in versions
        for each in ([f"{model.path}/{part.path}" for part in parts] or [model.path])
        for path in (each, dvc_path(each))
    }
    if versions:
        earlier.add(dvc_path(model.path))  # DVC has a folder as a whole
    return tuple(sorted(earlier.difference(taken)))


def _with_verdict(files: Sequence[CommitFile], verdict: RecordedVerdict) -> tuple[tuple[CommitFile, ...], str]:
    """Return the files with the verdict in the manifest, and when the model was trained according to that."""
    [file] = [file for file in files if file.role == "manifest"]
    manifest = dataclasses.replace(ModelManifest.from_json(file.content, source=file.path), verdict=verdict)
    judged = dataclasses.replace(file, content=manifest.to_json().encode())
    return tuple(judged if item is file else item for item in files), manifest.created


def plot_notes(
    run: TrainingRun, files: Sequence[CommitFile], prefix: PurePosixPath, pipelines: PipelineFiles
) -> dict[str, str]:
    """Return plot -> why the report does not show it, by the plots' own bytes, which may go to Git LFS."""
    contents = {file.path: file.content for file in files}
    notes = {}
    for plot in run.plots:
        path = repository_path(plot, prefix)
        if path in contents:
            notes[plot] = plot_note(plot, contents[path])
        elif pipelines.keeps(path):
            notes[plot] = f"DVC keeps it: dvc pull {plot}"
    return {plot: note for plot, note in notes.items() if note}


def _check_hash(files: Sequence[CommitFile], model: FoundModel) -> None:
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


def _folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of files in the repository, each once; empty for the root."""
    return tuple(dict.fromkeys(path.rpartition("/")[0] for path in paths))
