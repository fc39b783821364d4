"""Attestations: workflows' signed statements about a file, found by the file's hash."""

from __future__ import annotations

import base64

from cmlkit.errors import NotFound
from cmlkit.forges.base import Attestation
from cmlkit.forges.github.client import Client
from cmlkit.records.fields import Fields
from cmlkit.records.json_text import read_json


class Attestations:
    """The repository's attestations. Signatures are not checked here."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def attestations(self, sha256: str) -> list[Attestation]:
        path = f"{self._client.path('attestations')}/sha256:{sha256}"
        try:
            return [_attestation(answer) for answer in self._client.http.pages(path, key="attestations")]
        except NotFound:
            # GitHub says so where there is none, and where the token may not see any.
            return []


def _attestation(answer: Fields) -> Attestation:
    statement = _statement(answer)
    workflow = _inside(statement, "predicate", "buildDefinition", "externalParameters", "workflow")
    metadata = _inside(statement, "predicate", "runDetails", "metadata")
    return Attestation(
        predicate_type=statement.text("predicateType", ""),
        repository=workflow.text("repository", ""),
        workflow=workflow.text("path", ""),
        ref=workflow.text("ref", ""),
        run=metadata.text("invocationId", ""),
    )


def _statement(answer: Fields) -> Fields:
    """Return the statement in the bundle's envelope; empty if GitHub gives only the bundle's address.

    https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
    """
    envelope = answer.within("bundle", "dsseEnvelope")
    if not (payload := envelope.text("payload", "")):
        return envelope.nested("payload", {})
    try:
        return envelope.nested("payload", read_json(base64.b64decode(payload)))
    except (ValueError, RecursionError):
        raise envelope.problem("payload", "is no JSON in base64") from None


def _inside(statement: Fields, *names: str) -> Fields:
    """Return a field of https://slsa.dev/spec/v1.0/provenance; empty in predicates of other types."""
    for name in names:
        statement = statement.inside(name) if statement.has_object(name) else statement.nested(name, {})
    return statement
