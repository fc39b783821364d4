"""What GitHub keeps of what was stated about a file."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cmlkit.errors import ServiceError
from cmlkit.forges.base import Attestation
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

DIGEST = "a" * 64
PATH = f"{REPO}/attestations/sha256:{DIGEST}"
WORKFLOW = {
    "repository": "https://github.com/octo/forest",
    "path": ".github/workflows/train.yml",
    "ref": "refs/heads/main",
}
PROVENANCE = {
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {"externalParameters": {"workflow": WORKFLOW}},
        "runDetails": {"metadata": {"invocationId": "https://github.com/octo/forest/actions/runs/7/attempts/1"}},
    },
}


def bundled(statement: Any) -> dict[str, Any]:
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"attestations": [{"bundle": {"dsseEnvelope": {"payload": payload}}}]}


def test_provenance_names_the_workflow_and_the_run(github: ScriptedGitHub) -> None:
    github.answer("GET", PATH, bundled(PROVENANCE))
    assert github.client().attestations(DIGEST) == [
        Attestation(
            predicate_type="https://slsa.dev/provenance/v1",
            repository="https://github.com/octo/forest",
            workflow=".github/workflows/train.yml",
            ref="refs/heads/main",
            run="https://github.com/octo/forest/actions/runs/7/attempts/1",
        )
    ]


@pytest.mark.parametrize("statement", [{"predicateType": "https://spdx.dev/Document", "predicate": "x"}, {}])
def test_a_statement_of_another_kind_has_no_workflow(github: ScriptedGitHub, statement: dict[str, Any]) -> None:
    github.answer("GET", PATH, bundled(statement))
    [found] = github.client().attestations(DIGEST)
    assert (found.predicate_type, found.workflow) == (statement.get("predicateType", ""), "")


def test_none_is_an_empty_list_however_github_says_it(github: ScriptedGitHub) -> None:
    github.refuse("GET", PATH, 404, "Not Found")
    github.answer("GET", PATH, {"attestations": []})
    assert github.client().attestations(DIGEST) == []
    assert github.client().attestations(DIGEST) == []


def test_a_bundle_that_only_has_an_address_is_an_attestation_all_the_same(github: ScriptedGitHub) -> None:
    github.answer("GET", PATH, {"attestations": [{"bundle_url": "https://github.example/bundle"}]})
    assert len(github.client().attestations(DIGEST)) == 1


def test_a_statement_that_is_none_is_an_answer_that_github_does_not_give(github: ScriptedGitHub) -> None:
    github.answer("GET", PATH, bundled(["no", "statement"]))
    with pytest.raises(ServiceError, match="not what its API promises"):
        github.client().attestations(DIGEST)
