"""The runner: an instance that exists for one run's jobs. Launch it, list what there is, stop it, reap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.base import Cloud, Instance
from cmlkit.errors import CmlkitError
from cmlkit.forges.runners import RunnerForge
from cmlkit.forges.workflows import WorkflowForge
from cmlkit.progress import Progress, Silent
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.runner import lease
from cmlkit.runner.boot import ImageContents
from cmlkit.runner.image_check import Imaging
from cmlkit.runner.launching import Launched, Launching
from cmlkit.runner.preview import Preview, preview_of
from cmlkit.runner.reaping import Reaped, Reaper
from cmlkit.runner.signals import interruptible
from cmlkit.runner.spot import after_interruption, mark
from cmlkit.runner.stopping import Removed, remove, traces_of_run
from cmlkit.settings.schema import RunnerSpec

__all__ = [
    "CloudFor",
    "ImageContents",
    "Launched",
    "Preview",
    "Reaped",
    "Removed",
    "check_image",
    "launch_all",
    "launch_runner",
    "list_instances",
    "preview",
    "reap",
    "stop",
]

CloudFor = Callable[[str], Cloud]
"""Gives the cloud's region of that name; that of the environment when the name is empty."""


def launch_all(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> tuple[Launched, ...]:
    """Launch `spec.count` instances and return once their runners are online.

    On any failure, and on SIGINT and SIGTERM, the instances are terminated and the runners removed again.

    Args:
        workflow_run: Whose jobs the runners are for; its `label` is theirs.

    Raises:
        SettingsError: What the settings ask for cannot exist.
        PermissionDenied: A permission or the credentials are missing.
        CapacityError: No place and market that the settings allow has capacity or quota left.
        WaitTimeout: A runner was not online within `spec.wait_timeout`.
        ServiceError: AWS or GitHub failed for good, or an instance ended early.
        Interrupted: SIGINT or SIGTERM came.
    """
    launching = _launching(spec, workflow_run, forge, cloud_for, progress, clock)
    with _taken_back(launching, keep=True):
        return launching.run()


@contextmanager
def launch_runner(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Iterator[Launched]:
    """A runner that is online inside the `with` block, and gone after it. Raises what `launch_all` raises.

    SIGINT and SIGTERM raise `Interrupted` inside the block, so that the instance is terminated then, too.
    """
    launching = _launching(replace(spec, count=1), workflow_run, forge, cloud_for, progress, clock)
    with _taken_back(launching, keep=False):
        yield launching.run()[0]


def stop(
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    regions: Sequence[str] = (),
    workflow_forge: WorkflowForge | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Removed:
    """Terminate the run's instances and remove its runners, whatever launched them; nothing to do is fine.

    Spot instances that AWS took back are marked as interrupted, so that the next attempt is launched on demand.

    Args:
        regions: Where to look; the environment's region when empty.
        workflow_forge: Where the run's jobs are asked whether AWS took their instance back.

    Raises:
        CmlkitError: What first went wrong, after the rest was removed.
        Interrupted: SIGINT or SIGTERM came; the rest was removed all the same.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    with interruptible() as interruption, progress.stage("Stop the runner") as say:
        # It is done within seconds, and half of it would leave what it is for.
        interruption.hold()
        clouds = [cloud_for(region) for region in regions or ("",)]
        removed = remove(traces_of_run(workflow_run, clouds), forge=forge, clock=clock)
        try:
            marked = mark(removed.seen, workflow_run, clouds=clouds, forge=workflow_forge, clock=clock)
            removed = replace(removed, interrupted=marked)
        except CmlkitError as error:
            progress.note(f"Whether AWS took an instance back cannot be told: {error.message}")
        say(removed.summary or f"nothing is left of run {workflow_run.run_id}")
        if removed.failures:
            raise removed.failures[0]
        interruption.raise_if_received()
    return removed


def preview(spec: RunnerSpec, *, workflow_run: WorkflowRun, cloud_for: CloudFor) -> Preview:
    """What `launch_all` would do, checked by AWS as far as it checks without launching anything.

    Raises:
        SettingsError: What the settings ask for cannot exist.
        PermissionDenied: A question may not be asked.
    """
    return preview_of(spec, workflow_run=workflow_run, clouds=[cloud_for(region) for region in spec.region or ("",)])


def check_image(
    spec: RunnerSpec,
    *,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ImageContents:
    """What `spec.image` has, told by an instance of it that is terminated as soon as it has told.

    Raises:
        CapacityError, WaitTimeout, ServiceError: It could not be had, or did not tell.
        Interrupted: SIGINT or SIGTERM came; the instance is terminated then, too.
    """
    clouds, clock = [cloud_for(region) for region in spec.region or ("",)], clock or SystemClock()
    imaging = Imaging(spec=spec, workflow_run=workflow_run, clouds=clouds, clock=clock)
    with interruptible() as interruption, (progress or Silent()).stage("Look at the image") as say:
        try:
            found = imaging.look(say)
        finally:
            interruption.hold()
            removed = remove(imaging.traces, forge=forge, clock=clock)
        if removed.failures:
            raise removed.failures[0]
        interruption.raise_if_received()
        say(removed.summary)
    return found


def reap(
    *,
    repository: str,
    forge: RunnerForge,
    cloud_for: CloudFor,
    regions: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> tuple[Reaped, ...]:
    """Terminate instances, and remove runners, that have outlived their lease; a row for each that has.

    Only what has cmlkit's own tags and names, and belongs to the repository. It looks twice, and leaves what is busy.

    Args:
        repository: `OWNER/NAME`; `forge` must list its runners.
        regions: Where to look; the environment's region when empty.
        dry_run: Whether to only say what would go.

    Raises:
        CmlkitError: AWS or the forge could not be asked; what could not be removed is in its row instead.
        Interrupted: SIGINT or SIGTERM came; the next time it goes on where it was.
    """
    clouds = [cloud_for(region) for region in regions or ("",)]
    reaper = Reaper(repository=repository, forge=forge, clouds=clouds, clock=clock or SystemClock())
    with interruptible(), (progress or Silent()).stage("Reap") as say:
        rows = reaper.preview() if dry_run else reaper.reap()
        say("; ".join(f"{row.name} {row.outcome}" for row in rows) or "nothing has outlived its lease")
    return rows


def list_instances(
    *, cloud_for: CloudFor, regions: Sequence[str] = (), workflow_run: WorkflowRun | None = None
) -> list[Instance]:
    """Instances of ours that are not terminated yet, oldest first; of one workflow run only, if it is given."""
    marks = lease.marks(workflow_run) if workflow_run else {lease.RUN: ""}
    found = [instance for region in regions or ("",) for instance in cloud_for(region).instances(tags=marks)]
    return sorted((item for item in found if item.state != "terminated"), key=lambda item: item.launched)


def _launching(
    spec: RunnerSpec,
    workflow_run: WorkflowRun,
    forge: RunnerForge,
    cloud_for: CloudFor,
    progress: Progress | None,
    clock: Clock | None,
) -> Launching:
    progress = progress or Silent()
    clouds = [cloud_for(region) for region in spec.region or ("",)]
    chosen = after_interruption(spec, workflow_run, clouds)
    if chosen.market != spec.market:
        progress.note("AWS took the spot instance of an earlier attempt back: on demand this time.")
    return Launching(
        chosen,
        workflow_run=workflow_run,
        forge=forge,
        clouds=clouds,
        progress=progress,
        clock=clock or SystemClock(),
    )


@contextmanager
def _taken_back(launching: Launching, *, keep: bool) -> Iterator[None]:
    """Withdraw what was launched: on failure, on a signal, and at the end unless it is to be kept."""
    with interruptible() as interruption:
        try:
            try:
                yield
            finally:
                # From here on a signal must break neither the clean-up nor the return.
                interruption.hold()
            interruption.raise_if_received()
        except BaseException as error:
            removed = launching.withdraw()
            if isinstance(error, CmlkitError) and removed.summary:
                error.message = f"{error.message}\n{removed.summary}"
            raise
        if not keep:
            _withdraw_all(launching)


def _withdraw_all(launching: Launching) -> None:
    removed = launching.withdraw()
    if removed.failures:
        raise removed.failures[0]
