"""The instance metadata service, version 2, which needs a session token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from cmlkit_sandbox.aws.access_keys import AccessKeys

PREFIX = "/_imds/"
TOKEN_HEADER = "HTTP_X_AWS_EC2_METADATA_TOKEN"  # noqa: S105 - a name
TTL_HEADER = "HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS"
LONGEST_TTL_SECONDS = 21_600


class MetadataService:
    """A WSGI application that answers below `/_imds/INSTANCE/` as the service does on an instance.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
    """

    def __init__(self, access_keys: AccessKeys) -> None:
        self._access_keys = access_keys
        self._entries: dict[str, dict[str, str]] = {}
        self._user_data: dict[str, bytes] = {}
        self._tokens: dict[str, str] = {}

    def add(self, instance_id: str, *, region: str, instance: Any, user_data: bytes, profile: str = "") -> None:
        """Register a new instance.

        Args:
            instance: moto's instance object.
            user_data: As it was given, decoded from base64; the service gives back the same bytes.
            profile: Name of the instance profile.
        """
        identity = {
            "accountId": instance.owner_id,
            "architecture": instance.architecture,
            "availabilityZone": instance.availability_zone,
            "imageId": instance.image_id,
            "instanceId": instance_id,
            "instanceType": instance.instance_type,
            "pendingTime": _iso(datetime.now(UTC)),
            "privateIp": instance.private_ip,
            "region": region,
            "version": "2017-09-30",
        }
        entries = {
            "meta-data/ami-id": instance.image_id,
            "meta-data/instance-id": instance_id,
            "meta-data/instance-life-cycle": instance.lifecycle or "on-demand",
            "meta-data/instance-type": instance.instance_type,
            "meta-data/local-ipv4": instance.private_ip,
            "meta-data/placement/availability-zone": instance.availability_zone,
            "meta-data/placement/region": region,
            "dynamic/instance-identity/document": json.dumps(identity, indent=2),
        }
        self._entries[instance_id] = entries | (self._credentials(profile) if profile else {})
        if user_data:
            self._user_data[instance_id] = user_data

    def interrupt(self, instance_id: str, *, at: float) -> None:
        """Announce a Spot interruption at that time, in seconds since the epoch."""
        moment = _iso(datetime.fromtimestamp(at, UTC))
        notice = {"action": "terminate", "time": moment}
        self._entries[instance_id]["meta-data/spot/instance-action"] = json.dumps(notice)
        self._entries[instance_id]["meta-data/spot/termination-time"] = moment

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        instance_id, _, path = str(environ["PATH_INFO"]).removeprefix(PREFIX).partition("/")
        status, content = self._answer(environ, instance_id, path)
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
        return [content]

    def _answer(self, environ: WSGIEnvironment, instance_id: str, path: str) -> tuple[str, bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            return self._new_token(environ, instance_id) if path == "latest/api/token" else ("404 Not Found", b"")
        if self._tokens.get(str(environ.get(TOKEN_HEADER))) != instance_id:
            return "401 Unauthorized", b""
        entries = self._entries.get(instance_id, {})
        asked = path.removeprefix("latest/").rstrip("/")
        if asked == "user-data" and instance_id in self._user_data:
            return "200 OK", self._user_data[instance_id]
        if asked in entries:
            return "200 OK", entries[asked].encode()
        below = [name.removeprefix(f"{asked}/") for name in entries if name.startswith(f"{asked}/")]
        listed = dict.fromkeys(
            f"{head}/" if slash else head for head, slash, _ in (name.partition("/") for name in below)
        )
        return ("200 OK", "\n".join(listed).encode()) if listed else ("404 Not Found", b"")

    def _new_token(self, environ: WSGIEnvironment, instance_id: str) -> tuple[str, bytes]:
        ttl = str(environ.get(TTL_HEADER, ""))
        if not ttl.isdecimal() or not 1 <= int(ttl) <= LONGEST_TTL_SECONDS:
            return "400 Bad Request", b""
        token = secrets.token_urlsafe(40)
        self._tokens[token] = instance_id
        return "200 OK", token.encode()

    def _credentials(self, profile: str) -> dict[str, str]:
        now = datetime.now(UTC)
        key, secret = f"ASIASANDBOX{secrets.token_hex(4).upper()}", secrets.token_hex(20)
        self._access_keys.known[key] = secret
        credentials = {
            "Code": "Success",
            "LastUpdated": _iso(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": key,
            "SecretAccessKey": secret,
            "Token": secrets.token_hex(32),
            "Expiration": _iso(now + timedelta(hours=6)),
        }
        return {f"meta-data/iam/security-credentials/{profile}": json.dumps(credentials)}


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
