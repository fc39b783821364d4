"""EC2 on loopback for the tests of the runner: moto's server, which notes each call and fails where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.ec2.models.amis import Ami
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from cmlkit.clouds.aws.images import UBUNTU_OWNER

REGION = "eu-west-1"
ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
UBUNTU_NAMES = {
    "x86_64": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101",
    "arm64": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260101",
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: its action, such as `RunInstances`, and its parameters by their wire names."""

    action: str
    parameters: dict[str, str]


@dataclass(kw_only=True)
class Fault:
    """An error that the next calls of an action get instead of an answer.

    Attributes:
        code: EC2's error code; empty for a connection that breaks.
        after: Whether the server does what was asked before it fails.
        times: How many calls it befalls.
        where: Parameters, by their wire names, that the call must have.
    """

    action: str
    code: str = ""
    message: str = "Injected."
    status: int = 400
    after: bool = False
    times: int = 10_000
    where: dict[str, str] = field(default_factory=dict)

    def befalls(self, call: Call) -> bool:
        return (
            self.times > 0
            and self.action == call.action
            and all(call.parameters.get(name) == value for name, value in self.where.items())
        )


class Ec2:
    """The server, what it was asked, and what it is to fail at."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._moto = DomainDispatcherApplication(create_backend_app)

    @property
    def actions(self) -> list[str]:
        return [call.action for call in self.calls]

    def fail(self, action: str, code: str = "", **details: Any) -> None:
        self.faults.append(Fault(action=action, code=code, **details))

    def client(self, service: str = "ec2", region: str = REGION) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def instances(self, region: str = REGION) -> list[Any]:
        reservations = self.client(region=region).describe_instances()["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def alive(self, region: str = REGION) -> list[str]:
        return [i["InstanceId"] for i in self.instances(region) if i["State"]["Name"] in ("pending", "running")]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = _Once(body)
        call = _call(environ, body)
        self.calls.append(call)
        fault = next((fault for fault in self.faults if fault.befalls(call)), None)
        if fault is None:
            return self._moto(environ, start_response)  # type: ignore[no-any-return]
        fault.times -= 1
        if fault.after:
            b"".join(self._moto(environ, lambda *_: lambda _: None))
        if not fault.code:
            raise ConnectionError("The test breaks this connection.")
        start_response(f"{fault.status} Injected", [("Content-Type", "text/xml")])
        error = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
        return [f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>".encode()]


class _Once:
    """A request body that can be read once more."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        size = len(self._body) if size < 0 else size
        head, self._body = self._body[:size], self._body[size:]
        return head


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        pass

    def run_wsgi(self) -> None:
        try:
            super().run_wsgi()
        except ConnectionError:
            self.close_connection = True


def _call(environ: dict[str, Any], body: bytes) -> Call:
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return Call(action=target.rpartition(".")[2], parameters={})
    parameters = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    return Call(action=parameters.get("Action", str(environ.get("PATH_INFO"))), parameters=parameters)


def add_ubuntu_images(region: str = REGION) -> dict[str, str]:
    """Canonical's newest images; their ids by architecture."""
    backend = get_backend("ec2")[ACCOUNT][region]
    ids = {architecture: f"ami-00000000{number:08x}" for number, architecture in enumerate(UBUNTU_NAMES, start=1)}
    for architecture, name in UBUNTU_NAMES.items():
        backend.amis[ids[architecture]] = Ami(
            backend,
            ids[architecture],
            name=name,
            architecture=architecture,
            owner_id=UBUNTU_OWNER,
            public=True,
            root_device_name="/dev/sda1",
            root_device_type="ebs",
        )
    return ids


@contextmanager
def running() -> Iterator[Ec2]:
    """A fresh EC2 on a free port of 127.0.0.1."""
    reset_model_data()
    ec2 = Ec2()
    server = make_server("127.0.0.1", 0, ec2, threaded=True, request_handler=_Quiet)
    ec2.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield ec2
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
