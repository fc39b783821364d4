"""Who may do what: tokens, permissions, limits, private and renamed repositories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmlkit_sandbox.github import GitHubServer, seeding
from tests.integration.github.conftest import REPOSITORY, TOKEN, Api


def test_the_repository_knows_its_branch_and_its_addresses(github: GitHubServer, api: Api) -> None:
    repository = api.get(f"/repos/{REPOSITORY.upper()}")
    assert (repository["full_name"], repository["default_branch"]) == (REPOSITORY, "main")
    assert repository["html_url"] == f"{github.url}/{REPOSITORY}"
    assert repository["permissions"]["push"] is True


def test_a_token_that_nobody_made_is_bad(github: GitHubServer) -> None:
    assert Api(github, "ghp_unknown").refused("GET", "/user") == (401, "Bad credentials")


def test_a_token_ends_with_its_time(serve: Callable[..., GitHubServer]) -> None:
    clock = [1_800_000_000.0]
    server = serve(now=lambda: clock[0])
    server.add_token("ghp_short", "octo", expires=clock[0] + 60)
    answer = Api(server, "ghp_short").call("GET", "/user")
    assert answer.headers["github-authentication-token-expiration"] == "2027-01-15 08:01:00 UTC"
    clock[0] += 60
    assert Api(server, "ghp_short").refused("GET", "/user") == (401, "Bad credentials")


def test_a_private_repository_is_not_there_for_a_token_without_access(github: GitHubServer) -> None:
    github.add_repository("octo/secret", private=True)
    github.add_token("ghp_other", "eve", repositories=[REPOSITORY])
    assert Api(github, "ghp_other").refused("GET", "/repos/octo/secret") == (404, "Not Found")
    assert Api(github, "").refused("GET", "/repos/octo/secret") == (404, "Not Found")
    assert Api(github).get("/repos/octo/secret")["private"] is True


def test_a_public_repository_can_be_read_by_anybody_and_written_by_nobody(github: GitHubServer) -> None:
    anybody = Api(github, "")
    assert anybody.get("./contents/train.py")["path"] == "train.py"
    assert anybody.refused("POST", "./git/blobs", content="x") == (401, "Requires authentication")
    assert anybody.refused("GET", "./actions/runners")[0] == 401


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("personal", "Resource not accessible by personal access token"),
        ("app", "Resource not accessible by integration"),
    ],
)
def test_a_missing_permission_is_refused_and_named(github: GitHubServer, kind: str, message: str) -> None:
    github.add_token("reader", "octo", kind=kind, permissions={"contents": "read"})  # type: ignore[arg-type]
    answer = Api(github, "reader").call("POST", "./git/blobs", {"content": "x"})
    assert (answer.status_code, answer.json()["message"]) == (403, message)
    assert answer.headers["x-accepted-github-permissions"] == "contents=write"


@pytest.mark.parametrize("permissions", [{"issues": "write"}, {"pull_requests": "write"}])
def test_either_of_two_permissions_is_enough_to_comment(
    github: GitHubServer, api: Api, permissions: dict[str, str]
) -> None:
    number = api.pull_request()["number"]
    github.add_token("commenter", "eve", permissions=permissions)  # type: ignore[arg-type]
    assert Api(github, "commenter").post(f"./issues/{number}/comments", body="Nice")["user"]["login"] == "eve"


def test_an_archived_repository_cannot_change(github: GitHubServer, api: Api) -> None:
    github.hub.repository(REPOSITORY).settings.archived = True
    assert api.refused("POST", "./git/blobs", content="x") == (403, "Repository was archived so is read-only.")


def test_a_renamed_repository_redirects(github: GitHubServer, api: Api) -> None:
    seeding.rename(github.hub, REPOSITORY, "woods")
    answer = api.call("GET", f"/repos/{REPOSITORY}", allow_redirects=False)
    assert answer.status_code == 301
    assert "/repositories/" in answer.headers["location"]
    assert api.get(f"/repos/{REPOSITORY}")["full_name"] == "octo/woods"
    assert api.get("/repos/octo/woods")["full_name"] == "octo/woods"


def test_the_hourly_limit_is_counted_down_and_kept(serve: Callable[..., GitHubServer]) -> None:
    clock = [1_800_000_000.0]
    server = serve(now=lambda: clock[0])
    server.add_token("ghp_short", "octo", rate_limit=2)
    api = Api(server, "ghp_short")
    assert api.call("GET", "/user").headers["x-ratelimit-remaining"] == "1"
    api.get("/user")
    limited = api.call("GET", "/user")
    assert limited.status_code == 403
    assert (limited.headers["x-ratelimit-remaining"], limited.headers["x-ratelimit-reset"]) == ("0", "1800003600")
    assert api.get("/rate_limit")["rate"] == {"limit": 2, "used": 2, "remaining": 0, "reset": 1_800_003_600}
    clock[0] += 3600
    assert api.get("/user")["login"] == "octo"


def test_too_much_content_a_minute_meets_the_secondary_limit(github: GitHubServer, api: Api) -> None:
    github.hub.limits.content_a_minute = 2
    for text in ("a", "b"):
        api.post("./git/blobs", content=text)
    limited = api.call("POST", "./git/blobs", {"content": "c"})
    assert limited.status_code == 403
    assert "secondary rate limit" in limited.json()["message"]
    assert 0 < int(limited.headers["retry-after"]) <= 61


def test_a_bot_has_no_user_but_graphql_knows_its_login(github: GitHubServer, bot: Api, api: Api) -> None:
    assert bot.refused("GET", "/user") == (403, "Resource not accessible by integration")
    assert api.get("/user")["login"] == "octo"


def test_answers_carry_githubs_headers(github: GitHubServer, api: Api) -> None:
    first, second = api.call("GET", "/user"), api.call("GET", "/user")
    assert first.headers["x-github-request-id"] != second.headers["x-github-request-id"]
    assert first.headers["x-oauth-scopes"] == "repo, workflow"
    assert first.headers["content-type"] == "application/json; charset=utf-8"


def test_bodies_that_are_no_json_objects_are_bad_requests(api: Api) -> None:
    broken = api.call("POST", "./git/blobs", data="{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["message"]) == (400, "Problems parsing JSON")
    listed = api.call("POST", "./git/blobs", ["content"])
    assert (listed.status_code, listed.json()["message"]) == (400, "Body should be a JSON object")


def test_fields_of_the_wrong_type_are_named(api: Api) -> None:
    status, message = api.refused("POST", "./git/refs", ref="refs/heads/x", sha=5)
    assert (status, message) == (422, "Invalid request.\n\nFor 'properties/sha', 5 is not of type string.")
    assert api.refused("POST", "./git/refs", ref="refs/heads/x")[1] == 'Invalid request.\n\n"sha" wasn\'t supplied.'


def test_tokens_come_in_three_ways(github: GitHubServer) -> None:
    anonymous = Api(github, "")
    for header in (f"token {TOKEN}", f"Bearer {TOKEN}"):
        assert anonymous.get("/user", headers={"Authorization": header})["login"] == "octo"
    assert anonymous.get("/user", auth=("x-access-token", TOKEN))["login"] == "octo"
