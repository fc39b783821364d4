"""The stage: judges one training run, and publishes it or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cmlkit.clock import Clock, SystemClock
from cmlkit.errors import PermissionDenied
from cmlkit.forges.base import PublishForge
from cmlkit.gate.verdict import Verdict
from cmlkit.progress import Progress, Silent
from cmlkit.publishing.plan import make_plan
from cmlkit.publishing.publication import Publication
from cmlkit.publishing.publisher import Publisher
from cmlkit.publishing.wording import unpublished
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings.schema import PublishSpec
from cmlkit.stores.choice import store_for


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
    """Judge the model, and publish it: one commit, a pull request, a report comment, a check.

    Everything is checked before the first write. Run again after a failure, it finishes what was left and doubles
    nothing. The working tree is only read. Call `Publication.raise_if_rejected` after writing outputs.

    Args:
        rules: Of the gate, such as `accuracy >= champion - 0.01`.
        directory: The working directory, to which the run's paths are relative.
        prefix: Where the working directory lies in the repository.
        clock: Waits while others write to the same branch.

    Raises:
        SettingsError, ModelError: A setting, a rule or a file is wrong; nothing was written.
        PermissionDenied, NotFound, Conflict, ServiceError: The forge refused something.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    store = store_for(spec.store, access=forge.git_access, directory=directory, clock=clock)
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
        if not workflow_run.from_fork:
            raise
        # https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request
        note = "This pull request comes from a fork, so its token may only read: the report is all there is."
        return _unpublished(plan.verdict, note, report, progress)


def _unpublished(verdict: Verdict, note: str, report: str, progress: Progress, *, changed: bool = True) -> Publication:
    progress.note(note)
    return Publication(verdict=verdict, changed=changed, report=f"> {note}\n\n{report}")
