"""Publish: judge one training run, then write it; each step resumes what an earlier try left unfinished."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.ci import for_commands
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import CmlkitError, PermissionDenied, SettingsError
from cmlkit.forges.base import Changes, NewPullRequest, PublishForge, PullRequest
from cmlkit.gate.verdict import Verdict
from cmlkit.progress import Progress, Say, Silent
from cmlkit.publishing import spending, wording
from cmlkit.publishing.base_model import past_models
from cmlkit.publishing.commit import commit_files
from cmlkit.publishing.destination import FORK_GUIDE, merge_by_itself
from cmlkit.publishing.files import CommitFile, repository_path
from cmlkit.publishing.further_files import keep_versions, store_in_lfs
from cmlkit.publishing.generated import attributes_beside, with_mark
from cmlkit.publishing.git_owners import GitOwners
from cmlkit.publishing.job_times import Times, known_jobs
from cmlkit.publishing.own_branch import signed
from cmlkit.publishing.pipeline_files import PipelineFiles, own_paths, pipeline_files
from cmlkit.publishing.plan import Planning, PublishPlan
from cmlkit.publishing.precedence import Overtaken
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.pull_request import (
    Reception,
    earlier_pull_requests,
    open_pull_request,
    reception,
    supersedable,
)
from cmlkit.publishing.telling import Telling
from cmlkit.publishing.wording import unpublished
from cmlkit.records.cost import Spent, hourly
from cmlkit.records.metric_values import checked_metrics
from cmlkit.records.timeline import as_seconds
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import SUMMARY_LENGTH, PastModel, Report
from cmlkit.report.markdown import code
from cmlkit.settings.schema import GateSpec, PublishSpec
from cmlkit.sinks.secrets import Secrets
from cmlkit.stores.base import Store, Stored
from cmlkit.stores.choice import store_for
from cmlkit.stores.several import Divided, put_all
from cmlkit.together import beside

# Code points left free for the costs of earlier runs in a body that has the report.
BODY_ROOM = 536
# Seconds before a result is judged again, each time that another run came first. A forge can list a pull request with
# an old head for a while.
PAUSES_WHEN_OVERTAKEN = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)


def publish(
    run: TrainingRun,
    *,
    spec: PublishSpec,
    rules: Sequence[str] = (),
    gate: GateSpec | None = None,
    directory: str | os.PathLike[str],
    forge: PublishForge,
    workflow_run: WorkflowRun,
    progress: Progress | None = None,
    prefix: str | os.PathLike[str] = "",
    clock: Clock | None = None,
) -> Publication:
    """Judge the model and publish it: one commit, a pull request, a report comment, a check.

    Everything is checked before the first write. A second run after a failure completes the first and duplicates
    nothing. The working tree is only read. Call `Publication.raise_if_rejected` after writing outputs.

    Args:
        rules: Rules of the gate, such as `accuracy >= champion - 0.01`.
        gate: Rules, directions of metrics and the one that decides, instead of `rules` alone.
        directory: The working directory, to which the run's paths are relative.
        prefix: Repository path of the working directory.
        clock: Used to wait while others write to the same branch.

    Raises:
        MetricsError, SettingsError, ModelError: A metric, a setting, a rule or a file is wrong; nothing was written.
        PermissionDenied, NotFound, ServiceError: The forge refused something.
        Conflict: Others wrote to the branch at each try.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    began = clock.now()
    run = dataclasses.replace(run, metrics=checked_metrics(run.metrics, of="The run's metrics"))
    once = functools.partial(
        _judge_and_publish,
        run,
        spec=spec,
        gate=gate or GateSpec.of_rules(rules),
        directory=Path(directory),
        forge=forge,
        workflow_run=workflow_run,
        progress=progress,
        prefix=PurePosixPath(prefix),
        clock=clock,
        began=began,
    )
    for pause in PAUSES_WHEN_OVERTAKEN:
        try:
            return once()
        except Overtaken as overtaken:
            progress.note(f"{overtaken.message} The result is judged and placed again.")
            clock.sleep(pause)
    return once()


