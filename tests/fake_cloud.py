"""A region of the toy cloud that notes what it is asked, and fails as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from cmlkit.clouds.launching import Instance, InstanceSpec, Volume
from tests.toys.cloud import ToyCloud


class FakeCloud(ToyCloud):
    """One region.

    Attributes:
        errors: Method -> what its next calls raise, in this order; None lets one pass.
        asked: Method and ids of each call so far.
        consoles: Id -> console output.
        volumes: What instances left.
        cancelled: Ids of the instances whose expiry was cancelled.
        when_launched: Called with each instance that was launched, before the answer.
    """

    def __init__(self, region: str = "here") -> None:
        super().__init__(region)
        self.errors: dict[str, list[Exception | None]] = {}
        self.asked: list[tuple[str, ...]] = []
        self.consoles: dict[str, str] = {}
        self.volumes: list[Volume] = []
        self.cancelled: list[str] = []
        self.when_launched: Callable[[Instance], None] = lambda instance: None
        self._lock = threading.Lock()

    def add(self, name: str, *, tags: Mapping[str, str], **facts: object) -> Instance:
        """Let an instance be there that somebody launched."""
        instance = Instance(
            id=f"{self.region}-{len(self._instances)}",
            name=name,
            instance_type="brick",
            region=self.region,
            zone=f"{self.region}-a",
            tags=tags,
            **{"state": "running", "market": "on-demand", "launched": 0.0, **facts},  # type: ignore[arg-type]
        )
        self._instances[instance.id] = instance
        return instance

    def alive(self) -> list[str]:
        """Return the ids of the instances that are alive."""
        return [instance.id for instance in self._instances.values() if instance.alive]

    def end(self, instance_id: str, **facts: object) -> None:
        """Let an instance end by itself."""
        ended = replace(self._instances[instance_id], state="terminated")
        self._instances[instance_id] = replace(ended, **facts)  # type: ignore[arg-type]

    def tags_of(self, instance_id: str) -> Mapping[str, str]:
        return self._instances[instance_id].tags

    def launch(self, spec: InstanceSpec) -> Instance:
        self._called("launch", spec.name)
        with self._lock:
            instance = self.add(spec.name, tags=spec.tags, market=spec.market)
        self.when_launched(instance)
        return instance

    def instances(self, *, ids: Collection[str] = (), tags: Mapping[str, str] | None = None) -> list[Instance]:
        self._called("instances", *ids)
        return super().instances(ids=ids, tags=tags)

    def terminate(self, ids: Collection[str]) -> None:
        self._called("terminate", *ids)
        super().terminate(ids)

    def tag(self, ids: Collection[str], tags: Mapping[str, str]) -> None:
        self._called("tag", *ids)
        super().tag(ids, tags)

    def cancel_expiry(self, instance: Instance) -> None:
        self._called("cancel_expiry", instance.id)
        self.cancelled.append(instance.id)

    def loose_volumes(self, *, tags: Mapping[str, str]) -> list[Volume]:
        self._called("loose_volumes")
        return [
            volume
            for volume in self.volumes
            if all(name in volume.tags and value in ("", volume.tags[name]) for name, value in tags.items())
        ]

    def console_output(self, instance_id: str) -> str:
        self._called("console_output", instance_id)
        return self.consoles.get(instance_id, "")

    def _called(self, method: str, *ids: str) -> None:
        with self._lock:
            self.asked.append((method, *ids))
            error = self.errors[method].pop(0) if self.errors.get(method) else None
        if error is not None:
            raise error
