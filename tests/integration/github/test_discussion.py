"""Comments, labels, assignees and milestones of pull requests, and comments on commits."""

from __future__ import annotations

import pytest

from cmlkit_sandbox.github import GitHubServer, seeding
from tests.integration.github.conftest import REPOSITORY, Api


def test_a_comment_is_made_changed_and_removed(api: Api) -> None:
    api.pull_request()
    comment = api.post("./issues/1/comments", body="first")
    assert comment["html_url"].endswith(f"/octo/forest/pull/1#issuecomment-{comment['id']}")
    api.patch(f"./issues/comments/{comment['id']}", body="second")
    assert [each["body"] for each in api.get("./issues/1/comments")] == ["second"]
    assert api.get(f"./issues/comments/{comment['id']}")["body"] == "second"
    assert api.call("DELETE", f"./issues/comments/{comment['id']}").status_code == 204
    assert api.get("./issues/1/comments") == []
    assert api.refused("PATCH", f"./issues/comments/{comment['id']}", body="third") == (404, "Not Found")


def test_a_comment_is_neither_blank_nor_longer_than_githubs_limit(api: Api) -> None:
    api.pull_request()
    assert len(api.post("./issues/1/comments", body="é" * 65_536)["body"]) == 65_536
    too_long = api.call("POST", "./issues/1/comments", {"body": "x" * 65_537})
    assert too_long.status_code == 422
    assert too_long.json()["errors"][0]["message"] == "body is too long (maximum is 65536 characters)"
    assert api.refused("POST", "./issues/1/comments", body=" \n")[0] == 422
    assert api.refused("POST", "./issues/99/comments", body="x") == (404, "Not Found")


@pytest.mark.slow
def test_ten_thousand_comments_are_read_page_by_page_by_the_links(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    seeding.add_comments(github.hub, REPOSITORY, 1, "eve", (f"comment {number}" for number in range(10_000)))
    bodies: list[str] = []
    page = api.call("GET", "./issues/1/comments?per_page=100")
    assert 'page=100>; rel="last"' in page.headers["link"]
    while "next" in page.links:
        bodies += [each["body"] for each in page.json()]
        page = api.call("GET", page.links["next"]["url"].removeprefix(github.api_url))
    bodies += [each["body"] for each in page.json()]
    assert bodies == [f"comment {number}" for number in range(10_000)]
    assert "first" in page.links
    assert "last" not in page.links


def test_a_page_has_thirty_items_unless_asked_and_never_above_a_hundred(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    seeding.add_comments(github.hub, REPOSITORY, 1, "eve", ["x"] * 150)
    assert len(api.get("./issues/1/comments")) == 30
    assert len(api.get("./issues/1/comments?per_page=1000")) == 100
    assert len(api.get("./issues/1/comments?per_page=100&page=2")) == 50
    assert api.get("./issues/1/comments?page=99") == []


def test_labels_are_made_as_they_are_first_used(api: Api) -> None:
    api.pull_request()
    labels = api.post("./issues/1/labels", labels=["cmlkit", "BUG"])
    assert [(each["name"], each["color"]) for each in labels] == [("cmlkit", "ededed"), ("bug", "d73a4a")]
    api.post("./issues/1/labels", labels=["CMLKIT"])
    assert [each["name"] for each in api.get("./issues/1/labels")] == ["cmlkit", "bug"]
    assert [each["name"] for each in api.get("./pulls/1")["labels"]] == ["cmlkit", "bug"]
    assert api.refused("POST", "./issues/1/labels", labels=["x" * 51])[0] == 422


def test_assignees_that_github_does_not_know_are_passed_over(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    github.add_token("ghp_ada", "ada")
    issue = api.post("./issues/1/assignees", assignees=["ada", "nobody"])
    assert [each["login"] for each in issue["assignees"]] == ["ada"]


def test_a_pull_request_takes_a_milestone_that_exists(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    seeding.add_milestone(github.hub, REPOSITORY, "Q1")
    assert [(each["number"], each["title"]) for each in api.get("./milestones")] == [(1, "Q1")]
    assert api.patch("./issues/1", milestone=1)["milestone"]["title"] == "Q1"
    assert api.get("./pulls/1")["milestone"]["open_issues"] == 1
    assert api.refused("PATCH", "./issues/1", milestone=9) == (422, "Validation Failed")


def test_a_pull_request_is_an_issue_too(api: Api) -> None:
    api.pull_request()
    api.post("./issues/1/comments", body="x")
    issue = api.get("./issues/1")
    assert (issue["title"], issue["comments"]) == ("Retrain", 1)
    assert issue["pull_request"]["html_url"] == issue["html_url"]
    assert api.patch("./issues/1", state="closed")["closed_by"]["login"] == "octo"
    assert api.get("./pulls/1")["state"] == "closed"


def test_a_commit_takes_comments_of_its_own(api: Api) -> None:
    sha = api.get("./git/ref/heads/main")["object"]["sha"]
    comment = api.post(f"./commits/{sha}/comments", body="first")
    api.patch(f"./comments/{comment['id']}", body="second")
    assert [each["body"] for each in api.get(f"./commits/{sha}/comments")] == ["second"]
    assert api.get(f"./comments/{comment['id']}")["commit_id"] == sha
    assert api.get(f"./commits/{sha}")["commit"]["comment_count"] == 1
    assert api.refused("POST", f"./commits/{'1' * 40}/comments", body="x")[0] == 422
