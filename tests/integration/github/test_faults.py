"""The wire: connections that stay open, and answers that go wrong on demand."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests

from cmlkit_sandbox.github import GitHubServer
from tests.integration.github.conftest import REPOSITORY, TOKEN, Api

COMMENTS = r"/issues/\d+/comments$"


def bodies(api: Api) -> list[str]:
    return [each["body"] for each in api.get("./issues/1/comments")]


def test_a_status_on_demand_comes_instead_of_the_answer_and_only_as_often_as_asked(
    github: GitHubServer, api: Api
) -> None:
    api.pull_request()
    github.faults.add("POST", COMMENTS, status=503, times=2, headers={"Retry-After": "1"})
    for _ in range(2):
        answer = api.call("POST", "./issues/1/comments", {"body": "x"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert bodies(api) == []
    api.post("./issues/1/comments", body="x")
    assert bodies(api) == ["x"]


def test_a_fault_can_let_the_first_requests_pass(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    github.faults.add("POST", COMMENTS, status=500, skip=1)
    api.post("./issues/1/comments", body="first")
    assert api.call("POST", "./issues/1/comments", {"body": "second"}).status_code == 500
    api.post("./issues/1/comments", body="third")
    assert bodies(api) == ["first", "third"]


def test_a_server_that_has_acted_can_still_fail_to_say_so(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    github.faults.add("POST", COMMENTS, status=502, acted=True)
    assert api.call("POST", "./issues/1/comments", {"body": "x"}).status_code == 502
    assert bodies(api) == ["x"]


@pytest.mark.parametrize(("option", "kept"), [("drop_connection_before", []), ("drop_connection_after", ["x"])])
def test_a_connection_breaks_before_or_after_the_server_has_acted(
    github: GitHubServer, api: Api, option: str, kept: list[str]
) -> None:
    api.pull_request()
    github.faults.add("POST", COMMENTS, **{option: True})  # type: ignore[arg-type]
    with pytest.raises(requests.ConnectionError):
        api.call("POST", "./issues/1/comments", {"body": "x"})
    assert bodies(api) == kept
    dropped = next(record for record in github.requests if record.status is None)
    assert (dropped.method, dropped.path) == ("POST", f"/api/v3/repos/{REPOSITORY}/issues/1/comments")


def test_an_answer_can_end_in_its_middle(github: GitHubServer, api: Api) -> None:
    github.faults.add("GET", "/user$", truncate=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.call("GET", "/user")
    assert api.get("/user")["login"] == "octo"


def test_a_gateway_answers_with_a_web_page(github: GitHubServer, api: Api) -> None:
    github.faults.add("GET", "/user$", html=True)
    answer = api.call("GET", "/user")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_something_can_happen_right_before_and_right_after_the_server_acts(github: GitHubServer, api: Api) -> None:
    api.pull_request()
    seen: list[int] = []
    comments = github.hub.repository(REPOSITORY).comments
    look = lambda: seen.append(len(comments))  # noqa: E731
    github.faults.add("POST", COMMENTS, before=look, after=look)
    api.post("./issues/1/comments", body="x")
    assert seen == [0, 1]


def test_latency_is_waited_for_on_every_request_and_on_those_with_a_fault(serve: Callable[..., GitHubServer]) -> None:
    waits: list[float] = []
    server = serve(sleep=waits.append)
    server.add_token(TOKEN, "octo")
    api = Api(server)
    api.get("/user")
    server.latency = 0.1
    server.faults.add("GET", "/user$", latency=2.0)
    api.get("/user")
    api.get("/user")
    assert waits == [2.1, 0.1]


def test_the_log_has_every_request_with_its_status(github: GitHubServer, api: Api) -> None:
    api.get("/user")
    api.call("GET", "./git/ref/heads/none")
    assert [request[:3] for request in github.requests] == [
        ("GET", "/api/v3/user", 200),
        ("GET", f"/api/v3/repos/{REPOSITORY}/git/ref/heads/none", 404),
    ]


def test_one_connection_serves_many_requests(github: GitHubServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(github.url).netloc, timeout=10)
    headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "test"}
    connection.request("GET", "/api/v3/user", headers=headers)
    connection.getresponse().read()
    first = connection.sock
    # A body that nobody reads must not be taken for the next request.
    connection.request("POST", "/nothing/here", body=b"x" * 1000, headers=headers)
    assert connection.getresponse().read()
    connection.request("GET", "/api/v3/user", headers=headers)
    assert connection.getresponse().status == 200
    assert connection.sock is first
    connection.close()


def test_a_stopped_server_is_silent_on_connections_that_were_open(serve: Callable[..., GitHubServer]) -> None:
    server = serve()
    server.add_token(TOKEN, "octo")
    api = Api(server)
    api.get("/user")
    server.__exit__(None, None, None)
    with pytest.raises(requests.ConnectionError):
        api.call("GET", "/user")


def test_a_defect_of_the_server_looks_like_an_outage(github: GitHubServer, api: Api) -> None:
    del github.hub.repository(REPOSITORY).labels["bug"]
    api.pull_request()
    github.hub.repository(REPOSITORY).issues[1].labels.append("bug")
    answer = api.call("GET", "./pulls/1")
    assert (answer.status_code, answer.json()) == (500, {"message": "Server Error"})
