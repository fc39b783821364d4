"""AWS on loopback for the tests of the runner: moto's server, which notes each call and fails where it is told to."""

from __future__ import annotations

import base64
import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.backends import get_backend
from moto.ec2.models.amis import Ami
from moto.ec2.models.instances import StateReason
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from cmlkit.clouds.aws.images import UBUNTU_OWNER

REGION = "eu-west-1"
ACCOUNT = "123456789012"
UBUNTU = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{}-server-20260101"
DEEP_LEARNING = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260101"

JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: its action, such as `RunInstances`, its parameters by their wire names, and its JSON body."""

    action: str
    parameters: dict[str, str] = field(default_factory=dict)
    document: Any = None


@dataclass(kw_only=True)
class Fault:
    """An error that the next calls of an action get instead of an answer.

    Attributes:
        code: AWS's error code; empty for a connection that breaks.
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


# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
_OTHER_PARAMETERS = Fault(action="RunInstances", code="IdempotentParameterMismatch", message="Other parameters.")


class Ec2:
    """The server, what it was asked, what it is to fail at, and what moto has not: prices, a console, client tokens.

    `before` and `after` are called with each action, before it is done and before it is answered.
    """

    def __init__(self) -> None:
        self.url = ""
        self._moto = Client(DomainDispatcherApplication(create_backend_app))

    def reset(self) -> None:
        """As new: an account with a default VPC, and Canonical's images."""
        moto_api_backend.reset()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.prices: dict[str, float] = {}
        self.console = ""
        self.before: Callable[[str], None] = lambda action: None
        self.after: Callable[[str], None] = lambda action: None
        self._launched: dict[str, tuple[dict[str, str], Answer]] = {}
        self._lock = threading.RLock()
        self.images = {
            "x86_64": add_image(UBUNTU.format("amd64")),
            "arm64": add_image(UBUNTU.format("arm64"), architecture="arm64"),
        }

    @property
    def actions(self) -> list[str]:
        return [call.action for call in self.calls]

    def called(self, action: str) -> list[dict[str, str]]:
        """The parameters of each call of an action."""
        return [call.parameters for call in self.calls if call.action == action]

    def fail(self, action: str, code: str = "", **details: Any) -> None:
        self.faults.append(Fault(action=action, code=code, **details))

    @functools.cache  # noqa: B019 - there is one of these, and boto3 takes long to make a client
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
        """Ids of the instances that cost money."""
        return [i["InstanceId"] for i in self.instances(region) if i["State"]["Name"] in ("pending", "running")]

    def end_all(self, reason: str) -> None:
        """Let the instances end by themselves."""
        for instance_id in self.alive():
            instance = get_backend("ec2")[ACCOUNT][REGION].get_instance(instance_id)
            instance.terminate()
            instance.state_reason = StateReason(reason, reason.partition(":")[0])

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None where the connection is to break."""
        call = _call(request)
        self.before(call.action)
        try:
            return self._faulty(call, request)
        finally:
            self.after(call.action)

    def _faulty(self, call: Call, request: Request) -> Answer | None:
        with self._lock:
            self.calls.append(call)
            fault = next((fault for fault in self.faults if fault.befalls(call)), None)
            if fault is None:
                return self._served(call, request)
            fault.times -= 1
            if fault.after:
                self._served(call, request)
        return _refusal(fault, call) if fault.code else None

    def _served(self, call: Call, request: Request) -> Answer:
        if call.action == "GetProducts":
            return self._price_list(call)
        token = call.parameters.get("ClientToken", "") if call.action == "RunInstances" else ""
        if token in self._launched:
            parameters, answer = self._launched[token]
            return answer if parameters == call.parameters else _refusal(_OTHER_PARAMETERS, call)
        answer = self._from_moto(request)
        if token and answer.status == 200:
            self._launched[token] = call.parameters, answer
        if call.action == "GetConsoleOutput" and self.console:
            return _with_output(answer, self.console)
        return answer

    def _from_moto(self, request: Request) -> Answer:
        response = self._moto.open(request.path, method=request.method, headers=request.headers, data=request.body)
        return Answer(status=response.status_code, headers=list(response.headers), body=response.get_data())

    def _price_list(self, call: Call) -> Answer:
        wanted = {item["Field"]: item["Value"] for item in call.document["Filters"]}
        is_disk = "volumeApiName" in wanted
        price = self.prices.get(wanted["volumeApiName" if is_disk else "instanceType"])
        dimension = {"unit": "GB-Mo" if is_disk else "Hrs", "pricePerUnit": {"USD": f"{price}"}}
        product = {"terms": {"OnDemand": {"SKU.TERM": {"priceDimensions": {"SKU.TERM.RATE": dimension}}}}}
        products = [] if price is None else [json.dumps(product)]
        body = json.dumps({"PriceList": products})
        return Answer(status=200, headers=[("Content-Type", JSON)], body=body.encode())


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = list(self.headers.items())
        answer = self.server.ec2.answer(Request(method=self.command, path=self.path, headers=headers, body=body))
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - the names that the base class calls

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, ec2: Ec2) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ec2 = ec2


def _call(request: Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers}
    if target := headers.get("x-amz-target"):
        return Call(action=target.rpartition(".")[2], document=json.loads(request.body))
    if request.path.startswith("/schedules/"):
        verb = {"POST": "Create", "GET": "Get", "DELETE": "Delete"}[request.method]
        return Call(action=f"{verb}Schedule", document=json.loads(request.body or b"{}"))
    parameters = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    return Call(action=parameters.get("Action", request.path), parameters=parameters)


def _refusal(fault: Fault, call: Call) -> Answer:
    if call.document is not None:
        body = json.dumps({"__type": fault.code, "message": fault.message})
        headers = [("Content-Type", JSON), ("x-amzn-ErrorType", fault.code)]
        return Answer(status=fault.status, headers=headers, body=body.encode())
    error = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"
    return Answer(status=fault.status, headers=[("Content-Type", "text/xml")], body=body.encode())


def _with_output(answer: Answer, console: str) -> Answer:
    head, _, rest = answer.body.partition(b"<output>")
    output = b"<output>" + base64.b64encode(console.encode()) + b"</output>"
    return replace(answer, body=head + output + rest.partition(b"</output>")[2])


def add_image(name: str, *, architecture: str = "x86_64", owner: str = UBUNTU_OWNER, region: str = REGION) -> str:
    """An image as its owner published it; its id."""
    backend = get_backend("ec2")[ACCOUNT][region]
    image_id = f"ami-{len(backend.amis):017x}"
    backend.amis[image_id] = Ami(
        backend,
        image_id,
        name=name,
        architecture=architecture,
        owner_id=owner,
        owner_alias=owner,
        public=True,
        root_device_name="/dev/sda1",
        root_device_type="ebs",
    )
    return image_id


@contextmanager
def running() -> Iterator[Ec2]:
    """AWS on a free port of 127.0.0.1."""
    ec2 = Ec2()
    with _Server(ec2) as server:
        ec2.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield ec2
        finally:
            server.shutdown()
            thread.join()
