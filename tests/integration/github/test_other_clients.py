"""What other clients ask of the sandbox, and data of others, with github.com's answers; see tests/reality, too."""

from __future__ import annotations

import base64

import pytest

from cmlkit_sandbox.github import GitHubServer, Protection
from cmlkit_sandbox.github.discussion import Issue
from cmlkit_sandbox.github.seeding import add_comments, add_review, delete_account
from tests.integration.github.conftest import REPOSITORY, Api


@pytest.mark.parametrize("path", ["", "/"])
def test_the_root_of_the_api_names_what_is_below_it(github: GitHubServer, api: Api, path: str) -> None:
    assert api.get(path)["current_user_url"] == f"{github.api_url}/user"


def test_a_file_is_written_through_contents_and_read_as_the_readme(api: Api) -> None:
    content = base64.b64encode(b"# Forest\n").decode()
    made = api.call("PUT", "./contents/README.md", {"message": "Add", "content": content})
    assert (made.status_code, made.json()["content"]["path"]) == (201, "README.md")
    shown = api.get("./readme")
    assert (shown["name"], base64.b64decode(shown["content"])) == ("README.md", b"# Forest\n")
    # Without the blob that it replaces, a second one is refused.
    assert api.call("PUT", "./contents/README.md", {"message": "Again", "content": content}).status_code in (409, 422)


@pytest.mark.parametrize("as_object", [True, False])
def test_labels_are_taken_as_an_object_or_as_a_bare_list(api: Api, *, as_object: bool) -> None:
    api.pull_request()
    body: object = {"labels": ["model"]} if as_object else ["model"]
    answer = api.call("POST", "./issues/1/labels", body)
    assert [label["name"] for label in answer.json()] == ["model"]
    replaced = api.call("PUT", "./issues/1/labels", ["other"] if not as_object else {"labels": ["other"]})
    assert [label["name"] for label in replaced.json()] == ["other"]


def test_the_labels_of_runners_are_in_lower_case(api: Api) -> None:
    """GitHub compares them without case, and shows them so."""
    made = api.post("./actions/runners/generate-jitconfig", name="r", runner_group_id=1, labels=["GPU", "Train-1"])
    assert [label["name"] for label in made["runner"]["labels"]] == ["gpu", "train-1"]


def test_a_status_says_at_most_140_characters_and_all_of_a_commit_are_combined(api: Api) -> None:
    sha = api.pull_request()["head"]["sha"]
    assert api.refused("POST", f"./statuses/{sha}", state="success", context="a", description="x" * 141)[0] == 422
    for context, state in (("a", "pending"), ("a", "success"), ("b", "failure")):
        api.post(f"./statuses/{sha}", state=state, context=context, description="x" * 140)
    combined = api.get(f"./commits/{sha}/status")
    assert (combined["state"], combined["total_count"]) == ("failure", 2)
    assert {each["context"]: each["state"] for each in combined["statuses"]} == {"a": "success", "b": "failure"}


def test_the_protection_of_a_branch_is_shown_only_if_it_has_one_of_the_older_kind(
    github: GitHubServer, api: Api
) -> None:
    assert api.refused("GET", "./branches/main/protection") == (404, "Branch not protected")
    assert api.refused("GET", "./branches/absent/protection") == (404, "Branch not found")
    github.protect(REPOSITORY, "main", Protection(checks=("gate",), ruleset=False))
    assert api.get("./branches/main/protection")["required_status_checks"]["contexts"] == ["gate"]


def test_a_token_for_pull_requests_only_may_not_comment_on_an_issue(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    github.add_token("ghs_pulls", "github-actions[bot]", kind="job", permissions={"pull_requests": "write"})
    limited = Api(github, "ghs_pulls")
    comment = limited.post("./issues/1/comments", body="Nice")
    assert limited.patch(f"./issues/comments/{comment['id']}", body="Nicer")["body"] == "Nicer"
    repository, now = github.hub.repository(REPOSITORY), github.hub.timestamp()
    repository.issues[2] = Issue(
        id=7, number=2, title="Bug", body=None, author=repository.owner, created=now, updated=now
    )
    assert limited.refused("POST", "./issues/2/comments", body="Nice") == (
        403,
        "Resource not accessible by integration",
    )
    theirs = api.post("./issues/2/comments", body="Mine")
    assert limited.refused("PATCH", f"./issues/comments/{theirs['id']}", body="Yours")[0] == 403
    assert limited.refused("DELETE", f"./issues/comments/{theirs['id']}")[0] == 403


def test_what_a_deleted_account_left_has_no_author_or_the_ghost(github: GitHubServer, api: Api) -> None:
    """https://docs.github.com/en/account-and-profile: GitHub gives it to the user `ghost`, or answers null."""
    github.add_token("ghp_ann", "ann")
    ann = Api(github, "ghp_ann")
    pull = ann.pull_request()
    add_comments(github.hub, REPOSITORY, 1, "ann", ["Nice"])
    add_review(github.hub, REPOSITORY, 1, "ann")
    delete_account(github.hub, "ann")
    assert api.get("./pulls")[0]["user"] is None
    assert api.get("./pulls/1")["user"]["login"] == "ghost"
    assert api.get("./issues/1")["user"] is None
    assert api.get("./issues/1/comments")[0]["user"] is None
    assert api.get("./pulls/1/reviews")[0]["user"] is None
    commit = api.get(f"./commits/{pull['head']['sha']}")
    assert (commit["author"], commit["commit"]["author"]["name"]) == (None, "ann")
