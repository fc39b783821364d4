"""The instance metadata service, version 2: each instance's own facts, for whoever holds a token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


class MetadataService:
    """A WSGI application that answers below `/_imds/INSTANCE/`."""

    PREFIX = "/_imds/"

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, str]] = {}
        self._token = secrets.token_hex(16)

    def add(self, instance_id: str, *, region: str) -> None:
        """Know an instance that was launched just now."""
        identity = {"instanceId": instance_id, "region": region, "pendingTime": _iso(datetime.now(UTC))}
        self._entries[instance_id] = {
            "/latest/meta-data/instance-id": instance_id,
            "/latest/meta-data/placement/region": region,
            "/latest/dynamic/instance-identity/document": json.dumps(identity, indent=2),
        }

    def interrupt(self, instance_id: str, *, at: float) -> None:
        """Announce a Spot interruption at that time, in seconds since the epoch."""
        notice = {"action": "terminate", "time": _iso(datetime.fromtimestamp(at, UTC))}
        self._entries[instance_id]["/latest/meta-data/spot/instance-action"] = json.dumps(notice)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        instance_id, _, path = str(environ["PATH_INFO"]).removeprefix(self.PREFIX).partition("/")
        status, body = self._answer(environ, instance_id, f"/{path}")
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any], instance_id: str, path: str) -> tuple[str, bytes]:
        if environ["REQUEST_METHOD"] == "PUT" and path == "/latest/api/token":
            return "200 OK", self._token.encode()
        if environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN") != self._token:
            return "401 Unauthorized", b""
        entry = self._entries.get(instance_id, {}).get(path)
        return ("404 Not Found", b"") if entry is None else ("200 OK", entry.encode())


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
