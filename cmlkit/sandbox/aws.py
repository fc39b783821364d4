"""The sandbox's AWS: moto's server in this process, with what real EC2 has and moto lacks put before it.

Added here: machines that boot from their user data and end the instance when they power off, pending before running,
idempotency by ClientToken, the limit of user data, real console output, the instance metadata service, public images,
prices, and faults on demand.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cmlkit.errors import CmlkitError
from cmlkit.sandbox import aws_catalogue
from cmlkit.sandbox.aws_faults import Call, Fault, Faults
from cmlkit.sandbox.machine import Machine
from cmlkit.sandbox.metadata import MetadataService

ACCOUNT = "123456789012"
ACCESS_KEY = "AKIASANDBOXSANDBOX00"
SECRET_KEY = "sandbox-secret-key"  # noqa: S105 - of the sandbox
USER_DATA_LIMIT_BYTES = 16_384

StartResponse = Callable[..., Any]
Answer = tuple[int, str, bytes]

_only_one = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class SandboxInstance:
    """An instance as the sandbox knows it.

    Attributes:
        state: As EC2 calls it.
        lifetime: Seconds from launch to termination, or until now.
    """

    id: str
    state: str
    region: str
    lifetime: float


class AwsServer:
    """AWS on a free port of 127.0.0.1, while the `with` block lasts. One at a time: moto's state is the process's.

    Args:
        directory: Where the machines live.
        boot: Whether instances have machines; without, they only exist.
        pending_seconds: How long an instance is pending.
        clock_rate: How many of a machine's timer seconds pass in one second.
    """

    def __init__(
        self, directory: Path, *, boot: bool = True, pending_seconds: float = 0.1, clock_rate: float = 1.0
    ) -> None:
        self.directory = directory
        self.url = ""
        self.latency = 0.0
        self.faults = Faults()
        self.calls: list[Call] = []
        self.machines: dict[str, Machine] = {}
        self._boot = boot
        self._pending_seconds = pending_seconds
        self._clock_rate = clock_rate
        self._tokens: dict[str, tuple[Mapping[str, str], Answer]] = {}
        self._launching = threading.Lock()
        self._regions_with_images: set[str] = set()
        self._ended: dict[str, float] = {}
        self._timers: list[threading.Timer] = []
        self.metadata = MetadataService()

    def __enter__(self) -> AwsServer:
        if not _only_one.acquire(blocking=False):
            raise CmlkitError("This process has a sandbox already.", next_step="Leave the other one first.")
        try:
            self._serve()
        except BaseException:
            _only_one.release()
            raise
        return self

    def _serve(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        from cmlkit.sandbox.github.http_server import Server

        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._server = Server(self)
        self._server.start()
        self.url = self._server.url
        urllib.request.urlopen(f"{self.url}/moto-api/reset", data=b"").close()  # noqa: S310 - our own, on loopback
        self.calls.clear()

    def __exit__(self, *_: object) -> None:
        try:
            for timer in self._timers:
                timer.cancel()
            self._ended.update(dict.fromkeys(self.machines, time.time()))
            for machine in list(self.machines.values()):
                machine.power_off()
            for machine in list(self.machines.values()):
                machine.wait()
            self._server.stop()
        finally:
            _only_one.release()

    def environ(self) -> dict[str, str]:
        """The variables by which boto3 finds this AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fail(self, action: str, code: str = "", **details: Any) -> None:
        """Let the next calls of `action` fail; see Fault."""
        self.faults.add(Fault(action=action, code=code, **details))

    @property
    def actions(self) -> list[str]:
        return [call.action for call in self.calls]

    def instance(self, instance_id: str) -> SandboxInstance:
        """The instance of that id; KeyError when there is none."""
        for region, backend in self._backends():
            for found in backend.all_instances():
                if found.id == instance_id:
                    ended = self._ended.get(instance_id, time.time())
                    return SandboxInstance(
                        id=instance_id, state=found.state, region=region, lifetime=ended - _launched(found)
                    )
        raise KeyError(instance_id)

    def instances(self) -> list[SandboxInstance]:
        """Every instance of every region, terminated ones too."""
        return [self.instance(found.id) for _, backend in self._backends() for found in backend.all_instances()]

    def interrupt(self, instance_id: str, *, seconds: float = 120.0) -> None:
        """Take a spot instance back: the metadata service says so now, and it is terminated after `seconds`."""
        self.metadata.interrupt(instance_id, at=time.time() + seconds)
        self._later(seconds, lambda: self._terminate(instance_id, "Server.SpotInstanceTermination"))

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(MetadataService.PREFIX):
            return self.metadata(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call, region = described(environ, body)
        self.calls.append(call)
        if self.latency:
            time.sleep(self.latency)
        return _respond(start_response, self._answer(call, region, environ, body))

    def _answer(self, call: Call, region: str, environ: dict[str, Any], body: bytes) -> Answer:
        fault = self.faults.take(call)
        if fault is not None and not fault.after:
            return _failed(call, fault)
        answer = self._act(call, region, environ, body)
        return _failed(call, fault) if fault is not None else answer

    def _act(self, call: Call, region: str, environ: dict[str, Any], body: bytes) -> Answer:
        if call.service == "ec2":
            self._add_images(region)
        match call.action:
            case "RunInstances":
                return self._run_instances(call, region, environ, body)
            case "TerminateInstances":
                return self._terminate_instances(call, environ, body)
            case "GetConsoleOutput":
                return self._console_output(call)
            case "DescribeSpotPriceHistory":
                return self._spot_prices(call, region)
            case "GetParameters" | "GetParameter" if call.service == "ssm":
                return self._parameters(call.action, environ, body)
            case "GetProducts":
                filters = {item["Field"]: item["Value"] for item in json.loads(body).get("Filters", [])}
                return _json({"FormatVersion": "aws_v1", "PriceList": aws_catalogue.price_list(filters)})
        return self._forward(environ, body)

    def _run_instances(self, call: Call, region: str, environ: dict[str, Any], body: bytes) -> Answer:
        parameters = {name: value for name, value in call.parameters.items() if name != "Version"}
        token = parameters.get("ClientToken", "")
        with self._launching:
            if token and token in self._tokens:
                known, answer = self._tokens[token]
                if known == parameters:
                    return answer
                return _error(
                    "IdempotentParameterMismatch", f"The client token {token} was used with other parameters."
                )
            user_data = parameters.get("UserData", "")
            if len(base64.b64decode(user_data)) > USER_DATA_LIMIT_BYTES:
                return _error("InvalidParameterValue", "User data is limited to 16384 bytes")
            answer = self._forward(environ, body)
            if answer[0] == 200:
                if token:
                    self._tokens[token] = (parameters, answer)
                for instance_id in _ids(answer[2]):
                    self._launched(instance_id, region, user_data)
        return answer

    def _launched(self, instance_id: str, region: str, user_data: str) -> None:
        self.metadata.add(instance_id, region=region)
        self._set_state(instance_id, "pending", 0)
        self._later(self._pending_seconds, lambda: self._start(instance_id, user_data))

    def _start(self, instance_id: str, user_data: str) -> None:
        if self.instance(instance_id).state != "pending":
            return
        self._set_state(instance_id, "running", 16)
        if not self._boot or not user_data:
            return
        machine = self.machines[instance_id] = Machine(
            self.directory / instance_id,
            user_data=user_data,
            host=os.environ,
            environ={"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{self.url}{MetadataService.PREFIX}{instance_id}"},
            clock_rate=self._clock_rate,
        )
        machine.boot()
        machine.wait()
        if instance_id not in self._ended:
            self._powered_off(instance_id)

    def _powered_off(self, instance_id: str) -> None:
        found = self._found(instance_id)
        if found.instance_initiated_shutdown_behavior == "terminate":
            self._terminate(instance_id, "Client.InstanceInitiatedShutdown")
        else:
            found.stop()

    def _terminate(self, instance_id: str, reason: str) -> None:
        found = self._found(instance_id)
        if found.state != "terminated":
            found.terminate()
            found._reason = reason
            self._bury(instance_id)

    def _terminate_instances(self, call: Call, environ: dict[str, Any], body: bytes) -> Answer:
        answer = self._forward(environ, body)
        if answer[0] == 200:
            for name, instance_id in call.parameters.items():
                if name.startswith("InstanceId."):
                    self._bury(instance_id)
        return answer

    def _bury(self, instance_id: str) -> None:
        self._ended.setdefault(instance_id, time.time())
        if machine := self.machines.get(instance_id):
            machine.power_off()

    def _console_output(self, call: Call) -> Answer:
        instance_id = call.parameters.get("InstanceId", "")
        machine = self.machines.get(instance_id)
        output = base64.b64encode((machine.console if machine else "").encode()[-65_536:]).decode()
        return _xml(
            f"<GetConsoleOutputResponse><requestId>sandbox</requestId><instanceId>{instance_id}</instanceId>"
            f"<timestamp>2026-01-01T00:00:00.000Z</timestamp><output>{output}</output></GetConsoleOutputResponse>"
        )

    def _spot_prices(self, call: Call, region: str) -> Answer:
        wanted = [value for name, value in call.parameters.items() if name.startswith("InstanceType.")]
        known = aws_catalogue.ON_DEMAND_PRICES
        items = "".join(
            f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription>"
            f"<spotPrice>{known[name] * aws_catalogue.SPOT_SHARE:.6f}</spotPrice>"
            f"<timestamp>2026-01-01T00:00:00.000Z</timestamp><availabilityZone>{region}{zone}</availabilityZone></item>"
            for name in wanted
            if name in known
            for zone in "abc"
        )
        return _xml(
            "<DescribeSpotPriceHistoryResponse><requestId>sandbox</requestId>"
            f"<spotPriceHistorySet>{items}</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>"
        )

    def _parameters(self, action: str, environ: dict[str, Any], body: bytes) -> Answer:
        request, values = json.loads(body), aws_catalogue.parameter_values()
        names = request.get("Names") or [request.get("Name")]
        if not all(name in values for name in names):
            return self._forward(environ, body)
        found = [{"Name": name, "Type": "String", "Value": values[name], "Version": 1} for name in names]
        return _json(
            {"Parameters": found, "InvalidParameters": []} if action == "GetParameters" else {"Parameter": found[0]}
        )

    def _forward(self, environ: dict[str, Any], body: bytes) -> Answer:
        from io import BytesIO

        given: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            given["status"] = int(status.split()[0])
            given["type"] = dict(headers).get("Content-Type", "text/xml")

        content = b"".join(self._moto({**environ, "wsgi.input": BytesIO(body)}, start))
        return given["status"], given["type"], content

    def _backends(self) -> list[tuple[str, Any]]:
        from moto.backends import get_backend

        return list(get_backend("ec2")[ACCOUNT].items())

    def _found(self, instance_id: str) -> Any:
        for _, backend in self._backends():
            for found in backend.all_instances():
                if found.id == instance_id:
                    return found
        raise KeyError(instance_id)

    def _set_state(self, instance_id: str, name: str, code: int) -> None:
        state = self._found(instance_id)._state
        state.name, state.code = name, code

    def _add_images(self, region: str) -> None:
        from moto.backends import get_backend

        if region and region not in self._regions_with_images:
            self._regions_with_images.add(region)
            aws_catalogue.add_images(get_backend("ec2")[ACCOUNT][region])

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def described(environ: Mapping[str, Any], body: bytes) -> tuple[Call, str]:
    """What a request asks for, and in which region, by its signature's scope."""
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition(",")[0].split("/")
    region, service = (scope[2], scope[3]) if len(scope) > 3 else ("", "")
    if target := str(environ.get("HTTP_X_AMZ_TARGET", "")):
        return Call(service=service, action=target.rpartition(".")[2]), region
    parameters = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    action = parameters.get("Action") or f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
    return Call(service=service, action=action, parameters=parameters), region


def _launched(found: Any) -> float:
    from datetime import UTC, datetime

    launched = datetime.fromisoformat(str(found.launch_time).replace("Z", "+00:00"))
    return (launched if launched.tzinfo else launched.replace(tzinfo=UTC)).timestamp()


def _ids(answer: bytes) -> list[str]:
    import re

    return re.findall(r"<instanceId>(i-[0-9a-f]+)</instanceId>", answer.decode())


def _failed(call: Call, fault: Fault) -> Answer:
    if not fault.code:
        raise ConnectionResetError("The sandbox breaks this connection.")
    if call.service == "ec2":
        return _error(fault.code, fault.message, fault.status)
    return _json({"__type": fault.code, "message": fault.message}, fault.status)


def _error(code: str, message: str, status: int = 400) -> Answer:
    error = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return status, "text/xml", f"<Response>{error}<RequestID>sandbox</RequestID></Response>".encode()


def _xml(document: str) -> Answer:
    return 200, "text/xml", document.encode()


def _json(document: Mapping[str, Any], status: int = 200) -> Answer:
    return status, "application/x-amz-json-1.1", json.dumps(document).encode()


def _respond(start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
    status, media_type, content = answer
    start_response(f"{status} Sandbox", [("Content-Type", media_type), ("Content-Length", str(len(content)))])
    return [content]
