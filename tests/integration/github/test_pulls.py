"""Pull requests: opened, changed, followed by pushes, reviewed and merged, as GitHub does it."""

from __future__ import annotations

import pytest

from cmlkit_sandbox.github import GitHubServer, Protection, seeding
from tests.integration.github.conftest import REPOSITORY, Api


def test_a_pull_request_shows_what_it_would_change(api: Api) -> None:
    opened = api.pull_request(draft=True)
    pull = api.get(f"./pulls/{opened['number']}")
    assert (pull["title"], pull["body"], pull["state"], pull["draft"]) == ("Retrain", "A new model.", "open", True)
    assert (pull["head"]["label"], pull["base"]["ref"], pull["user"]["login"]) == ("octo:daily", "main", "octo")
    assert (pull["commits"], pull["additions"], pull["changed_files"], pull["mergeable"]) == (1, 1, 1, True)
    assert [each["filename"] for each in api.get("./pulls/1/files")] == ["model/metrics.txt"]
    assert [each["commit"]["message"] for each in api.get("./pulls/1/commits")] == ["Retrain"]


def test_a_pull_request_that_makes_no_sense_is_refused_with_the_reason(api: Api) -> None:
    api.pull_request()
    ask = {"title": "x", "head": "daily", "base": "main"}
    again = api.call("POST", "./pulls", ask)
    assert again.status_code == 422
    assert again.json()["errors"][0]["message"] == "A pull request already exists for octo:daily."
    same = api.call("POST", "./pulls", {**ask, "head": "main", "base": "daily"})
    assert same.json()["errors"][0]["message"] == "No commits between daily and main"
    for changed, field in (({"head": "none"}, "head"), ({"base": "none"}, "base"), ({"title": ""}, "title")):
        detail = api.call("POST", "./pulls", {**ask, **changed}).json()["errors"][0]
        assert (detail["resource"], detail["field"]) == ("PullRequest", field)


@pytest.mark.parametrize(("field", "length"), [("title", 257), ("body", 65_537)])
def test_titles_and_bodies_have_githubs_limits(api: Api, field: str, length: int) -> None:
    api.commit({"a": b"1"}, branch="daily")
    ask = {"title": "x", "head": "daily", "base": "main", field: "é" * length}
    assert api.refused("POST", "./pulls", **ask) == (422, "Validation Failed")
    assert api.post("./pulls", **{**ask, field: "é" * (length - 1)})[field] == "é" * (length - 1)


def test_actions_open_no_pull_request_where_the_settings_forbid_it(github: GitHubServer, api: Api) -> None:
    api.commit({"a": b"1"}, branch="daily")
    github.hub.repository(REPOSITORY).settings.can_create_pull_requests = False
    github.add_token("job", "github-actions[bot]", kind="job")
    refused = Api(github, "job").refused("POST", "./pulls", title="x", head="daily", base="main")
    assert refused == (403, "GitHub Actions is not permitted to create or approve pull requests.")
    assert api.post("./pulls", title="x", head="daily", base="main")["number"] == 1


def test_pull_requests_are_listed_by_state_head_and_base_newest_first(api: Api) -> None:
    for branch in ("one", "two", "three"):
        api.pull_request(branch=branch)
    api.patch("./pulls/2", state="closed")

    def numbers(query: str) -> list[int]:
        return [each["number"] for each in api.get(f"./pulls?{query}")]

    assert numbers("") == [3, 1]
    assert numbers("state=all&sort=created&direction=asc") == [1, 2, 3]
    assert numbers("state=closed") == [2]
    assert numbers("head=octo:three") == [3]
    assert numbers("head=eve:three") == []
    assert numbers("base=other") == []


def test_new_commits_on_the_branch_are_in_the_pull_request(api: Api) -> None:
    first = api.pull_request()["head"]["sha"]
    second = api.commit({"a": b"1"}, branch="daily", parent=first)
    assert api.get("./pulls/1")["head"]["sha"] == second
    assert [each["sha"] for each in api.get("./pulls/1/commits")] == [first, second]
    assert api.get("./git/ref/pull/1/head")["object"]["sha"] == second


def test_deleting_the_branch_closes_the_pull_request(api: Api) -> None:
    api.pull_request()
    api.call("DELETE", "./git/refs/heads/daily")
    pull = api.get("./pulls/1")
    assert (pull["state"], pull["merged"]) == ("closed", False)
    detail = api.call("PATCH", "./pulls/1", {"state": "open"}).json()["errors"][0]
    assert detail["message"] == "state cannot be changed. The daily branch has been deleted."


def test_a_closed_pull_request_can_be_opened_again(api: Api) -> None:
    api.pull_request()
    closed = api.patch("./pulls/1", state="closed", title="Old", body="Superseded")
    assert (closed["state"], closed["title"], closed["body"]) == ("closed", "Old", "Superseded")
    assert closed["closed_at"] is not None
    assert api.patch("./pulls/1", state="open")["closed_at"] is None


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_a_pull_request_is_merged_by_each_method(api: Api, method: str, parents: int) -> None:
    head = api.pull_request()["head"]["sha"]
    api.commit({"other": b"1"}, branch="main")
    merged = api.call("PUT", "./pulls/1/merge", {"merge_method": method, "sha": head}).json()
    assert merged["merged"] is True
    commit = api.get("./commits/main")
    assert (commit["sha"], len(commit["parents"])) == (merged["sha"], parents)
    assert {each["path"] for each in api.get("./git/trees/main")["tree"]} == {"data", "model", "other", "train.py"}
    pull = api.get("./pulls/1")
    assert (pull["state"], pull["merged"], pull["merged_by"]["login"]) == ("closed", True, "octo")
    assert [each["sha"] for each in api.get("./pulls/1/commits")] == [head]


