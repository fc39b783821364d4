"""The timeline of a run: its parts in order, as far as they were measured, and the longest one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmlkit.records.training_run import InstanceFacts, TrainingRun

QUEUE, LAUNCH, BOOT, STARTUP, RUNNER = "queue", "launch", "boot", "startup script", "runner"
CHECKOUT, STEPS = "checkout", "steps"
CACHE, SETUP, TRAINING, DATA, PUBLISH = "cache", "setup", "training", "data", "publish"
START, OTHER = "start", "other"

# The steps of the boot script that begin with the startup script, and after it.
_STARTUP_MARK, _AFTER_STARTUP_MARK = "startup-script", "watchers"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a run: its name and its duration in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Span:
    """A part with its place in time.

    Attributes:
        start: Seconds since the epoch; None if it follows on the span before, or if clocks do not tell.
    """

    name: str
    seconds: float
    start: float | None = None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The begin of a part, in seconds since the epoch; `at` is None if it is not known."""

    name: str
    at: float | None


def timeline(run: TrainingRun) -> tuple[Part, ...]:
    """Return the parts that the training and its instance know by themselves, in order.

    A part that was not measured is left out.
    """
    begin = own_begin(run)
    before = spans(boot(run.instance, undivided=START, then=OTHER), end=begin)
    return laid_out([*before, *own_spans(run, begin=begin)])


def boot(instance: InstanceFacts | None, *, undivided: str, then: str) -> list[Moment]:
    """Return when the parts of an instance's boot began; none without an instance.

    Args:
        undivided: Name for all that comes after the instance's start, if marks of its boot script do not divide it.
        then: Name for the part after the startup script.
    """
    if instance is None or instance.started is None:
        return []
    startup, after = (instance.marks.get(mark) for mark in (_STARTUP_MARK, _AFTER_STARTUP_MARK))
    if startup is None or after is None or not instance.started <= startup <= after:
        return [Moment(name=undivided, at=instance.started)]
    return [
        Moment(name=BOOT, at=instance.started),
        Moment(name=STARTUP, at=startup),
        Moment(name=then, at=after),
    ]


def own_begin(run: TrainingRun) -> float:
    """Return when the first of `own_spans` began, in seconds since the epoch."""
    return run.started - run.setup_seconds - run.cache_seconds


def own_spans(run: TrainingRun, *, begin: float | None) -> list[Span]:
    """Return the spans that the training measured itself, the first of which began at `begin`."""
    measured = {
        CACHE: run.cache_seconds,
        SETUP: run.setup_seconds,
        TRAINING: run.resources.wall_seconds,
        DATA: run.data_seconds,
    }
    names = [name for name, seconds in measured.items() if seconds or name == TRAINING]
    return [Span(name=name, seconds=measured[name], start=begin if name == names[0] else None) for name in names]


def spans(found: Iterable[Moment], *, end: float) -> list[Span]:
    """Return the parts that begin at these moments, each of which lasts until the next, and the last until `end`.

    A moment that is not known, or comes after the next one, as clocks may differ, begins nothing.
    """
    known: list[Span] = []
    for moment in reversed(list(found)):
        last = known[-1].start if known else end
        if moment.at is not None and last is not None and moment.at <= last:
            known.append(Span(name=moment.name, seconds=last - moment.at, start=moment.at))
    return known[::-1]


def laid_out(found: Iterable[Span]) -> tuple[Part, ...]:
    """Return the parts in order, those of one name as one; the time between spans is the part `other`, the last one.

    A span that would begin before the one before it has ended keeps its duration, as clocks may differ.
    """
    seconds: dict[str, float] = {}
    other, now = 0.0, None
    for span in found:
        if span.start is not None and (now is None or span.start > now):
            other += span.start - now if now is not None else 0.0
            now = span.start
        now = now + span.seconds if now is not None else None
        if span.name == OTHER:
            other += span.seconds
        else:
            seconds[span.name] = seconds.get(span.name, 0.0) + span.seconds
    seconds[OTHER] = other
    return tuple(Part(name=name, seconds=length) for name, length in seconds.items() if length > 0 or name == TRAINING)


def as_seconds(parts: Iterable[Part]) -> dict[str, float]:
    """Return part -> seconds, as outputs have them."""
    return {part.name: round(part.seconds, 3) for part in parts}


def longest(parts: Sequence[Part]) -> Part:
    """Return the longest part that has a name of its own, the first of several."""
    return max((part for part in parts if part.name != OTHER), key=lambda part: part.seconds)
