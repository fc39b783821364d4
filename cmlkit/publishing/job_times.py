"""The timeline of a whole workflow run: its jobs' times around those of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cmlkit.ci.base import is_local
from cmlkit.errors import CmlkitError
from cmlkit.forges.workflows import Job, JobForge, Step, readable_jobs
from cmlkit.records import timeline
from cmlkit.records.timeline import Moment, Part, Span
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun

# GitHub rounds times to seconds, and the clocks of two machines on the internet agree within less.
TOLERANCE_SECONDS = 2.0


def known_jobs(forge: JobForge, workflow_run: WorkflowRun, *, warn: Callable[[str], None]) -> Sequence[Job]:
    """Return the jobs of a run; none outside a CI, or if the token may not read them.

    Args:
        warn: Called with a message if the forge does not tell.
    """
    if is_local(workflow_run.run_id):
        return ()
    try:
        return readable_jobs(forge, workflow_run.run_id) or ()
    except CmlkitError as error:
        warn(f"The report lacks the times of the jobs: {error.message}")
        return ()


@dataclass(frozen=True, kw_only=True)
class Times:
    """The known times of a workflow run.

    Attributes:
        jobs: Those of all attempts; empty if they are unknown. Only those of this attempt count.
        began: When the publishing began, in seconds since the epoch.
    """

    run: TrainingRun
    jobs: Sequence[Job]
    workflow_run: WorkflowRun
    began: float

    def until_trained(self) -> tuple[Part, ...]:
        """Return the parts up to the end of the training, in order; those of the training alone if no job had it."""
        return self._timeline(publishing=0.0)

    def until_report(self, now: float) -> tuple[Part, ...]:
        """Return the parts up to a report of now, in seconds since the epoch."""
        return self._timeline(publishing=now - self.began)

    def _timeline(self, *, publishing: float) -> tuple[Part, ...]:
        run = self.run
        own = [job for each in self.jobs if each.attempt == self.workflow_run.attempt for job in _begun(each)]
        job = _training_job(run, own, self.workflow_run)
        if job is None:
            return timeline.timeline(run)
        before = timeline.spans(_moments_before(run, job, _launch_job(run, own, job)), end=job.begun)
        begin = timeline.own_begin(run)
        step = _step_around(job, begin, run.started + run.resources.wall_seconds)
        # If no step was running then, the clocks differ, and tell no time between the job's times and the training's.
        steps = [] if step is None else _spans_until(step, job.steps)
        trained = timeline.own_spans(run, begin=None if step is None else begin)
        published = Span(name=timeline.PUBLISH, seconds=publishing, start=self.began if publishing and step else None)
        return timeline.laid_out([*before, *steps, *trained, published])


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A job that has a runner: when it began on it, and when it ended, in seconds since the epoch."""

    runner: str
    created: float | None
    begun: float
    completed: float | None
    steps: tuple[Step, ...]


def _begun(job: Job) -> Iterator[_Begun]:
    """Yield the job if it has begun: with its first step.

    GitHub's `started_at` of a job can be the time at which it was queued, even while it runs:
    https://github.com/strands-labs/robots/issues/2509
    """
    starts = [step.started for step in job.steps if step.started is not None]
    begun = min(starts) if starts else job.started
    if job.runner_name and begun is not None:
        yield _Begun(runner=job.runner_name, created=job.created, begun=begun, completed=job.completed, steps=job.steps)


def _training_job(run: TrainingRun, jobs: Sequence[_Begun], workflow_run: WorkflowRun) -> _Begun | None:
    """Return the job that ran the training: this one, else the only one that ran then; None if that does not tell."""
    found = [job for job in jobs if _is_within(run.started, run.started, job.begun, job.completed)]
    here = [job for job in found if job.runner == workflow_run.runner]
    chosen = here or found
    return chosen[0] if len(chosen) == 1 else None


def _launch_job(run: TrainingRun, jobs: Sequence[_Begun], training: _Begun) -> _Begun | None:
    """Return the job that launched the instance; None without one, or if the instance does not name its runner."""
    launcher = run.instance.launcher if run.instance is not None else ""
    found = [job for job in jobs if launcher and job.runner == launcher and job.begun <= training.begun]
    # Machines of the CI may have one name after the other.
    return max((job for job in found if job is not training), key=lambda job: job.begun, default=None)


def _moments_before(run: TrainingRun, training: _Begun, launch: _Begun | None) -> list[Moment]:
    """Return when the parts before the training's job began."""
    started = run.instance.started if run.instance is not None else None
    if launch is not None:
        is_within = started is not None and _is_within(started, started, launch.begun, launch.completed)
        boot = timeline.boot(run.instance, undivided=timeline.BOOT, then=timeline.RUNNER) if is_within else []
        online = [] if len(boot) > 1 else [Moment(name=timeline.RUNNER, at=launch.completed)]
        queue = [Moment(name=timeline.QUEUE, at=launch.created), Moment(name=timeline.LAUNCH, at=launch.begun)]
        return [*queue, *boot, *online]
    if started is not None and started <= training.begun:
        return timeline.boot(run.instance, undivided=timeline.START, then=timeline.RUNNER)
    return [Moment(name=timeline.QUEUE, at=training.created)]


def _step_around(job: _Begun, begin: float, end: float) -> Step | None:
    """Return the step that lasted from before `begin` until after `end`, the best of several; None if none did."""

    def overlap(step: Step) -> float:
        return min(end, step.completed or end) - max(begin, step.started or begin)

    steps = (step for step in job.steps if step.started is not None)
    return max(
        (step for step in steps if _is_within(begin, end, step.started or begin, step.completed)),
        key=overlap,
        default=None,
    )


def _is_within(begin: float, end: float, first: float, last: float | None) -> bool:
    """Return whether a time is within another, as far as clocks tell; one without `last` goes on."""
    return first - TOLERANCE_SECONDS <= begin and (last is None or end <= last + TOLERANCE_SECONDS)


def _spans_until(training: Step, steps: Sequence[Step]) -> list[Span]:
    """Return the spans of the steps that had ended when the training's step began, and its begin."""
    found = [
        Span(
            name=timeline.CHECKOUT if "checkout" in step.name.lower() else timeline.STEPS,
            seconds=step.completed - step.started,
            start=step.started,
        )
        for step in steps
        if step.started is not None and step.completed is not None
        if step is not training and training.started is not None and step.completed <= training.started
    ]
    return [*found, Span(name=timeline.OTHER, seconds=0.0, start=training.started)]
