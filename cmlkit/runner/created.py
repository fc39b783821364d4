"""The runners and instances that a launch may have created, and so may have to remove."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from cmlkit.clouds.launching import Instance, InstanceSpec, LaunchIncomplete, LaunchingCloud, LaunchRefused
from cmlkit.errors import Conflict, NotFound, PermissionDenied
from cmlkit.runner.stopping import Traces


class Created:
    """The runners and instances of one launch: noted before the request, and dropped only if it surely failed."""

    def __init__(self) -> None:
        self._registered: set[str] = set()
        self._regions: set[str] = set()
        self._uncertain: set[str] = set()
        self._instances: dict[str, Instance] = {}

    @contextmanager
    def registering(self, name: str) -> Iterator[None]:
        """Note the runner that is registered inside the `with` block."""
        self._registered.add(name)
        try:
            yield
        except (PermissionDenied, NotFound, Conflict):
            self._registered.discard(name)
            raise

    def launched(self, name: str, cloud: LaunchingCloud, spec: InstanceSpec) -> Instance:
        """Launch the instance with that name, and note it."""
        cloud.check_spec(spec)
        # A refusal says nothing about an earlier request whose answer was lost.
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
        """Return the traces of the runners and instances with those names."""
        wanted = frozenset(names)
        return Traces(
            clouds=[cloud for cloud in clouds if cloud.region in self._regions],
            tags=tags,
            owns=wanted.__contains__,
            known=[instance for name, instance in self._instances.items() if name in wanted],
            uncertain=wanted & self._uncertain,
            registered=wanted & self._registered,
            is_complete=True,
            has_runners=not wanted.isdisjoint(self._registered),
        )
