"""The time of a run in its report: its parts on one line, and a part that is worth making shorter."""

from __future__ import annotations

from collections.abc import Sequence

from cmlkit.formats import duration, plural
from cmlkit.records import timeline
from cmlkit.records.timeline import Part
from cmlkit.records.training_run import TrainingRun
from cmlkit.report.fit import Section
from cmlkit.report.markdown import code
from cmlkit.scaffold.templates import INSTANCE

# From here on, the wait for an instance, a minute or two, is small beside the training.
SLOW_SECONDS = 20 * 60
# Below a minute, a mend costs more attention than it saves; below a tenth of the whole, nobody would notice it.
LONG_SECONDS = 60
LONG_SHARE = 0.1
# Less than this is no part of the line: the forge rounds to seconds.
SHOWN_SECONDS = 0.5

# What makes a part shorter; a training is as long as its author makes it.
MENDS = {
    timeline.QUEUE: "No runner was free: the forge's plan limits how many jobs run at once.",
    timeline.LAUNCH: "More types in `runner.instance-type` find a place sooner if capacity is short.",
    timeline.START: "An image with the runner boots without downloads: `cmlkit runner image` prints its recipe.",
    timeline.BOOT: "An image with the runner boots without downloads: `cmlkit runner image` prints its recipe.",
    timeline.STARTUP: "An image has it done already: `cmlkit runner image --startup-script` prints its recipe.",
    timeline.CHECKOUT: "A checkout with `fetch-depth: 1`, and without `lfs`, fetches the least.",
    timeline.STEPS: "A cache, or an image with the tools, saves what these steps fetch.",
    timeline.CACHE: "A cache pays if it takes less time than what it spares: see docs/how-to/cache.md.",
    timeline.SETUP: (
        "`train.cache` keeps what it downloads, and `cmlkit runner image --project` brings packages into an image: see"
        " docs/how-to/cache.md."
    ),
    timeline.DATA: "Each file of `train.data` is read for its hash: name the ones that tell whether data changed.",
}


def line(parts: Sequence[Part]) -> str:
    """Return the whole time and its parts, the longest one bold; empty if there is only one part."""
    if len(parts) < 2:
        return ""
    most = timeline.longest(parts)
    shown = [part for part in parts if part.seconds >= SHOWN_SECONDS or part is most]
    told = " · ".join(f"**{_told(part)}**" if part is most else _told(part) for part in shown)
    until = " until this report" if parts[-1].name == timeline.PUBLISH or parts[-2].name == timeline.PUBLISH else ""
    return f"{duration(sum(part.seconds for part in parts))}{until}: {told}"


def _told(part: Part) -> str:
    return f"{part.name} {duration(part.seconds)}"


def slowness(run: TrainingRun, parts: Sequence[Part]) -> Section:
    """Show what took long and can be made shorter: a part around the training, or the machine of a long training."""
    longest = timeline.longest(parts)
    if longest.name == timeline.TRAINING and run.hosted_cores and run.resources.wall_seconds >= SLOW_SECONDS:
        return _shown(_larger_machine(run))
    total = sum(part.seconds for part in parts)
    mendable = [part for part in parts if part.name in MENDS]
    part = max(mendable, key=lambda part: part.seconds, default=None)
    if part is None or part.seconds < max(LONG_SECONDS, LONG_SHARE * total):
        return Section(forms=("",))
    return _shown(f"{_named(part.name)} took {duration(part.seconds)} of {duration(total)}. {MENDS[part.name]}")


def _named(name: str) -> str:
    words = {timeline.STEPS: "the job's steps before the training", timeline.DATA: "hashing the data"}.get(name)
    words = words or f"the {name}"
    return f"{words[:1].upper()}{words[1:]}"


def _larger_machine(run: TrainingRun) -> str:
    minutes = plural(round(run.resources.wall_seconds / 60), "minute")
    cores = plural(run.hosted_cores, "core")
    command = code(f"cmlkit init --on {INSTANCE}")
    return f"This took {minutes} on {cores}. To train on a larger machine, which exists for one job only: {command}."


def _shown(told: str) -> Section:
    return Section(forms=(f"⏱️ {told}", ""), rank=4)
