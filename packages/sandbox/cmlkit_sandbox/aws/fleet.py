"""The fleet: each instance's life from pending to terminated, and its machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cmlkit_sandbox.aws.moto_backend import Moto
from cmlkit_sandbox.machine import Machine

OVER = ("terminated", "stopped")


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The reason for an instance's end.

    Attributes:
        code: Code of its StateReason. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
        initiated: Beginning of StateTransitionReason; empty if that stays empty.
    """

    state: Literal["terminated", "stopped"] = "terminated"
    code: str
    text: str
    initiated: str = ""


BY_USER = Ending(code="Client.UserInitiatedShutdown", text="User initiated shutdown", initiated="User initiated")
BY_ITSELF = Ending(code="Client.InstanceInitiatedShutdown", text="Instance initiated shutdown")
BY_SPOT = Ending(code="Server.SpotInstanceTermination", text="Spot instance termination", initiated="Service initiated")


@dataclass(frozen=True, kw_only=True)
class SandboxInstance:
    """An instance in the sandbox.

    Attributes:
        state: State name in EC2's API.
        launched, ended: Seconds since the epoch; `ended` is None until it ends.
        lifetime: Seconds from launch to end, or until now.
    """

    id: str
    region: str
    state: str
    instance_type: str
    market: Literal["spot", "on-demand"]
    tags: Mapping[str, str]
    launched: float
    ended: float | None

    @property
    def lifetime(self) -> float:
        return (time.time() if self.ended is None else self.ended) - self.launched


