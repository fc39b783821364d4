"""Calls: the operation and parameters of a request, in any of AWS's protocols."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote
from wsgiref.types import WSGIEnvironment

Protocol = Literal["ec2", "query", "json", "rest-json", "rest-xml"]

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
_SCHEDULER_OPERATIONS: Mapping[tuple[str, bool], str] = {
    ("GET", False): "ListSchedules",
    ("POST", True): "CreateSchedule",
    ("GET", True): "GetSchedule",
    ("PUT", True): "UpdateSchedule",
    ("DELETE", True): "DeleteSchedule",
}
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
_S3_OPERATIONS: Mapping[tuple[str, bool], str] = {
    ("GET", False): "ListObjectsV2",
    ("HEAD", False): "HeadBucket",
    ("PUT", False): "CreateBucket",
    ("DELETE", False): "DeleteBucket",
    ("POST", False): "DeleteObjects",
    ("GET", True): "GetObject",
    ("HEAD", True): "HeadObject",
    ("PUT", True): "PutObject",
    ("DELETE", True): "DeleteObject",
}
# Uploads in parts are the same methods with parameters of their own.
_S3_PART_OPERATIONS: Mapping[tuple[str, str], str] = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


@dataclass(kw_only=True, eq=False)
class Call:
    """One request to AWS.

    Attributes:
        number: Position in the log, from 1.
        service: From its signature: `ec2`, `ssm`, `pricing`, `scheduler`, `servicequotas`, `sts`, `s3`, …
        action: Such as `RunInstances`.
        parameters: Flat and under their wire names for EC2 and the Query API, such as `InstanceId.1`.
        status: HTTP status of the answer; None until it is sent, or if the connection broke instead.
        signed_body: The body as it came, to which the signature belongs; a fault may change the other.
    """

    number: int = 0
    service: str
    action: str
    region: str
    parameters: Mapping[str, Any]
    protocol: Protocol
    status: int | None = None
    environ: WSGIEnvironment = field(repr=False)
    body: bytes = field(repr=False)
    signed_body: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.signed_body = self.body

    @property
    def instance_type(self) -> str:
        return str(self.parameters.get("InstanceType", ""))

    @property
    def market(self) -> Literal["spot", "on-demand"]:
        """The market of the instance to launch."""
        return "spot" if self.parameters.get("InstanceMarketOptions.MarketType") == "spot" else "on-demand"

    @property
    def is_dry_run(self) -> bool:
        return self.service == "ec2" and self.parameters.get("DryRun") == "true"

    def text(self, name: str) -> str:
        """Return a parameter; empty when it is missing."""
        return str(self.parameters.get(name, ""))

    def listed(self, name: str) -> list[str]:
        """Return the values of a flat list, `NAME.1`, `NAME.2` and so on."""
        return [str(value) for key, value in self.parameters.items() if re.fullmatch(rf"{re.escape(name)}\.\d+", key)]

    def tags(self, kind: str) -> dict[str, str]:
        """Return the tags to put on new resources of one kind, such as `instance`."""
        found: dict[str, str] = {}
        for prefix in self._prefixes("TagSpecification"):
            if self.text(f"{prefix}.ResourceType") == kind:
                for tag in self._prefixes(f"{prefix}.Tag"):
                    found[self.text(f"{tag}.Key")] = self.text(f"{tag}.Value")
        return found

    def _prefixes(self, name: str) -> Iterator[str]:
        pattern = re.compile(rf"({re.escape(name)}\.\d+)\.")
        yield from dict.fromkeys(match[1] for key in self.parameters if (match := pattern.match(key)))


def read_call(environ: WSGIEnvironment) -> Call:
    """Read a request to its end and parse it."""
    body = _body(environ)
    region, service = _scope(environ)
    if target := str(environ.get("HTTP_X_AMZ_TARGET", "")):
        action, parameters = target.rpartition(".")[2], json.loads(body or b"{}")
        protocol: Protocol = "json"
    elif action := (form := _form(environ, body)).get("Action", ""):
        # Only calls of STS that hand in a web identity come without a signature.
        service, parameters = service or "sts", form
        protocol = "ec2" if service == "ec2" else "query"
    else:
        action, parameters = _rest_operation(environ, service, body)
        protocol = "rest-xml" if service == "s3" else "rest-json"
    return Call(
        service=service,
        action=action,
        region=region,
        parameters=parameters,
        protocol=protocol,
        environ=environ,
        body=body,
    )


def _body(environ: WSGIEnvironment) -> bytes:
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


def _scope(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return region and service of the signature; empty without one."""
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
    signature = re.search(r"Credential=[^/]+/\d+/([^/]*)/([^/]+)/aws4_request", str(environ.get("HTTP_AUTHORIZATION")))
    return (signature[1], signature[2]) if signature else ("", "")


def _form(environ: WSGIEnvironment, body: bytes) -> dict[str, str]:
    if not str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        return {}
    return {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}


def _rest_operation(environ: WSGIEnvironment, service: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    method, path = str(environ["REQUEST_METHOD"]), str(environ["PATH_INFO"])
    if service == "scheduler" and (found := re.fullmatch(r"/schedules(?:/(.+))?", path)):
        named = {"Name": unquote(found[1])} if found[1] else {}
        action = _SCHEDULER_OPERATIONS.get((method, bool(found[1])), f"{method} {path}")
        return action, {**(json.loads(body) if body else {}), **named}
    if service == "s3" and (found := re.fullmatch(r"/([^/]+)(?:/(.+))?", path)):
        named = {"Bucket": found[1], **({"Key": found[2]} if found[2] else {})}
        query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
        named |= {"Prefix": query["prefix"][0]} if "prefix" in query else {}
        of_parts = (_S3_PART_OPERATIONS.get((method, name)) for name in query)
        whole = _S3_OPERATIONS.get((method, bool(found[2])), f"{method} {path}")
        return next(filter(None, of_parts), whole), named
    return f"{method} {path}", {}
