"""Faults on demand, injected into the calls that a test names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cmlkit_sandbox.aws.answer import Answer, Refusal
from cmlkit_sandbox.aws.call import Call

# What each code comes with; 400 where nothing is said.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
STATUSES: Mapping[str, int] = {
    "AccessDenied": 403,
    "AuthFailure": 401,
    "InsufficientCapacity": 500,
    "InsufficientHostCapacity": 500,
    "InsufficientInstanceCapacity": 500,
    "InsufficientVolumeCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "OptInRequired": 401,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "UnauthorizedOperation": 403,
}
MESSAGES: Mapping[str, str] = {
    "InsufficientInstanceCapacity": "We currently do not have sufficient {instance_type} capacity in the Availability"
    " Zone you requested. Our system will be working on provisioning additional capacity.",
    "RequestLimitExceeded": "Request limit exceeded.",
    "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded",
    "InternalError": "An internal error has occurred",
    "Unavailable": "Service temporarily unavailable. Please try again.",
}


@dataclass(kw_only=True)
class Fault:
    """A fault for calls of one action. Unless `acted`, AWS does nothing else.

    Attributes:
        action: Such as `RunInstances`, or `*`.
        times: How many calls it hits, after letting `skip` calls pass.
        number: The number of the only call that it hits; see Call.
        market, instance_type, region: Conditions on the calls that it hits.
        where: Parameters, under their wire names, that those calls must have.
        code, message, status: The error to answer with; no answer of its own if `code` is empty.
        acted: Whether AWS carries out the request before it answers with the error.
        drop: Break the connection instead of answering.
        latency: Seconds before the call is looked at.
        before, after: Callbacks for when the call arrives, and when AWS has acted.
    """

    action: str
    times: int = 1
    skip: int = 0
    number: int | None = None
    market: Literal["spot", "on-demand"] | None = None
    instance_type: str | None = None
    region: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    status: int | None = None
    acted: bool = False
    drop: bool = False
    latency: float = 0.0
    before: Callable[[Call], object] | None = None
    after: Callable[[Call], object] | None = None

    @property
    def is_wrong_answer(self) -> bool:
        return self.drop or bool(self.code)

    def hits(self, call: Call) -> bool:
        """Return whether this call is hit, and count it."""
        if self.times <= 0 or not self._concerns(call):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    def answer(self, call: Call) -> Answer:
        """Return the error document.

        Raises:
            ConnectionResetError: To break the connection instead.
        """
        if self.drop:
            raise ConnectionResetError("the connection breaks on demand")
        message = self.message or MESSAGES.get(self.code, "Asked for in the sandbox.")
        status = self.status or STATUSES.get(self.code, 400)
        return Refusal(self.code, message.format(instance_type=call.instance_type), status=status).answer(call)

    def _concerns(self, call: Call) -> bool:
        return (
            self.action in ("*", call.action)
            and self.number in (None, call.number)
            and self.market in (None, call.market)
            and self.instance_type in (None, call.instance_type)
            and self.region in (None, call.region)
            and all(call.text(name) == value for name, value in self.where.items())
        )


class Faults:
    """The faults that are still pending."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, call: Call) -> Fault | None:
        """Return the fault that hits this call; the oldest wins."""
        with self._lock:
            return next((fault for fault in self._waiting if fault.hits(call)), None)