def test_changes_to_different_places_of_one_file_merge_and_to_the_same_place_do_not(api: Api) -> None:
    lines = [f"line {number}\n" for number in range(20)]
    api.commit({"notes.txt": "".join(lines).encode()}, branch="main")
    top, end, other = ["top\n", *lines[1:]], [*lines[:-1], "end\n"], ["other\n", *lines[1:]]
    for branch, text in (("top", top), ("end", end), ("other", other)):
        api.commit({"notes.txt": "".join(text).encode()}, branch=branch)
        api.post("./pulls", title=branch, head=branch, base="main")
    for number in (1, 2):
        assert api.call("PUT", f"./pulls/{number}/merge", {}).status_code == 200
    raw = api.call("GET", "./contents/notes.txt", headers={"Accept": "application/vnd.github.raw"})
    assert raw.text == "".join(["top\n", *lines[1:-1], "end\n"])
    assert (api.get("./pulls/3")["mergeable"], api.get("./pulls/3")["mergeable_state"]) == (False, "dirty")
    assert api.refused("PUT", "./pulls/3/merge") == (405, "Merge conflict")


def test_what_cannot_be_merged_says_why(github: GitHubServer, api: Api) -> None:
    api.pull_request(draft=True)
    assert api.refused("PUT", "./pulls/1/merge") == (405, "Pull Request is still a draft")
    assert api.refused("PUT", "./pulls/1/merge", sha="1" * 40)[0] == 409
    api.patch("./pulls/1", state="closed")
    assert api.refused("PUT", "./pulls/1/merge") == (405, "Pull Request is not mergeable")
    api.pull_request(branch="other")
    github.protect(REPOSITORY, "main", Protection(checks=("gate",)))
    assert api.refused("PUT", "./pulls/2/merge") == (405, 'Required status check "gate" is expected.')


def test_a_push_of_the_branch_to_its_base_merges_the_pull_request(api: Api) -> None:
    head = api.pull_request()["head"]["sha"]
    api.patch("./git/refs/heads/main", sha=head)
    pull = api.get("./pulls/1")
    assert (pull["merged"], pull["merge_commit_sha"]) == (True, head)


def test_a_merge_removes_the_branch_where_the_settings_say_so(github: GitHubServer, api: Api) -> None:
    github.hub.repository(REPOSITORY).settings.delete_branch_on_merge = True
    api.pull_request()
    api.call("PUT", "./pulls/1/merge", {})
    assert api.refused("GET", "./git/ref/heads/daily")[0] == 404


def test_a_fork_can_propose_its_branch(github: GitHubServer, api: Api) -> None:
    seeding.add_fork(github.hub, REPOSITORY, "eve")
    github.add_token("ghp_eve", "eve")
    eve = Api(github, "ghp_eve")
    main = eve.get("/repos/eve/forest/git/ref/heads/main")["object"]["sha"]
    tree = eve.post(
        "/repos/eve/forest/git/trees",
        base_tree=main,
        tree=[{"path": "a", "mode": "100644", "type": "blob", "content": "1"}],
    )["sha"]
    sha = eve.post("/repos/eve/forest/git/commits", message="Mine", tree=tree, parents=[main])["sha"]
    eve.post("/repos/eve/forest/git/refs", ref="refs/heads/idea", sha=sha)
    pull = eve.post("./pulls", title="Idea", head="eve:idea", base="main")
    assert (pull["head"]["repo"]["full_name"], pull["head"]["sha"]) == ("eve/forest", sha)
    assert api.call("PUT", "./pulls/1/merge", {}).status_code == 200
    assert api.get("./contents/a")["size"] == 1


def test_reviewers_are_people_that_github_knows(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    github.add_token("ghp_ada", "ada")
    asked = api.post("./pulls/1/requested_reviewers", reviewers=["ada"], team_reviewers=["ml"])
    assert [each["login"] for each in asked["requested_reviewers"]] == ["ada"]
    assert [each["slug"] for each in asked["requested_teams"]] == ["ml"]
    assert api.refused("POST", "./pulls/1/requested_reviewers", reviewers=["nobody"])[0] == 422
    own = api.refused("POST", "./pulls/1/requested_reviewers", reviewers=["octo"])
    assert own == (422, "Review cannot be requested from pull request author.")


def test_a_review_is_listed_with_its_author_and_verdict(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    seeding.add_review(github.hub, REPOSITORY, 1, "ada", state="CHANGES_REQUESTED")
    review = api.get("./pulls/1/reviews")[0]
    assert (review["user"]["login"], review["state"]) == ("ada", "CHANGES_REQUESTED")


def test_a_commit_knows_the_pull_requests_that_it_is_in(api: Api) -> None:
    head = api.pull_request()["head"]["sha"]
    assert [each["number"] for each in api.get(f"./commits/{head}/pulls")] == [1]
    main = api.get("./git/ref/heads/main")["object"]["sha"]
    assert api.get(f"./commits/{main}/pulls") == []
