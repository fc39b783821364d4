"""Advice to a token that lacks a permission: it names only what the page that grants it has, for each kind of token."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from cmlkit.errors import PermissionDenied
from cmlkit.forges.github.permissions import NAMES, Kind, Needs, advice, kind_of
from tests.contract.contract import DESCRIPTION
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

# What endpoints really ask for, in GitHub's notation: tagging asks for the first, registering runners for the last two.
TAG = "contents=write; contents=write,workflows=write"
LABEL = "issues=write; pull_requests=write"
REPOSITORY_RUNNER = "administration=write"
ORGANISATION_RUNNER = "organization_self_hosted_runners=write"


@pytest.mark.parametrize(
    ("kind", "needs", "said"),
    [
        ("installation", "pull_requests=write",
         ("If it is GITHUB_TOKEN, write pull-requests: write under permissions: of the job; if it is a GitHub App's,"
          " give the App the repository permission Pull requests: Read and write.")),
        ("installation", LABEL,
         ("If it is GITHUB_TOKEN, write issues: write or pull-requests: write under permissions: of the job; if it is a"
         " GitHub App's, give the App the repository permission Issues: Read and write or the repository permission"
         " Pull requests: Read and write.")),
        ("installation", REPOSITORY_RUNNER,
         ("GITHUB_TOKEN can never have the repository permission Administration: Read and write. Set"
         " CMLKIT_RUNNER_TOKEN to the token of a GitHub App or a fine-grained token with it, or to a classic token with"
         " the scope repo.")),
        ("installation", ORGANISATION_RUNNER,
         ("GITHUB_TOKEN can never have the organisation permission Self-hosted runners: Read and write. Set"
         " CMLKIT_RUNNER_TOKEN to the token of a GitHub App or a fine-grained token with it, or to a classic token with"
         " the scope admin:org.")),
        ("app", REPOSITORY_RUNNER,
         ("Give the GitHub App the repository permission Administration: Read and write, and accept that for its"
         " installation.")),
        ("person", "statuses=write",
         ("Give the GitHub App the repository permission Commit statuses: Read and write, and accept that for its"
         " installation.")),
        ("fine-grained", "contents=read,pull_requests=write",
         ("Give the fine-grained token the repository permission Contents: Read-only and the repository permission Pull"
         " requests: Read and write at Settings > Developer settings > Personal access tokens; an organisation may have"
         " to approve it.")),
        ("fine-grained", "checks=write",
         "Fine-grained tokens can never have that: use GITHUB_TOKEN or the token of a GitHub App."),
        ("classic", "workflows=write",
         "Give the token the scope workflow; its owner needs write access to the repository."),
        ("oauth", "contents=write", "Give the token the scope repo; its owner needs write access to the repository."),
        ("unknown", "contents=write", "The token needs the repository permission Contents: Read and write."),
        ("installation", "metadata=read", ""),
        ("fine-grained", "", ""),
    ],
)  # fmt: skip
def test_advice_speaks_the_language_of_the_page_that_grants_it(kind: Kind, needs: str, said: str) -> None:
    assert advice(kind, Needs.parse(needs)) == said


def test_no_advice_names_a_key_that_would_make_a_workflow_invalid() -> None:
    """GitHub starts no job of a workflow with an unknown key: "Invalid workflow file … Unexpected value"."""
    # Not by an import, as the newest check-jsonschema does not load beside the oldest click.
    schema = "check_jsonschema/builtin_schemas/vendor/github-workflows.json"
    vendored = Path(str(distribution("check-jsonschema").locate_file(schema)))
    allowed = json.loads(vendored.read_text())["definitions"]["permissions-event"]["properties"]
    described = json.loads(DESCRIPTION.read_text())["components"]["schemas"]["app-permissions"]
    permissions = described["properties"]
    told = 0
    for name, levels in permissions.items():
        for level in levels["enum"]:
            text = advice("installation", Needs.parse(f"{name}={level}"))
            in_workflow = re.findall(r"write ([a-z_-]+): (\w+) under permissions:", text)
            assert all(key in allowed and given in ("read", "write") for key, given in in_workflow), text
            may_have = name.replace("_", "-") in allowed and level in ("read", "write")
            assert name == "metadata" or ("can never have" in text) is not may_have, text
            told += len(in_workflow)
    assert told >= 20


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("ghs_16C7e42F292c6912E7710c838347Ae178B4a", "installation"),
        ("github_pat_11AAAAAAA0", "fine-grained"),
        ("ghp_16C7e42F292c", "classic"),
        ("gho_16C7e42F292c", "oauth"),
        ("ghu_16C7e42F292c", "person"),
        ("0123456789abcdef0123456789abcdef01234567", "unknown"),
    ],
)
def test_the_kind_of_a_token_is_that_of_its_prefix(token: str, kind: Kind) -> None:
    assert kind_of(token) == kind
    assert NAMES[kind]


def test_a_classic_token_is_told_the_scopes_that_github_accepts(github: ScriptedGitHub) -> None:
    github.refuse(
        "GET", REPO, 403, "Must have admin rights to Repository.",
        x_accepted_oauth_scopes="repo, public_repo", x_oauth_scopes="gist, read:org",
    )  # fmt: skip
    with pytest.raises(PermissionDenied) as caught:
        github.client(token="ghp_0123456789notatoken").repository()
    assert caught.value.next_step == (
        "Give the token the scope public_repo or repo; its owner needs write access to the repository."
    )


def test_a_classic_token_with_its_scope_is_told_that_its_owner_lacks_rights(github: ScriptedGitHub) -> None:
    github.refuse(
        "GET", REPO, 403, "Must have admin rights to Repository.",
        x_accepted_oauth_scopes="repo", x_oauth_scopes="repo, workflow",
    )  # fmt: skip
    with pytest.raises(PermissionDenied) as caught:
        github.client(token="ghp_0123456789notatoken").repository()
    assert caught.value.next_step == "The token's scopes suffice: its owner needs more rights in the repository."


def test_graphql_which_names_no_permission_is_advised_by_the_operation(github: ScriptedGitHub) -> None:
    error = {"type": "FORBIDDEN", "message": "Resource not accessible by integration"}
    github.mock.add("POST", "https://api.github.com/graphql", json={"data": None, "errors": [error]})
    with pytest.raises(PermissionDenied) as caught:
        github.client().http.graphql("mutation { x }", needs="pull_requests=write")
    assert "write pull-requests: write under permissions: of the job" in caught.value.next_step
    github.mock.calls.reset()