@dataclass(kw_only=True, eq=False)
class _Life:
    id: str
    region: str
    machine: Machine | None
    launched: float = field(default_factory=time.time)
    ended: float | None = None
    ending: Ending | None = None
    doom: Ending | None = None
    is_over: bool = False
    asked: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Fleet:
    """The launched instances.

    Args:
        directory: Where the machines live.
        boot: Whether instances have machines that run their user data; if not, they only exist.
        pending_seconds: How long an instance is pending.
        clock_rate: How many of a machine's timer seconds pass in one second.
        host: Environment of which machines share parts; see Machine.
    """

    def __init__(
        self,
        moto: Moto,
        *,
        directory: Path,
        boot: bool,
        pending_seconds: float,
        clock_rate: float,
        host: Mapping[str, str],
    ) -> None:
        self._moto = moto
        self._directory = directory
        self._boot = boot
        self._pending_seconds = pending_seconds
        self._clock_rate = clock_rate
        self._host = host
        self._lives: dict[str, _Life] = {}
        self._is_closed = False

    @property
    def machines(self) -> dict[str, Machine]:
        """Machines by instance id."""
        return {life.id: life.machine for life in list(self._lives.values()) if life.machine is not None}

    def instances(self) -> list[SandboxInstance]:
        """Return every instance of every region, ended ones too, in the order of their launch."""
        with self._moto.lock:
            return [self.instance(instance_id) for instance_id in self._lives]

    def instance(self, instance_id: str) -> SandboxInstance:
        """Return the instance with that id. KeyError if unknown."""
        life = self._lives[instance_id]
        with self._moto.lock:
            found = self._moto.instance(life.region, instance_id)
            return SandboxInstance(
                id=instance_id,
                region=life.region,
                state=found.state,
                instance_type=found.instance_type,
                market="spot" if found.lifecycle == "spot" else "on-demand",
                tags={tag["key"]: tag["value"] for tag in found.get_tags()},
                launched=life.launched,
                ended=life.ended,
            )

    def knows(self, region: str, instance_id: str) -> bool:
        return instance_id in self._lives and self._lives[instance_id].region == region

    def running_cpus(self, region: str) -> dict[tuple[str, bool], int]:
        """Return (instance type, is spot) -> vCPUs of the region's instances that have not ended."""
        counted: dict[tuple[str, bool], int] = {}
        for instance in self.instances():
            if instance.region == region and instance.state not in OVER:
                key = (instance.instance_type, instance.market == "spot")
                described: Any = self._moto.instance_type(instance.instance_type)
                counted[key] = counted.get(key, 0) + int(described["VCpuInfo"]["DefaultVCpus"])
        return counted

    def add(
        self,
        instance_id: str,
        *,
        region: str,
        user_data: str,
        environ: Mapping[str, str],
        doom: Ending | None = None,
    ) -> None:
        """Start the life of an instance that moto has just created.

        Args:
            user_data: Base64-encoded.
            environ: Environment variables of its machine.
            doom: How it ends instead of running; None if it can be started.
        """
        boots = self._boot and user_data and doom is None
        machine = self._machine(instance_id, user_data, environ) if boots else None
        life = _Life(id=instance_id, region=region, machine=machine, doom=doom)
        life.thread = threading.Thread(target=self._live, args=(life,), name=instance_id, daemon=True)
        with self._moto.lock:
            if self._is_closed:
                raise ConnectionResetError("the sandbox is closing")
            self._lives[instance_id] = life
            self._moto.set_state(region, instance_id, "pending")
        life.thread.start()

    def end(self, instance_id: str, ending: Ending) -> str:
        """End an instance, unless it has ended already; return the state that it had."""
        life = self._lives[instance_id]
        with self._moto.lock:
            state = str(self._moto.instance(life.region, instance_id).state)
            is_final = life.ending is not None and life.ending.state == "terminated"
            if not is_final:
                self._begin_to_end(life, ending)
        return state

    def forget_ended(self) -> None:
        """Forget the instances that have ended."""
        with self._moto.lock:
            for life in [life for life in self._lives.values() if life.is_over]:
                self._moto.forget(life.region, life.id)
                del self._lives[life.id]

    def close(self) -> None:
        """End every machine and wait for its last process."""
        with self._moto.lock:
            # A launch that is under way holds the lock; one that comes later finds the fleet closed.
            self._is_closed = True
        for instance_id in self._lives:
            self.end(instance_id, BY_USER)
        for life in self._lives.values():
            assert life.thread is not None
            life.thread.join()

    def _machine(self, instance_id: str, user_data: str, environ: Mapping[str, str]) -> Machine:
        return Machine(
            self._directory / instance_id,
            user_data=user_data,
            host=self._host,
            environ=environ,
            clock_rate=self._clock_rate,
        )

    def _live(self, life: _Life) -> None:
        life.asked.wait(self._pending_seconds)
        if life.doom is not None:
            self.end(life.id, life.doom)
        machine = self._start(life)
        if machine is None:
            life.asked.wait()
        else:
            machine.wait()
        with self._moto.lock:
            if life.ending is None:
                self._begin_to_end(life, self._own_ending(life))
            self._finish(life)

    def _start(self, life: _Life) -> Machine | None:
        """Set an instance to running unless it has been ended; return its machine if it booted one."""
        with self._moto.lock:
            if life.asked.is_set():
                return None
            self._moto.set_state(life.region, life.id, "running")
            if life.machine is not None:
                life.machine.boot()
            return life.machine

    def _own_ending(self, life: _Life) -> Ending:
        behaviour = self._moto.instance(life.region, life.id).instance_initiated_shutdown_behavior
        if behaviour == "terminate":
            return BY_ITSELF
        return Ending(state="stopped", code=BY_ITSELF.code, text=BY_ITSELF.text)

    def _begin_to_end(self, life: _Life, ending: Ending) -> None:
        instance = self._moto.instance(life.region, life.id)
        if ending.state == "terminated":
            # With it go its network interface and those of its volumes that are to go.
            instance.terminate()
        else:
            instance.stop()
        life.ending = ending
        self._explain(life, ending)
        self._moto.set_state(life.region, life.id, "shutting-down" if ending.state == "terminated" else "stopping")
        life.asked.set()
        if life.machine is not None:
            life.machine.power_off()
        if life.is_over:
            self._finish(life)

    def _explain(self, life: _Life, ending: Ending) -> None:
        moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        transition = f"{ending.initiated} ({moment})" if ending.initiated else ""
        message = f"{ending.code}: {ending.text}"
        self._moto.explain(life.region, life.id, code=ending.code, message=message, transition=transition)

    def _finish(self, life: _Life) -> None:
        assert life.ending is not None
        self._moto.set_state(life.region, life.id, life.ending.state)
        life.is_over = True
        life.ended = life.ended or time.time()
