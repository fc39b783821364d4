"""The server: one URL for every service and region, with fault injection and a log."""

from __future__ import annotations

import functools
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from cmlkit.errors import CmlkitError
from cmlkit_sandbox.aws import metadata, prices
from cmlkit_sandbox.aws.access_keys import AccessKeys
from cmlkit_sandbox.aws.account import ACCESS_KEY, SECRET_KEY, Denials
from cmlkit_sandbox.aws.answer import Answer, Refusal
from cmlkit_sandbox.aws.call import Call, read_call
from cmlkit_sandbox.aws.faults import Fault, Faults
from cmlkit_sandbox.aws.fleet import (
    BY_SPOT,
    BY_USER,
    Fleet,
    SandboxInstance,
)
from cmlkit_sandbox.aws.instances import Instances
from cmlkit_sandbox.aws.keys import Keys
from cmlkit_sandbox.aws.launches import Launches
from cmlkit_sandbox.aws.moto_backend import Moto
from cmlkit_sandbox.aws.quotas import Quotas
from cmlkit_sandbox.aws.schedules import Schedules
from cmlkit_sandbox.aws.settling import MAKING, Settling
from cmlkit_sandbox.machine import Machine

REGION = "eu-west-1"

Operation = Callable[[Call], Answer]

_only_one = threading.Lock()


