"""Faults of the sandbox's AWS: errors and broken connections, for the calls that they are meant for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        service: Such as `ec2`, `ssm` or `pricing`.
        action: Such as `RunInstances`.
        parameters: By their wire names; of EC2's calls only.
    """

    service: str
    action: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Fault:
    """What the next calls of an action get instead of an answer.

    Attributes:
        code: The service's error code, such as `InsufficientInstanceCapacity`; empty for a connection that breaks.
        after: Whether AWS does what was asked before the fault.
        times: How many calls it still befalls.
        where: Parameters, by their wire names, that a call must have.
    """

    action: str
    code: str = ""
    message: str = "Injected by the sandbox."
    status: int = 400
    after: bool = False
    times: int = 1_000_000
    where: Mapping[str, str] = field(default_factory=dict)

    def befalls(self, call: Call) -> bool:
        return (
            self.times > 0
            and self.action == call.action
            and all(call.parameters.get(name) == value for name, value in self.where.items())
        )


class Faults:
    """The faults that are to come; safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, call: Call) -> Fault | None:
        """The fault that befalls `call`, counted as used."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.befalls(call)), None)
            if fault is not None:
                fault.times -= 1
            return fault
