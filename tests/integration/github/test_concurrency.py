"""Many clients at once: nothing is lost, nothing is made twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cmlkit_sandbox.github import GitHubServer
from tests.contract.trim_openapi import OPERATIONS, read_operations
from tests.integration.github.conftest import REPOSITORY, Api

CLIENTS = 8


def at_once(github: GitHubServer, work: Callable[[Api, int], object]) -> list[object]:
    """What the clients' work gave, all of them started in the same moment."""
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> object:
        api = Api(github)
        start.wait()
        return work(api, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def append(api: Api, number: int) -> None:
    """Commit a file to main, on top of whatever is there by then."""
    while True:
        head = api.get("./git/ref/heads/main")["object"]["sha"]
        entry = {"path": f"{number}.txt", "mode": "100644", "type": "blob", "content": str(number)}
        tree = api.post("./git/trees", base_tree=head, tree=[entry])["sha"]
        commit = api.post("./git/commits", message=f"Add {number}", tree=tree, parents=[head])["sha"]
        moved = api.call("PATCH", "./git/refs/heads/main", {"sha": commit})
        if moved.status_code == 200:
            return
        assert moved.json()["message"] == "Update is not a fast forward"


def test_every_commit_arrives_on_a_branch_that_all_write_to(github: GitHubServer, api: Api) -> None:
    at_once(github, append)
    assert api.get("./compare/main...main")["status"] == "identical"
    paths = {each["path"] for each in api.get("./git/trees/main")["tree"]}
    assert paths >= {f"{number}.txt" for number in range(CLIENTS)}
    assert len(api.get("./commits?per_page=100")) == CLIENTS + 1


def test_one_of_many_makes_the_branch_and_one_the_pull_request(github: GitHubServer, api: Api) -> None:
    sha = api.commit({"a": b"1"}, branch="work")

    def make_branch(client: Api, number: int) -> object:
        return client.call("POST", "./git/refs", {"ref": "refs/heads/new", "sha": sha}).status_code

    def open_pull(client: Api, number: int) -> object:
        return client.call("POST", "./pulls", {"title": "x", "head": "work", "base": "main"}).status_code

    for work in (make_branch, open_pull):
        assert sorted(map(str, at_once(github, work))) == ["201"] + ["422"] * (CLIENTS - 1)
    assert len(api.get("./pulls?state=all")) == 1


def test_comments_made_at_once_have_ids_of_their_own(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    at_once(github, lambda client, number: client.post("./issues/1/comments", body=str(number)))
    comments = api.get("./issues/1/comments")
    assert {each["body"] for each in comments} == {str(number) for number in range(CLIENTS)}
    assert len({each["id"] for each in comments}) == CLIENTS
    assert [each["id"] for each in comments] == sorted(each["id"] for each in comments)


@pytest.mark.slow
def test_merges_of_many_pull_requests_at_once_all_arrive(github: GitHubServer, api: Api) -> None:
    for number in range(CLIENTS):
        api.commit({f"{number}.txt": b"1"}, branch=f"work-{number}")
        api.post("./pulls", title=str(number), head=f"work-{number}", base="main")
    merged = at_once(github, lambda client, number: client.call("PUT", f"./pulls/{number + 1}/merge", {}).status_code)
    assert merged == [200] * CLIENTS
    paths = {each["path"] for each in api.get("./git/trees/main")["tree"]}
    assert paths >= {f"{number}.txt" for number in range(CLIENTS)}


def test_every_operation_that_cmlkit_uses_is_there(github: GitHubServer, api: Api) -> None:
    """An operation that the sandbox does not know answers without the scope or permission that it needs."""
    missing = []
    for method, template in read_operations(OPERATIONS.read_text("utf-8")):
        path = template.replace("{owner}/{repo}", REPOSITORY).replace("{basehead}", "main...main")
        filled = "/".join("7" if part.startswith("{") else part for part in path.split("/"))
        answer = api.call(method, filled, {} if method in ("POST", "PATCH", "PUT") else None)
        if not any(name.lower().startswith("x-accepted-") for name in answer.headers):
            missing.append(f"{method} {template}")
    assert missing == []
