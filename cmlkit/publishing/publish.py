"""Publish: judge one training run, then write it; each step resumes what an earlier try left unfinished."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmlkit.ci import for_commands
from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import CmlkitError, PermissionDenied, ServiceError
from cmlkit.forges.base import Conclusion, PublishForge, PullRequest
from cmlkit.gate.verdict import Verdict
from cmlkit.progress import Progress, Say, Silent
from cmlkit.publishing import spending, wording
from cmlkit.publishing.base_model import past_models
from cmlkit.publishing.comment import add_comment, keep_comment
from cmlkit.publishing.commit import commit_files
from cmlkit.publishing.destination import FORK_GUIDE, merge_by_itself, warn_of_pending_checks
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.further_files import keep_versions, store_in_lfs
from cmlkit.publishing.marker import Marker, marker_in
from cmlkit.publishing.own_branch import signed
from cmlkit.publishing.plan import PublishPlan, make_plan
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.pull_request import earlier_pull_requests, open_pull_request, supersede
from cmlkit.publishing.wording import rejections, unpublished
from cmlkit.records.cost import Spent
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.report import MARKER_ROOM, SUMMARY_LENGTH, PastModel, Report
from cmlkit.report.markdown import code
from cmlkit.settings.schema import PublishSpec
from cmlkit.stores.base import Store, Stored
from cmlkit.stores.choice import store_for

CHECK_NAME = "cmlkit"
# Code points left free for the costs of earlier runs in a body that has the report.
BODY_ROOM = 536


def publish(
    run: TrainingRun,
    *,
    spec: PublishSpec,
    rules: Sequence[str] = (),
    directory: Path,
    forge: PublishForge,
    workflow_run: WorkflowRun,
    progress: Progress | None = None,
    prefix: PurePosixPath = PurePosixPath(),  # noqa: B008 - immutable
    clock: Clock | None = None,
) -> Publication:
    """Judge the model and publish it: one commit, a pull request, a report comment, a check.

    Everything is checked before the first write. A second run after a failure completes the first and duplicates
    nothing. The working tree is only read. Call `Publication.raise_if_rejected` after writing outputs.

    Args:
        rules: Rules of the gate, such as `accuracy >= champion - 0.01`.
        directory: The working directory, to which the run's paths are relative.
        prefix: Repository path of the working directory.
        clock: Used to wait while others write to the same branch.

    Raises:
        SettingsError, ModelError: A setting, a rule or a file is wrong; nothing was written.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    store = store_for(
        spec.store,
        access=forge.git_access,
        limits=forge.facts.limits.files,
        directory=directory,
        environ=for_commands(os.environ),
        clock=clock,
    )
    with progress.stage("Judge the model") as say:
        plan = make_plan(
            run,
            spec=spec,
            rules=rules,
            directory=directory,
            prefix=prefix,
            forge=forge,
            store=store,
            workflow_run=workflow_run,
            warn=progress.warn,
        )
        say(plan.verdict.headline)
    report = unpublished(run, plan, workflow_run)
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
        workflow_run=workflow_run,
        progress=progress,
        clock=clock,
    )
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
    workflow_run: WorkflowRun
    progress: Progress
    clock: Clock

    def publish(self) -> Publication:
        """Write commit, pull request, comment and check, then labels, reviewers and the rest of the settings."""
        title, body = self._words()  # before the first write, as a template may be malformed
        past = self._past()
        with self.progress.stage("Store the model") as say:
            stored = self._stored(say)
            body = "\n\n".join(filter(None, (body, self._store_further(say))))
        kept = (*_model_files(stored), *self.plan.files)
        report = wording.report(self.run, self.plan, self.workflow_run, files=kept, store=self.spec.store)
        draft = dataclasses.replace(report, past=past, spent=self._spent())
        files = (*kept, wording.report_file(draft, self.plan))
        with self.progress.stage("Commit the result") as say:
            commit = self._commit(files, removes=(*stored.removes, *self.plan.further.removes))
            say(f"{commit[:12]} on {self.plan.branch}")
        report = wording.of_commit(draft, self.plan, commit)
        with self.progress.stage("Open the pull request") as say:
            pull_request = self._open(title, body, report)
            say(pull_request.url)
        with self.progress.stage("Report"):
            comment_url = self._comment(pull_request, report)
            check_url = self._check(commit, report)
        with self.progress.stage("Settle the pull request"):
            superseded = self._settle(pull_request)
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
            comment_url=comment_url,
            check_url=check_url,
            superseded=superseded,
            report=report.markdown(limit=SUMMARY_LENGTH),
        )

    def _past(self) -> tuple[PastModel, ...]:
        if self.plan.champion is None:
            return ()
        manifest = next(file.path for file in self.plan.files if file.role == "manifest")
        return past_models(self.forge, manifest=manifest, commit=self.plan.base_head, warn=self.progress.warn)

    def _spent(self) -> Spent | None:
        if self._spending_note is None:
            return None
        try:
            return spending.spent(self._spending_note, base=self.plan.base, marker=self.plan.marker, forge=self.forge)
        except CmlkitError as error:
            self.progress.warn(f"The report does not say what earlier runs cost: {error.message}")
            return None

    @property
    def _spending_note(self) -> spending.SpendingNote | None:
        return spending.note_of(self.run, self.plan.marker)

    def _stored(self, say: Say) -> Stored:
        """Store the model, before anything refers to it; return the files that stand for it in the commit."""
        return self.store.put(self.plan.model_file, there=self.plan.there, read=self._read, say=say)

    def _store_further(self, say: Say) -> str:
        """Store what the commit does not have of the further files; return the body's words about it."""
        further = self.plan.further
        store_in_lfs(further.stored, forge=self.forge, clock=self.clock, say=say)
        versions = keep_versions(further.conflicts, forge=self.forge, clock=self.clock) if further.conflicts else {}
        return wording.left_out(versions)

    def _read(self, path: str) -> bytes | None:
        """Return a file's content in the parent of the new commit."""
        return self.forge.read_file(path, ref=self.forge.branch_head(self.plan.branch) or self.plan.base_head)

    def _commit(self, files: Sequence[CommitFile], *, removes: Sequence[str]) -> str:
        return commit_files(
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
        )

    @property
    def _report_marker(self) -> Marker:
        return dataclasses.replace(self.plan.marker, kind="report")

    def _words(self) -> tuple[str, str]:
        """Return title and body of the pull request."""
        note, limits = self.forge.token_note(), self.forge.facts.limits
        body = wording.body(self.plan, self.workflow_run, template=self.spec.body, note=note, limits=limits)
        body = f"{body}\n\n{self._spending_note}" if self._spending_note else body
        return wording.title(self.plan, self.spec.title, longest=limits.title), body

    def _open(self, title: str, body: str, report: Report) -> PullRequest:
        if self.spec.comment == "none":
            body = f"{body}\n\n{report.markdown(limit=self.forge.facts.limits.text - BODY_ROOM - len(body))}"
        try:
            return open_pull_request(
                branch=self.plan.branch,
                base=self.plan.base,
                title=title,
                body=body,
                draft=self._draft,
                forge=self.forge,
            )
        except PermissionDenied as error:
            raise PermissionDenied(
                f"{error.message} The result is committed to the branch {self.plan.branch}.", next_step=error.next_step
            ) from error

    def _comment(self, pull_request: PullRequest, report: Report) -> str:
        if self.spec.comment == "none":
            return ""
        write = keep_comment if self.spec.comment == "update" else add_comment
        # Under a pull request, its readers are to see the result; theirs is the choice to merge it into their branch.
        place, note = pull_request.number, ""
        if (event := self.plan.destination.pull_request) is not None and event != place:
            place, note = event, f"The result is in #{place}, to be merged into {code(self.plan.base)}.\n\n"
        text = note + report.markdown(limit=self._comment_length - len(note))
        return write(place, text, self._report_marker, forge=self.forge).url

    def _check(self, commit: str, report: Report) -> str:
        """Create a check run, or a commit status if the token may not create check runs; return its URL."""
        if not self.spec.check:
            return ""
        title, url = self.plan.verdict.headline, self.workflow_run.url
        checked = self.plan.destination.commit or commit
        try:
            return self.forge.create_check(
                name=CHECK_NAME,
                commit=checked,
                conclusion=self._conclusion,
                title=title,
                summary=wording.summary(report, longest=self.forge.facts.limits.summary),
                details_url=url,
                annotations=rejections(self.plan, level="warning" if self.spec.on_rejected == "warn" else "failure"),
            ).url
        except PermissionDenied as refused:
            try:
                return self.forge.create_status(
                    name=CHECK_NAME, commit=checked, conclusion=self._conclusion, title=title, details_url=url
                )
            except PermissionDenied:
                self.progress.warn(f"No check was created: {refused}")
                return ""

    @property
    def _comment_length(self) -> int:
        return self.forge.facts.limits.text - MARKER_ROOM

    @property
    def _conclusion(self) -> Conclusion:
        if self.plan.verdict.accepted:
            return "success"
        return "neutral" if self.spec.on_rejected == "warn" else "failure"

    def _settle(self, pull_request: PullRequest) -> tuple[int, ...]:
        """Do the optional steps, and close the superseded pull requests; return the numbers of these."""
        if marker_in(pull_request.body) == self.plan.marker and pull_request.draft != self._draft:
            self._optional("The draft state is unchanged", lambda: self.forge.set_draft(pull_request, self._draft))
        self._show_to_people(pull_request.number)
        if self.spec.skip_ci:
            warn_of_pending_checks(self.plan.base, forge=self.forge, otherwise="--no-skip-ci", warn=self.progress.warn)
        closed: list[PullRequest] = []
        if self.spec.on_existing == "supersede":
            earlier = earlier_pull_requests(self.plan.base, self.plan.marker, forge=self.forge)
            closed = supersede(earlier, current=pull_request, marker=self.plan.marker, forge=self.forge)
        if self.spec.auto_merge and not self._draft and not self.plan.further.conflicts:
            merge_by_itself(
                pull_request,
                self.spec.auto_merge,
                destination=self.plan.destination,
                enable=self.forge.enable_auto_merge,
                warn=self.progress.warn,
            )
        return tuple(item.number for item in closed)

    def _show_to_people(self, number: int) -> None:
        """Set labels, reviewers, assignees and milestone."""
        forge, spec = self.forge, self.spec
        if spec.labels:
            self._optional("The labels are not set", lambda: forge.add_labels(number, spec.labels))
        if spec.reviewers:
            self._optional("Nobody is asked for a review", lambda: self._ask_reviewers(number))
        if spec.assignees:
            self._optional("Nobody is assigned", lambda: forge.add_assignees(number, spec.assignees))
        if spec.milestone:
            self._optional("The milestone is not set", lambda: forge.set_milestone(number, spec.milestone))

    @property
    def _draft(self) -> bool:
        return self.spec.draft or not self.plan.verdict.accepted

    def _ask_reviewers(self, number: int) -> None:
        teams = [name.rpartition("/")[2] for name in self.spec.reviewers if "/" in name]
        people = [name for name in self.spec.reviewers if "/" not in name]
        self.forge.request_reviewers(number, people=people, teams=teams)

    def _optional(self, otherwise: str, act: Callable[[], object]) -> None:
        """Do an optional step: a refusal is a warning; an outage is an error, so that the run is repeated."""
        try:
            act()
        except PermissionDenied as error:
            self.progress.warn(f"{otherwise}: {error}")
        except ServiceError as error:
            if error.status not in (404, 422):
                raise
            self.progress.warn(f"{otherwise}: {error}")


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
