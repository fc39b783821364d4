"""Values that their kinds take, but that do not do: for the cloud, or together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cmlkit.errors import SettingsError
from cmlkit.formats import duration
from cmlkit.settings.cloud_rules import RULES, disk_problem
from cmlkit.settings.setting import NEXT_STEP

if TYPE_CHECKING:
    from cmlkit.settings.schema import RunnerSpec, TrainSpec


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A value that does not do.

    Attributes:
        paths: Dotted names of the settings concerned, the one to correct first.
        problem: The values and what is wrong with them.
    """

    paths: tuple[str, ...]
    problem: str
    next_step: str = NEXT_STEP

    def told(self, sources: Mapping[str, str]) -> str:
        """Return the problem with the source of each setting."""
        others = "; ".join(f"{path}: {sources[path]}" for path in self.paths[1:])
        return f"{sources[self.paths[0]]}: {self.problem}{f' ({others})' if others else ''}."


class Unfit(SettingsError):
    """The error for a misfit; `load` tells the sources of the values, which a class made from Python does not know."""

    def __init__(self, misfit: Misfit, where: str) -> None:
        super().__init__(f"{where}: {misfit.problem}.", next_step=misfit.next_step)
        self.misfit = misfit


def check_runner(spec: RunnerSpec) -> None:
    """Raise Unfit for the first value that does not do."""
    if misfit := next(_misfits(spec), None):
        raise Unfit(misfit, type(spec).__name__)


def check_train(spec: TrainSpec) -> None:
    """Raise Unfit for the first value that does not do."""
    if misfit := next(_of_training(spec), None):
        raise Unfit(misfit, type(spec).__name__)


def _misfits(spec: RunnerSpec) -> Iterator[Misfit]:
    yield from _for_the_cloud(spec)
    yield from _together(spec)


def _for_the_cloud(spec: RunnerSpec) -> Iterator[Misfit]:
    for name, check in RULES.get(spec.cloud, {}).items():
        value, path = getattr(spec, name), f"runner.{name.replace('_', '-')}"
        try:
            check(value)
        except ValueError as error:
            shown = ", ".join(value) if isinstance(value, tuple) else value
            yield Misfit(paths=(path,), problem=f"{path} is {shown!r}; it takes {error}")


def _together(spec: RunnerSpec) -> Iterator[Misfit]:
    usual = type(spec)
    # The default is longer than some short lifetimes, and nobody has asked for it.
    if spec.idle_timeout > spec.max_lifetime and spec.idle_timeout != usual.idle_timeout:
        yield Misfit(
            paths=("runner.idle-timeout", "runner.max-lifetime"),
            problem=f"runner.idle-timeout is {duration(spec.idle_timeout)}, longer than runner.max-lifetime,"
            f" {duration(spec.max_lifetime)}: it would never end an instance",
            next_step="Make `idle-timeout` shorter, or `max-lifetime` longer.",
        )
    if spec.keep_on_failure >= spec.max_lifetime:
        yield Misfit(
            paths=("runner.keep-on-failure", "runner.max-lifetime"),
            problem=f"runner.keep-on-failure is {duration(spec.keep_on_failure)}, and the instance ends after"
            f" runner.max-lifetime, {duration(spec.max_lifetime)}, in any case",
            next_step="Make `keep-on-failure` shorter, or `max-lifetime` longer.",
        )
    if (spec.cpus or spec.memory or spec.gpus) and spec.instance_type != usual.instance_type:
        yield Misfit(
            paths=("runner.instance-type",),
            problem="Both `instance-type` and what the type must have (`cpus`, `memory`, `gpus`) are set",
            next_step="Leave one of the two out.",
        )
    if spec.cloud in RULES and (problem := disk_problem(spec.disk_type, spec.disk_size)):
        yield Misfit(
            paths=("runner.disk-size", "runner.disk-type"),
            problem=f"runner.disk-size is {spec.disk_size}, and {problem}",
        )


def _of_training(spec: TrainSpec) -> Iterator[Misfit]:
    if spec.checkpoint_store and not spec.checkpoint:
        yield Misfit(
            paths=("train.checkpoint-store",),
            problem="train.checkpoint-store is set, but train.checkpoint is not",
            next_step="Set train.checkpoint to the folder that training fills, such as checkpoints/.",
        )
    if spec.cache and not spec.cache_store:
        yield Misfit(
            paths=("train.cache",),
            problem="train.cache is set, but train.cache-store is not",
            next_step="Set train.cache-store to s3://BUCKET/PREFIX, or let a step of the workflow keep them without"
            " a bucket: docs/how-to/cache.md.",
        )
    if spec.cache_store and not spec.cache:
        yield Misfit(
            paths=("train.cache-store",),
            problem="train.cache-store is set, but train.cache is not",
            next_step="Set train.cache to the folders to keep, such as ~/.cache/uv.",
        )
    written = [path for path in (spec.model, *spec.metrics, *spec.plots, spec.checkpoint) if path]
    for kept in spec.cache:
        if found := [path for path in written if PurePosixPath(path).is_relative_to(PurePosixPath(kept))]:
            yield Misfit(
                paths=("train.cache",),
                problem=f"train.cache has {kept}, in which training writes {found[0]}: the next run would find that",
                next_step="Let the cache have only what can be downloaded or made again.",
            )
