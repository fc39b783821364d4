"""The timeline of a run on its machine: its parts in order, as far as they were measured, and the longest one."""

from __future__ import annotations

from dataclasses import dataclass

from cmlkit.records.training_run import TrainingRun

START, CACHE, SETUP, TRAINING = "start", "cache", "setup", "training"

# What makes a part shorter; a training is as long as its author makes it.
MENDS = {
    START: "An image with the runner boots without downloads: cmlkit runner image prints its recipe.",
    CACHE: "A cache pays if it takes less time than what it spares: see docs/how-to/cache.md.",
    SETUP: "uv installs packages faster than pip, and an image or a cache can have them already.",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a run: its name and its duration in seconds."""

    name: str
    seconds: float


def timeline(run: TrainingRun) -> tuple[Part, ...]:
    """Return the parts that are known, in order.

    `start` is from the instance's launch to the training's first command: boot, runner, and the job's steps before,
    without the restoring of the cache, `cache`. A part that was not measured is left out.
    """
    found = []
    if run.instance is not None and run.instance.started is not None:
        before = run.started - run.setup_seconds - run.cache_seconds - run.instance.started
        # The instance's clock may have been set meanwhile.
        found += [Part(name=START, seconds=before)] if before > 0 else []
    found += [Part(name=CACHE, seconds=run.cache_seconds)] if run.cache_seconds else []
    found += [Part(name=SETUP, seconds=run.setup_seconds)] if run.setup_seconds else []
    return (*found, Part(name=TRAINING, seconds=run.resources.wall_seconds))


def longest(parts: tuple[Part, ...]) -> Part:
    """Return the longest part, the first of several."""
    return max(parts, key=lambda part: part.seconds)
