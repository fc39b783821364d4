"""Instances of a repository that a person chooses, whichever run they are from: finding and stopping them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from cmlkit.clock import Clock, SystemClock
from cmlkit.clouds.launching import Instance, LaunchingCloud
from cmlkit.errors import NotFound
from cmlkit.forges.runners import RunnerForge
from cmlkit.progress import Progress, Silent
from cmlkit.runner import lease
from cmlkit.runner.listing import list_instances
from cmlkit.runner.signals import catching_signals
from cmlkit.runner.stopping import Removed, Traces, remove


def living(
    repository: str, *, cloud_for: Callable[[str], LaunchingCloud], regions: Sequence[str] = ()
) -> list[Instance]:
    """Return the repository's instances that may cost money, oldest first."""
    found = list_instances(cloud_for=cloud_for, regions=regions, repository=repository)
    return [instance for instance in found if instance.alive]


def chosen(
    ids: Collection[str], among: Sequence[Instance], *, repository: str, regions: Sequence[str]
) -> list[Instance]:
    """Return the instances with these ids.

    Raises:
        NotFound: One is not among them: it has ended, is elsewhere, or belongs to another repository.
    """
    known = {instance.id: instance for instance in among}
    if missing := [name for name in ids if name not in known]:
        where = f" in {' and '.join(regions)}" if regions else ""
        raise NotFound(
            f"{repository} has no instance {' or '.join(missing)}{where}: it has ended, is in another region, or"
            " belongs to another repository.",
            next_step="cmlkit runner list shows those that there are; --region names the regions to search.",
        )
    return [known[name] for name in dict.fromkeys(ids)]


def stop_chosen(
    instances: Sequence[Instance],
    *,
    repository: str,
    forge: RunnerForge,
    cloud_for: Callable[[str], LaunchingCloud],
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Removed:
    """Terminate the instances and remove their runners.

    Raises:
        CmlkitError: The first error, after everything else was removed.
        Interrupted: SIGINT or SIGTERM came; everything was removed before.
    """
    progress, clock = progress or Silent(), clock or SystemClock()
    names = frozenset(filter(None, (instance.name for instance in instances)))
    with catching_signals() as signals, progress.stage("Stop the runners") as say:
        signals.hold()
        traces = Traces(
            clouds=[cloud_for(region) for region in dict.fromkeys(instance.region for instance in instances)],
            tags=lease.tags_of_repository(repository),
            owns=names.__contains__,
            known=instances,
            has_runners=bool(names),
        )
        removed = remove(traces, forge=forge, clock=clock)
        say(removed.summary or "nothing was left")
        if removed.failures:
            raise removed.failures[0]
        signals.raise_if_received()
    return removed
