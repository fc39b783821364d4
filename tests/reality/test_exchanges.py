"""cmlkit's client on exchanges with github.com that others recorded: npm's @octokit/fixtures."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from cmlkit.errors import NotFound, ServiceError
from cmlkit.forges.github import GitHub
from tests.reality.tools import package
from tests.unit.forges.github.scripted_github import ScriptedGitHub

ORGANISATION = "octokit-fixture-org"
# What says where the next page is, and how much of the limit is left.
KEPT = ("link", "location", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-oauth-scopes", "date")
FIRST, SECOND = "0" * 39 + "1", "0" * 39 + "2"


def recorded(scenario: str) -> list[dict[str, Any]]:
    folder = package("@octokit/fixtures") / "scenarios" / "api.github.com" / scenario
    exchanges: list[dict[str, Any]] = json.loads((folder / "normalized-fixture.json").read_text(encoding="utf-8"))
    return exchanges


def replay(mock: responses.RequestsMock, scenario: str, *, repository: str = "") -> GitHub:
    """A client of the scenario's repository that meets nothing but the recorded answers, in their order."""
    for each in recorded(scenario):
        answer = each["response"]
        content = answer if isinstance(answer, str) else json.dumps(answer)
        headers = {name: str(value) for name, value in each["headers"].items() if name in KEPT}
        kind = each["headers"].get("content-type", "application/json")
        url = "https://api.github.com" + each["path"]
        mock.add(each["method"].upper(), url, body=content, status=each["status"], headers=headers, content_type=kind)
    return ScriptedGitHub(mock).client(repository=f"{ORGANISATION}/{repository or scenario}")


@pytest.fixture
def mock() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as found:
        yield found


def test_a_repository_is_read(mock: responses.RequestsMock) -> None:
    found = replay(mock, "get-repository", repository="hello-world").repository()
    assert (found.default_branch, found.private) == ("master", False)


def test_a_renamed_repository_is_followed(mock: responses.RequestsMock) -> None:
    found = replay(mock, "rename-repository").repository()
    assert found.full_name == f"{ORGANISATION}/rename-repository-newname"


def test_a_branch_is_created_and_moved(mock: responses.RequestsMock) -> None:
    client = replay(mock, "git-refs")
    client.create_branch("test", SECOND)
    client.move_branch("test", FIRST)
    sent = [json.loads(call.request.body or "{}") for call in mock.calls if call.request.method in ("POST", "PATCH")]
    assert sent[0] == {"ref": "refs/heads/test", "sha": SECOND}
    assert sent[1]["sha"] == FIRST


def test_a_branch_is_deleted(mock: responses.RequestsMock) -> None:
    replay(mock, "git-refs").delete_branch("test")
    assert [call.request.method for call in mock.calls] == ["DELETE"]


def test_labels_are_added(mock: responses.RequestsMock) -> None:
    replay(mock, "add-labels-to-issue").add_labels(1, ["Foo", "bar", "baz"])
    assert json.loads(mock.calls[-1].request.body or "{}") == {"labels": ["Foo", "bar", "baz"]}


def test_the_pages_of_a_list_are_followed_to_a_repository_by_its_number(mock: responses.RequestsMock) -> None:
    client = replay(mock, "paginate-issues")
    path = f"/repos/{ORGANISATION}/paginate-issues/issues"
    listed = list(client.http.pages(path, per_page=3))
    total = sum(len(each["response"]) for each in recorded("paginate-issues"))
    assert len({each.whole("number") for each in listed}) == len(listed) == total > 10


def test_a_branch_without_protection_is_a_thing_that_does_not_exist(mock: responses.RequestsMock) -> None:
    client = replay(mock, "branch-protection")
    with pytest.raises(NotFound, match="Branch not protected"):
        client.http.get(f"/repos/{ORGANISATION}/branch-protection/branches/main/protection")


def test_a_refusal_names_the_field_and_its_fault(mock: responses.RequestsMock) -> None:
    client = replay(mock, "errors")
    with pytest.raises(ServiceError, match="Validation Failed.*color"):
        client.http.request("POST", f"/repos/{ORGANISATION}/errors/labels", body={"name": "foo"})


def test_a_status_is_created(mock: responses.RequestsMock) -> None:
    client = replay(mock, "create-status")
    client.create_status(name="example/1", commit=FIRST, conclusion="failure", title="Rejected")
    assert json.loads(mock.calls[-1].request.body or "{}")["state"] == "failure"


def test_a_file_is_read(mock: responses.RequestsMock) -> None:
    content = replay(mock, "get-content", repository="hello-world").read_file("README.md", ref="main")
    assert content == b"# hello-world"
