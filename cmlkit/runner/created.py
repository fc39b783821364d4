"""The ledger: what a launch has asked for, and so may have to take back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchingCloud, LaunchRefused
from cmlkit.errors import Conflict, NotFound, PermissionDenied
from cmlkit.runner.stopping import Traces


class Ledger:
    """Entries are made before what they stand for is asked for, and only taken out where it surely did not happen."""

    def __init__(self) -> None:
        self._registered: set[str] = set()
        self._regions: set[str] = set()
        self._uncertain: set[str] = set()
        self._instances: dict[str, Instance] = {}

    @contextmanager
    def registering(self, name: str) -> Iterator[None]:
        """Inside, a runner of that name is registered."""
        self._registered.add(name)
        try:
            yield
        except (PermissionDenied, NotFound, Conflict):
            self._registered.discard(name)
            raise

    def launched(self, name: str, cloud: LaunchingCloud, spec: InstanceSpec) -> Instance:
        """Launch the instance of that name."""
        cloud.check_spec(spec)
        # A refusal says nothing of an earlier request of which the answer was lost.
        was_uncertain = name in self._uncertain
        self._regions.add(cloud.region)
        self._uncertain.add(name)
        try:
            instance = cloud.launch(spec)
        except LaunchRefused:
            if not was_uncertain:
                self._uncertain.discard(name)
            raise
        except LaunchIncomplete as incomplete:
            self._came(name, incomplete.instance)
            raise
        self._came(name, instance)
        return instance

    def _came(self, name: str, instance: Instance) -> None:
        self._instances[name] = instance
        self._uncertain.discard(name)

    def traces(self, names: Collection[str], *, clouds: Collection[LaunchingCloud], tags: Mapping[str, str]) -> Traces:
        """By what to know the runners and instances of those names."""
        wanted = frozenset(names)
        return Traces(
            clouds=[cloud for cloud in clouds if cloud.region in self._regions],
            tags=tags,
            owns=wanted.__contains__,
            known=[instance for name, instance in self._instances.items() if name in wanted],
            uncertain=wanted & self._uncertain,
            has_runners=not wanted.isdisjoint(self._registered),
        )