class AwsServer:
    """AWS on a free port of 127.0.0.1, while the `with` block lasts. One at a time: moto's state is global.

    Args:
        directory: Folder of the machines; created if missing.
        boot: Whether instances have machines that run their user data; if not, they only exist.
        pending_seconds: How long an instance is pending.
        clock_rate: How many of a machine's timer seconds pass in one second.
        host: Environment of which machines share parts; this process's if None.

    Attributes:
        url: AWS_ENDPOINT_URL; set inside the `with` block.
        latency: Delay of every call, in seconds.
        calls: The calls so far.
        faults: The pending faults; see `fail`.
        access_keys: The keys that calls may be signed with: `access_keys.known["AKIA…"] = SECRET` adds one.
        denials: The denied actions; see `deny`.
        quotas: The account's limits; `quotas.limits["L-1216C47A"] = 0`.
        keys: The key that encrypts volumes; `keys.own = ARN` for one that the spot service may not use.
        spot_changes: Times, in seconds since the epoch, and the factor of all spot prices from then on.
        settling: New resources that launches do not know yet; `settling.launches = 0` if they are to know all.
    """

    def __init__(
        self,
        directory: Path,
        *,
        boot: bool = True,
        pending_seconds: float = 0.1,
        clock_rate: float = 1.0,
        host: Mapping[str, str] | None = None,
    ) -> None:
        self.url = ""
        self.latency = 0.0
        self.calls: list[Call] = []
        self.faults = Faults()
        self.access_keys = AccessKeys({ACCESS_KEY: SECRET_KEY})
        self.denials = Denials()
        self.keys = Keys(self.denials)
        self.quotas = Quotas()
        self.spot_changes: list[tuple[float, float]] = []
        self.settling = Settling()
        self._new_fleet = functools.partial(
            Fleet,
            directory=directory,
            boot=boot,
            pending_seconds=pending_seconds,
            clock_rate=clock_rate,
            host=dict(os.environ if host is None else host),
        )
        self._metadata = metadata.MetadataService(self.access_keys)
        self._numbers = itertools.count(1)
        self._logging = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._is_open = False

    def __enter__(self) -> Self:
        if not _only_one.acquire(blocking=False):
            raise CmlkitError("This process has a sandbox already.", next_step="Leave the other one first.")
        try:
            self._start()
        except BaseException:
            _only_one.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        try:
            for timer in self._timers:
                timer.cancel()
            self._fleet.close()
            self._server.stop()
        finally:
            _only_one.release()

    def environ(self) -> dict[str, str]:
        """Return the environment variables that point boto3 and the AWS CLI here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fail(self, action: str, code: str = "", **details: Any) -> Fault:
        """Inject a fault into the next calls of `action`; `details` are fields of Fault."""
        return self.faults.add(Fault(action=action, code=code, **details))

    def deny(self, *actions: str) -> None:
        """Deny permissions, such as `ec2:RunInstances` or `pricing:*`."""
        self.denials.add(*actions)

    def interrupt(self, instance_id: str, *, seconds: float = 120.0) -> None:
        """Interrupt a spot instance: its metadata service announces it now, and it is terminated after `seconds`."""
        self._metadata.interrupt(instance_id, at=time.time() + seconds)
        timer = threading.Timer(seconds, self._fleet.end, (instance_id, BY_SPOT))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def forget_ended(self) -> None:
        """Forget the instances that have ended, as EC2 does about an hour later."""
        self._fleet.forget_ended()

    def run_due_schedules(self, now: float | None = None) -> list[str]:
        """Fire the schedules due at `now`, in seconds since the epoch; return their names."""
        return self._schedules.run_due(time.time() if now is None else now)

    @property
    def actions(self) -> list[str]:
        """The actions of the calls so far."""
        return [call.action for call in self.calls]

    @property
    def machines(self) -> dict[str, Machine]:
        """Instance id -> machine."""
        return self._fleet.machines

    def instance(self, instance_id: str) -> SandboxInstance:
        """Return the instance with that id. KeyError if unknown."""
        return self._fleet.instance(instance_id)

    def instances(self) -> list[SandboxInstance]:
        """Return every instance of every region, ended ones too, in the order of their launch."""
        return self._fleet.instances()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        from cmlkit_sandbox.http_server import break_connection

        if str(environ.get("PATH_INFO", "")).startswith(metadata.PREFIX):
            return self._metadata(environ, start_response)
        call = read_call(environ)
        with self._logging:
            call.number = next(self._numbers)
            self.calls.append(call)
        try:
            answer = self._eventual_answer(call)
        except ConnectionResetError:
            break_connection(environ)
            raise
        call.status = answer.status
        headers = [("Content-Type", answer.media_type), *answer.headers]
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            headers.append(("Content-Length", str(len(answer.content))))
        start_response(f"{answer.status} Sandbox", headers)
        return [answer.content]

    def _start(self) -> None:
        # It needs werkzeug, which comes with moto.
        from cmlkit_sandbox.http_server import Server

        self._moto = Moto()
        self._fleet = self._new_fleet(self._moto)
        self._schedules = Schedules(self._moto, terminate=self._terminate_by_schedule)
        self._operations = self._all_operations()
        self._server = Server(self)
        self._server.start()
        self.url = self._server.url
        self._is_open = True

    def _all_operations(self) -> Mapping[tuple[str, str], Operation]:
        """Return the operations that are answered here; moto answers all others."""
        instances = Instances(self._fleet)
        launches = Launches(
            self._moto,
            self._fleet,
            quotas=self.quotas,
            settling=self.settling,
            keys=self.keys,
            metadata=self._metadata,
            environ=self._machine_environ,
        )
        return {
            **dict.fromkeys(MAKING, self.settling.noting(self._moto.answer)),
            ("ec2", "DescribeSubnets"): self.settling.subnets(self._moto.answer),
            ("ec2", "DescribeImages"): self.settling.images(self._moto.answer),
            ("scheduler", "CreateSchedule"): self.settling.schedule(self._moto.answer),
            ("ec2", "RunInstances"): launches.run,
            ("ec2", "TerminateInstances"): instances.terminate,
            ("ec2", "GetConsoleOutput"): instances.console,
            ("ec2", "StopInstances"): instances.refuse,
            ("ec2", "StartInstances"): instances.refuse,
            ("ec2", "RebootInstances"): instances.refuse,
            ("ec2", "DescribeSpotPriceHistory"): self._spot_history,
            ("pricing", "GetProducts"): prices.products,
            ("servicequotas", "GetServiceQuota"): self.quotas.get,
            ("servicequotas", "ListServiceQuotas"): self.quotas.list,
            ("sts", "DecodeAuthorizationMessage"): self.denials.decode,
        }

    def _eventual_answer(self, call: Call) -> Answer:
        fault = self.faults.take(call)
        time.sleep(self.latency + (fault.latency if fault else 0.0))
        if fault is None:
            return self._answer(call)
        if fault.before:
            fault.before(call)
        if fault.is_wrong_answer and not fault.acted:
            return fault.answer(call)
        answer = self._answer(call)
        if fault.after:
            fault.after(call)
        return fault.answer(call) if fault.is_wrong_answer else answer

    def _answer(self, call: Call) -> Answer:
        if not self._is_open:
            raise ConnectionResetError("the sandbox is closing")
        operation = self._operations.get((call.service, call.action), self._moto.answer)
        try:
            self.access_keys.check(call)
            self.denials.check(call)
            if call.is_dry_run and call.action != "RunInstances":
                raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)
            return operation(call)
        except Refusal as refusal:
            return refusal.answer(call)

    def _spot_history(self, call: Call) -> Answer:
        names = call.listed("InstanceType")
        zones = [(name, zone) for name in names for zone in self._moto.zones_offering(call.region, name)]
        return prices.spot_history(call, zones, self.spot_changes)

    def _machine_environ(self, instance_id: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{self.url}{metadata.PREFIX}{instance_id}",
        }

    def _terminate_by_schedule(self, region: str, ids: Iterable[str]) -> None:
        for instance_id in ids:
            if self._fleet.knows(region, instance_id):
                self._fleet.end(instance_id, BY_USER)
