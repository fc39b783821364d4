"""Attestations: workflows' signed statements about a file, found by the file's hash."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cmlkit.errors import NotFound
from cmlkit.forges.base import Attestation
from cmlkit.forges.github.client import Client, parsed


class Attestations:
    """The repository's attestations. Signatures are not checked here."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def attestations(self, sha256: str) -> list[Attestation]:
        path = f"{self._client.path('attestations')}/sha256:{sha256}"
        try:
            return [parsed(_attestation, answer) for answer in self._client.http.pages(path, key="attestations")]
        except NotFound:
            # GitHub says so where there is none, and where the token may not see any.
            return []


def _attestation(answer: Any) -> Attestation:
    statement = _statement(answer.get("bundle") or {})
    workflow = _inside(statement, "predicate", "buildDefinition", "externalParameters", "workflow")
    metadata = _inside(statement, "predicate", "runDetails", "metadata")
    return Attestation(
        predicate_type=str(statement.get("predicateType", "")),
        repository=str(workflow.get("repository", "")),
        workflow=str(workflow.get("path", "")),
        ref=str(workflow.get("ref", "")),
        run=str(metadata.get("invocationId", "")),
    )


def _statement(bundle: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the statement in the bundle's envelope; empty if GitHub gives only the bundle's address.

    https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
    """
    payload = (bundle.get("dsseEnvelope") or {}).get("payload")
    statement: Mapping[str, Any] = json.loads(base64.b64decode(payload)) if payload else {}
    return statement


def _inside(record: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return a field of https://slsa.dev/spec/v1.0/provenance; empty in predicates of other types."""
    for name in names:
        found = record.get(name)
        record = found if isinstance(found, Mapping) else {}
    return record
