"""Attestations of files, by hash. Nothing is signed here: `seeding` adds them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json
from cmlkit_sandbox.github.refusals import not_found, unprocessable

attestations = Routes()

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@attestations.add("GET", "/repos/<owner>/<repo>/attestations/<digest>", needs="attestations=read")
def list_attestations(call: Call, digest: str) -> Answer:
    if not re.fullmatch(r"sha(256|384|512):[0-9a-f]+", digest):
        raise unprocessable(f"Invalid subject digest: {digest}")
    found = call.repository.attestations.get(digest, [])
    if not found:
        raise not_found()
    shown = [_shown(call.repository.id, statement) for statement in found]
    return Answer(body={"attestations": shown})


def _shown(repository_id: int, statement: dict[str, Any]) -> Json:
    payload = base64.b64encode(json.dumps(statement).encode()).decode("ascii")
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}
    return {
        "bundle": {"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": envelope},
        "repository_id": repository_id,
        "bundle_url": "",
        "initiator": "user",
    }