def _judge_and_publish(
    run: TrainingRun,
    *,
    spec: PublishSpec,
    gate: GateSpec,
    directory: Path,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    progress: Progress,
    prefix: PurePosixPath,
    clock: Clock,
    began: float,
) -> Publication:
    """Try to publish once.

    Raises:
        Overtaken: Another run has written a model meanwhile that must stay.
    """
    store = store_for(
        spec.store,
        access=forge.git_access,
        limits=forge.facts.limits.files,
        directory=directory,
        environ=for_commands(os.environ),
        clock=clock,
    )
    with progress.stage("Judge the model") as say:
        pipelines = _pipelines(run, spec, directory, prefix, progress.warn)
        owners = GitOwners.of(directory)
        in_lfs = owners.in_lfs(own_paths(run, directory, prefix)) if spec.store == "git" else set()
        store = _divided(store, pipelines, in_lfs, forge=forge, clock=clock)
        planning = Planning(
            run=run,
            spec=spec,
            gate=gate,
            directory=directory,
            prefix=prefix,
            forge=forge,
            store=store,
            pipelines=pipelines,
            owners=owners,
            workflow_run=workflow_run,
            warn=progress.warn,
            clock=clock,
        )
        plan, jobs = beside(planning.plan, lambda: known_jobs(forge, workflow_run, warn=progress.warn))
        say(plan.verdict.headline)
    times = Times(run=run, jobs=jobs, workflow_run=workflow_run, began=began)
    report = unpublished(run, plan, workflow_run, parts=times.until_report(clock.now()))
    if not plan.changed:
        note = f"Nothing changed: {plan.base} holds the same model, metrics and plots. Nothing is published."
        return _unpublished(plan.verdict, note, report, progress, changed=False)
    if spec.on_rejected == "skip" and not plan.verdict.accepted:
        return _unpublished(plan.verdict, "The gate rejected the model: nothing is published.", report, progress)
    if plan.destination.refused:
        return _unpublished(plan.verdict, _for_fork(plan, workflow_run), report, progress)
    publisher = Publisher(
        run=run,
        plan=plan,
        spec=spec,
        forge=forge,
        store=store,
        pipelines=pipelines,
        owners=owners,
        workflow_run=workflow_run,
        progress=progress,
        clock=clock,
        times=times,
    )
    if aside := plan.place.sentence():
        progress.warn(aside)
    try:
        return publisher.publish()
    except PermissionDenied:
        if not (workflow_run.from_fork or workflow_run.trigger.reads_only):
            raise
        return _unpublished(plan.verdict, _for_fork(plan, workflow_run), report, progress)


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """The execution of one plan on one forge."""

    run: TrainingRun
    plan: PublishPlan
    spec: PublishSpec
    forge: PublishForge
    store: Store
    pipelines: PipelineFiles
    owners: GitOwners
    workflow_run: WorkflowRun
    progress: Progress
    clock: Clock
    times: Times

    def publish(self) -> Publication:
        """Write commit, pull request, comment and check, then labels, reviewers and the rest of the settings."""
        title, body = self._words()  # before the first write, as a template may be malformed
        self.forge.check_start(self.plan.base_head)
        with self.progress.stage("Store the model") as say:
            self.pipelines.push(say)
            stored = self._stored(say)
            body = "\n\n".join(filter(None, (body, self._store_further(say))))
        removes = (*stored.removes, *self.plan.removes, *self.plan.further.removes)
        kept = self._marked((*_model_files(stored), *self.plan.files), removes)
        report = wording.report(self.run, self.plan, self.workflow_run, files=kept, store=self._store_name)
        with self.progress.stage("Upload the files"):
            spent, _ = beside(self._spent, lambda: self._upload(kept))
        # Without the publishing, which takes another time at each try, as the report is a file of the commit.
        draft = dataclasses.replace(report, past=self._past(), spent=spent, parts=self.times.until_trained())
        trend = wording.trend_file(draft, self.plan, Secrets.of(os.environ))
        draft = dataclasses.replace(draft, files=(*draft.files, *(file.path for file in trend)))
        files = (*kept, *trend, wording.report_file(draft, self.plan, Secrets.of(os.environ)))
        with self.progress.stage("Commit the result") as say:
            written, receptions = beside(
                lambda: self._commit(files, removes=removes, new=self._new(title, body)), self._receptions
            )
            commit = written.commit
            say(f"{commit[:12]} on {self.plan.branch}")
        parts = self.times.until_report(self.clock.now())
        report = dataclasses.replace(wording.of_commit(draft, self.plan, commit), parts=parts)
        with self.progress.stage("Open the pull request") as say:
            pull_request = written.pull_request or self._open(title, body, report, is_new=written.is_new)
            say(pull_request.url)
        with self.progress.stage("Report and settle"):
            told = Telling(
                plan=self.plan,
                spec=self.spec,
                forge=self.forge,
                workflow_run=self.workflow_run,
                progress=self.progress,
                pull_request=pull_request,
                is_new=written.is_new,
                commit=commit,
                report=report,
                receptions=receptions,
            ).tell()
            self._merge(pull_request)
        return Publication(
            verdict=self.plan.verdict,
            changed=True,
            branch=self.plan.branch,
            commit_sha=commit,
            files=tuple(file.path for file in files),
            model_path=self.plan.model,
            model_sha256=self.plan.model_sha256,
            pull_request_number=pull_request.number,
            pull_request_url=pull_request.url,
            comment_url=told.comment_url,
            check_url=told.check_url,
            superseded=told.superseded,
            timeline=as_seconds(parts),
            report=self._for_summary(report.markdown(limit=SUMMARY_LENGTH)),
        )

    def _for_summary(self, report: str) -> str:
        """Return the report for the run's summary, which alone has the notes to those who look after the workflow."""
        aside, advice = self.plan.place.sentence(quoted=code), self.forge.token_note()
        return "\n\n".join([*(f"> {note}" for note in (aside, advice) if note), report])

    @property
    def _store_name(self) -> str:
        paths = {file.path for file in self.plan.found.files}
        if all(map(self.pipelines.keeps, paths)):
            return "dvc"
        return "lfs" if self.spec.store == "git" and paths <= self.owners.in_lfs(paths) else self.spec.store

    def _past(self) -> tuple[PastModel, ...]:
        if self.plan.champion is None:
            return ()
        manifest = next(file.path for file in self.plan.files if file.role == "manifest")
        return past_models(self.forge, manifest=manifest, commit=self.plan.base_head, warn=self.progress.warn)

    def _spent(self) -> Spent | None:
        if self._spending_note is None:
            return None
        try:
            return spending.spent(
                self._spending_note,
                base=self.plan.base,
                marker=self.plan.marker,
                forge=self.forge,
                workflow=self.workflow_run.workflow,
                hourly=hourly(self.run.instance) if self.run.instance else None,
            )
        except CmlkitError as error:
            self.progress.warn(f"The report does not say what earlier runs cost: {error.message}")
            return None

    @property
    def _spending_note(self) -> spending.SpendingNote | None:
        return spending.note_of(self.run, self.plan.marker)

    def _stored(self, say: Say) -> Stored:
        """Store the model, before anything refers to it; return the files that stand for it in the commit."""
        return put_all(self.store, self.plan.found.files, there=self.plan.there, read=self._read, say=say)

    def _marked(self, files: Sequence[CommitFile], removes: Collection[str]) -> tuple[CommitFile, ...]:
        """Return the files of the commit with the marks of those that cmlkit generates."""
        model, place = self.plan.model, attributes_beside(self.plan.model)
        is_there = place in self.plan.there
        # Without a checkout nothing tells the rules of a file that is there.
        if self.pipelines.keeps(place) or (is_there and self.owners.root is None):
            return tuple(files)
        read = self._read if is_there or self.plan.head else lambda path: None
        marked = with_mark(files, model, owners=self.owners, removes=removes, read=read)
        # The base may have the lines since the checkout.
        return tuple(f for f in marked if f.role != "attributes" or self.plan.there.get(f.path) != f.blob)

    def _store_further(self, say: Say) -> str:
        """Store what the commit does not have of the further files; return the body's words about it."""
        further = self.plan.further
        store_in_lfs(further.stored, forge=self.forge, clock=self.clock, say=say)
        versions = keep_versions(further.conflicts, forge=self.forge, clock=self.clock) if further.conflicts else {}
        return wording.left_out(versions)

    def _read(self, path: str) -> bytes | None:
        """Return a file's content in the parent of the new commit."""
        return self.forge.read_file(path, ref=self.plan.head or self.plan.base_head)

    def _upload(self, files: Sequence[CommitFile]) -> None:
        """Upload the files while the report is not written yet; on a branch that exists they may be there already."""
        if self.plan.head is None:
            known = frozenset(self.plan.there.values())
            self.forge.upload(Changes(message="", files=files, known=known), parent=self.plan.base_head)

    def _new(self, title: str, body: str) -> NewPullRequest | None:
        """Return the pull request, unless its text needs the commit's id, as a report in it does."""
        if self.spec.comment == "none":
            return None
        return NewPullRequest(base=self.plan.base, title=title, body=body, draft=self.plan.draft)

    def _commit(self, files: Sequence[CommitFile], *, removes: Sequence[str], new: NewPullRequest | None) -> _Written:
        written = _Written(commit="")

        def write(changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
            nonlocal written
            if not is_new or new is None:
                commit, opened = self.forge.commit(changes, branch=branch, parent=parent, is_new=is_new), None
            else:
                commit, opened = self.forge.commit_and_open(changes, branch=branch, parent=parent, pull_request=new)
            written = _Written(commit=commit, pull_request=opened, is_new=is_new)
            return commit

        commit = commit_files(
            files,
            removes=removes,
            refresh=self.spec.on_existing == "update",
            warn=self.progress.warn,
            forge=self.forge,
            branch=self.plan.branch,
            base_head=self.plan.base_head,
            message=signed(
                wording.commit_message(self.run, self.plan, self.workflow_run, skip_ci=self.spec.skip_ci),
                self.plan.branch,
            ),
            clock=self.clock,
            head=self.plan.head,
            write=write,
            is_current=functools.partial(self.plan.precedence.is_judged_alike, self.plan.branch),
        )
        return dataclasses.replace(written, commit=commit)

    def _receptions(self) -> Mapping[int, Reception]:
        """Return what became of the pull requests that this one is going to supersede, as far as that can be told."""
        if self.spec.on_existing != "supersede":
            return {}
        plan = self.plan
        try:
            earlier = earlier_pull_requests(plan.base, plan.marker, forge=self.forge)
            earlier = supersedable(earlier, current=plan.branch, marker=plan.marker)
            return {item.number: reception(item.number, forge=self.forge) for item in earlier}
        except CmlkitError:
            return {}  # asked again when they are closed, and told then

    def _words(self) -> tuple[str, str]:
        """Return title and body of the pull request."""
        limits = self.forge.facts.limits
        body = wording.body(self.plan, self.workflow_run, template=self.spec.body, limits=limits)
        body = f"{body}\n\n{self._spending_note}" if self._spending_note else body
        return wording.title(self.plan, self.spec.title, longest=limits.title), body

    def _open(self, title: str, body: str, report: Report, *, is_new: bool) -> PullRequest:
        if self.spec.comment == "none":
            body = f"{body}\n\n{report.markdown(limit=self.forge.facts.limits.text - BODY_ROOM - len(body))}"
        try:
            new = NewPullRequest(base=self.plan.base, title=title, body=body, draft=self.plan.draft)
            return open_pull_request(new, branch=self.plan.branch, is_new=is_new, forge=self.forge)
        except PermissionDenied as error:
            raise PermissionDenied(
                f"{error.message} The result is committed to the branch {self.plan.branch}.", next_step=error.next_step
            ) from error

    def _merge(self, pull_request: PullRequest) -> None:
        if self.spec.auto_merge and self._may_merge():
            merge_by_itself(
                pull_request,
                self.spec.auto_merge,
                destination=self.plan.destination,
                enable=self.forge.enable_auto_merge,
                warn=self.progress.warn,
            )

    def _may_merge(self) -> bool:
        if self.plan.draft or self.plan.further.conflicts:
            return False
        if self.plan.is_outdated or self.plan.precedence.is_overtaken():
            self.progress.warn("The pull request is not merged by itself, as a newer run has published a model.")
            return False
        if not self.plan.verdict.may_merge:
            self.progress.warn(
                "The pull request is not merged by itself, as the model is not judged: name the metric that decides in"
                " the setting gate.primary-metric, or a rule that the model must meet."
            )
        return self.plan.verdict.may_merge


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A commit, and its pull request if that was opened with it; `is_new` if the branch did not exist before."""

    commit: str
    pull_request: PullRequest | None = None
    is_new: bool = False


def _pipelines(
    run: TrainingRun, spec: PublishSpec, directory: Path, prefix: PurePosixPath, warn: Callable[[str], None]
) -> PipelineFiles:
    found = pipeline_files(run, directory=directory, prefix=prefix, environ=for_commands(os.environ), warn=warn)
    model = repository_path(run.model, prefix)
    if found.keeps(model) and spec.store not in ("git", "dvc"):
        warn(f"{run.model} is an output of dvc.yaml: DVC pushes it, and publish.store {spec.store} gets nothing.")
    if model in found.owned and not found.keeps(model) and spec.store == "dvc":
        raise SettingsError(
            f"{run.model} is an output of dvc.yaml with cache: false, which DVC gives no .dvc file.",
            next_step="Leave out cache: false there, and DVC keeps the model; or set publish.store to git or lfs.",
        )
    return found


def _divided(
    store: Store, pipelines: PipelineFiles, in_lfs: Collection[str], *, forge: PublishForge, clock: Clock
) -> Store:
    """Return the store, and beside it those of the tools that own files of the model: Git LFS and DVC.

    Args:
        in_lfs: The files that .gitattributes gives to Git LFS.
    """
    if in_lfs:
        from cmlkit.stores.lfs import LfsStore

        lfs = LfsStore(forge.git_access, limits=forge.facts.limits.files, clock=clock)
        store = Divided(lfs, store, in_lfs.__contains__)
    if pipelines.kept:
        from cmlkit.stores.dvc_outputs import KeptOutputs

        store = Divided(KeptOutputs(), store, pipelines.keeps)
    return store


def _for_fork(plan: PublishPlan, workflow_run: WorkflowRun) -> str:
    """Return why nothing but the report is written for a pull request that comes from outside of the repository."""
    trigger = workflow_run.trigger
    if trigger.reads_only == "Dependabot":
        why = "Dependabot started this run, so its token may only read"
    elif plan.destination.refused and not trigger.reads_only and trigger.kind != "none":
        why = plan.destination.refused.rstrip(".")
    else:
        why = "This pull request comes from a fork, so its token may only read"
    return f"{why}: nothing but this report is written. See {FORK_GUIDE}."


def _model_files(stored: Stored) -> list[CommitFile]:
    return [CommitFile(path=path, role="model", content=content) for path, content in stored.files.items()]


def _unpublished(verdict: Verdict, note: str, report: str, progress: Progress, *, changed: bool = True) -> Publication:
    progress.note(note)
    return Publication(verdict=verdict, changed=changed, report=f"> {note}\n\n{report}")
