"""The transport: what it retries, what it waits for, what it explains, and that the token is never seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
import responses

from cmlkit.errors import CmlkitError, Conflict, NotFound, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.github.patience import PAUSES_SECONDS, SETTLING_SECONDS
from tests.unit.forges.github.scripted_github import (
    API,
    NOW,
    REPO,
    TOKEN,
    ScriptedGitHub,
    github,
)

__all__ = ["github"]

PULLS = f"{REPO}/pulls"


def test_every_request_names_the_api_version_and_carries_the_token(
    github: ScriptedGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.github.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    github.answer("GET", REPO)
    github.client().repository()
    headers = github.mock.calls[0].request.headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["Accept"] == "application/vnd.github+json"


def test_a_read_is_repeated_after_outages_and_lost_answers(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 502, "Server Error")
    github.lose("GET", REPO)
    github.answer("GET", REPO, {"full_name": "octo/forest"})
    assert github.client().repository().full_name == "octo/forest"
    assert github.slept == list(PAUSES_SECONDS[:2])


@pytest.mark.parametrize(
    "broken",
    [requests.exceptions.ChunkedEncodingError("IncompleteRead(10 bytes read, 90 more expected)"), b'{"full_name": "o'],
    ids=["the body breaks off", "the JSON breaks off"],
)
def test_a_truncated_answer_counts_as_none(broken: bytes | Exception) -> None:
    with responses.RequestsMock() as mock:
        github = ScriptedGitHub(mock)
        mock.add("GET", API + REPO, body=broken, content_type="application/json")
        github.answer("GET", REPO)
        github.client().repository()
    assert len(github.slept) == 1


def test_a_service_that_stays_down_ends_in_an_error_with_the_tries(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 503, "Service Unavailable")
    with pytest.raises(
        ServiceError, match=r"GET /repos/octo/forest: 503 Service Unavailable \(after 6 tries\)"
    ) as caught:
        github.client().repository()
    assert caught.value.exit_code == 7
    assert github.slept == list(PAUSES_SECONDS)


def test_in_a_hurry_only_the_first_answer_is_asked_for_once(github: ScriptedGitHub) -> None:
    github.lose("GET", REPO)
    with pytest.raises(ServiceError, match=r"\(after 1 try\)"):
        github.client(hurried=True).repository()
    assert github.slept == []


def test_after_the_first_answer_a_client_in_a_hurry_is_as_patient_as_others(github: ScriptedGitHub) -> None:
    github.answer("GET", REPO)
    github.lose("GET", REPO)
    github.answer("GET", REPO)
    client = github.client(hurried=True)
    client.http.get(REPO)
    client.http.get(REPO)
    assert github.slept == [PAUSES_SECONDS[0]]


def test_html_instead_of_json_points_at_the_api_url() -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", API + REPO, body="<html><h1>Welcome</h1></html>", content_type="text/html; charset=utf-8")
        with pytest.raises(ServiceError, match="text/html, not JSON") as caught:
            ScriptedGitHub(mock).client().repository()
    assert "GITHUB_API_URL" in caught.value.next_step


def test_a_page_of_a_gateway_is_shown_as_words(github: ScriptedGitHub) -> None:
    page = "<html><head><title>502</title></head><body><h1>Bad   Gateway</h1></body></html>"
    github.mock.add("GET", API + REPO, body=page, status=502, content_type="text/html")
    with pytest.raises(ServiceError, match="502 502 Bad Gateway"):
        github.client().repository()


def test_retry_after_is_obeyed(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/git/refs", 403, "You have exceeded a secondary rate limit", retry_after="7")
    github.answer("POST", f"{REPO}/git/refs", status=201)
    github.client().create_branch("new", "a" * 40)
    assert github.slept == [7.0]


def test_a_used_up_limit_is_waited_for_by_the_servers_clock(github: ScriptedGitHub) -> None:
    ten_minutes_off = "Tue, 14 Nov 2023 22:03:20 GMT"  # NOW is 22:13:20
    github.refuse(
        "GET", REPO, 403, "API rate limit exceeded",
        x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) - 600 + 30), date=ten_minutes_off,
    )  # fmt: skip
    github.answer("GET", REPO)
    github.client().repository()
    assert github.slept == [31.0]


def test_a_secondary_limit_without_a_time_is_waited_for_longer_each_time(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 403, "You have exceeded a secondary rate limit")
    github.refuse("GET", REPO, 429, "Too many requests")
    github.answer("GET", REPO)
    told: list[str] = []
    github.client(notify=told.append).repository()
    assert github.slept == [60.0, 120.0]
    assert told[0] == f"GitHub's rate limit: waiting 60 s before GET {REPO}"


def test_a_limit_that_lasts_too_long_is_an_error_at_once(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 403, "API rate limit exceeded", retry_after="3000")
    with pytest.raises(ServiceError, match=r"asks for 3000 s, more than cmlkit waits \(900 s\)") as caught:
        github.client().repository()
    assert github.slept == []
    assert caught.value.exit_code == 7


def test_a_list_is_read_to_its_last_page(github: ScriptedGitHub) -> None:
    path = f"{REPO}/issues/7/comments"
    following = f'<{API}{path}?per_page=100&page=2>; rel="next", <{API}{path}?per_page=100&page=2>; rel="last"'
    github.answer("GET", path, [{"id": 1}, {"id": 2}], headers={"link": following})
    github.answer("GET", path, [{"id": 3}])
    assert [comment.id for comment in github.client().comments(7)] == [1, 2, 3]
    assert github.sent == [f"GET {path}?per_page=100", f"GET {path}?per_page=100&page=2"]


def test_a_next_page_on_another_host_does_not_get_the_token(github: ScriptedGitHub) -> None:
    path = f"{REPO}/issues/7/comments"
    github.answer("GET", path, [{"id": 1}], headers={"link": '<https://elsewhere.example/2>; rel="next"'})
    with pytest.raises(ServiceError, match=r"elsewhere\.example"):
        github.client().comments(7)
    assert len(github.mock.calls) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_write_to_a_renamed_repository_follows_it_with_its_body(github: ScriptedGitHub, status: int) -> None:
    moved = "/repositories/42/git/blobs"
    github.mock.add("POST", f"{API}{REPO}/git/blobs", status=status, headers={"location": API + moved}, json={})
    github.mock.add(
        "POST", API + moved, status=201, json={"sha": "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f", "url": ""}
    )
    client = github.client()
    calls = github.mock.calls
    client.create_blob(b"abc")
    assert calls[1].request.body == calls[0].request.body
    assert calls[1].request.headers["Authorization"] == f"Bearer {TOKEN}"
    calls.reset()  # the description lists no answer 301 for this operation, though GitHub gives it


def test_a_redirect_to_another_host_is_not_followed(github: ScriptedGitHub) -> None:
    github.mock.add("GET", API + REPO, status=301, headers={"location": "https://elsewhere.example/"}, json={})
    with pytest.raises(ServiceError, match=r"another host, 'elsewhere\.example'"):
        github.client().repository()
    github.mock.calls.reset()


@pytest.mark.parametrize(
    ("status", "message", "headers", "error", "next_step"),
    [
        (401, "Bad credentials", {}, PermissionDenied, "Set CMLKIT_TOKEN to a token that is valid"),
        (403, "Resource not accessible by integration",
         {"x-accepted-github-permissions": "contents=write; contents=write,workflows=write"},
         PermissionDenied, "If it is GITHUB_TOKEN, write contents: write under permissions: of the job;"),
        (403, "Resource protected by organization SAML enforcement.",
         {"x-github-sso": "required; url=https://github.com/orgs/octo/sso?authorization_request=A1"},
         PermissionDenied, "https://github.com/orgs/octo/sso?authorization_request=A1"),
        (403, "GitHub Actions is not permitted to create or approve pull requests.", {},
         PermissionDenied, "Settings > Actions > General > Workflow permissions"),
        (403, "You must authenticate via a GitHub App.", {}, PermissionDenied, "checks: write"),
        (403, "Repository was archived so is read-only.", {}, PermissionDenied, "unarchive"),
        (404, "Not Found", {"x-accepted-github-permissions": "administration=write"},
         NotFound, "GITHUB_TOKEN can never have the repository permission Administration: Read and write."),
        (404, "Not Found", {"x-accepted-github-permissions": "metadata=read"},
         NotFound, "It does not exist, or the token may not see it."),
        (410, "Issues are disabled for this repo", {}, NotFound, "Turn Issues on under Settings > General > Features"),
        (410, "This resource is gone", {}, NotFound, ""),
        (409, "Git Repository is empty.", {}, NotFound, "Push a first commit"),
        (409, "Conflict", {}, Conflict, ""),
        (422, "Reference already exists", {}, Conflict, ""),
        (422, "Update is not a fast forward", {}, Conflict, ""),
        (422, "Repository rule violations found\n\nCannot create ref due to creations being restricted.", {},
         PermissionDenied, "Settings > Rules > Rulesets"),
        (422, "Cannot update this protected branch", {}, PermissionDenied, "Settings > Branches"),
        (422, "Validation Failed", {}, ServiceError, ""),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_refused_and_what_to_do(
    status: int, message: str, headers: dict[str, str], error: type[CmlkitError], next_step: str
) -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", API + REPO, json={"message": message}, status=status, headers=headers)
        github = ScriptedGitHub(mock)
        with pytest.raises(CmlkitError) as caught:
            github.client().repository()
    assert type(caught.value) is error
    assert caught.value.message.startswith(f"GitHub refused GET /repos/octo/forest: {status} {message.rstrip('.')}")
    assert next_step in caught.value.next_step
    assert github.slept == []


def test_a_refusal_lists_each_reason(github: ScriptedGitHub) -> None:
    errors = [
        {"resource": "PullRequest", "field": "head", "code": "invalid"},
        {"resource": "PullRequest", "code": "custom", "message": "No commits between main and x"},
    ]
    body = {"message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com"}
    github.mock.add("GET", API + REPO, json=body, status=422)
    with pytest.raises(
        ServiceError, match="Validation Failed; PullRequest head invalid; No commits between main and x"
    ):
        github.client().repository()


def test_what_github_does_not_know_yet_is_asked_again(github: ScriptedGitHub) -> None:
    statuses = f"{REPO}/statuses/{'a' * 40}"
    github.refuse("POST", statuses, 422, f"No commit found for SHA: {'a' * 40}")
    github.answer("POST", statuses, status=201)
    github.client().create_status(name="gate", commit="a" * 40, conclusion="success", title="t")
    assert github.slept == list(SETTLING_SECONDS[:1])


def test_what_github_never_knows_is_an_error_after_a_few_seconds(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/git/refs", 422, "Object does not exist")
    with pytest.raises(ServiceError, match="Object does not exist"):
        github.client().create_branch("new", "a" * 40)
    assert github.slept == list(SETTLING_SECONDS)


def test_an_answer_of_another_shape_is_an_error_not_a_defect() -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", API + REPO, json={"name": "forest"})
        with pytest.raises(ServiceError, match="not what its API promises: full_name is missing"):
            ScriptedGitHub(mock).client().repository()


def test_the_token_is_not_shown_even_where_github_echoes_it(github: ScriptedGitHub) -> None:
    github.refuse("GET", REPO, 403, f"Token {TOKEN} may not")
    client = github.client()
    with pytest.raises(PermissionDenied) as caught:
        client.repository()
    assert TOKEN not in f"{caught.value} {client!r} {client.http!r}"
    assert "Token *** may not" in caught.value.message


@pytest.mark.parametrize("token", ["", "  ", "ghp_secret\nghp_more", "ghp_secret word", "ghp_sécret"])
def test_a_token_that_cannot_be_one_is_refused_unseen(github: ScriptedGitHub, token: str) -> None:
    with pytest.raises(PermissionDenied) as caught:
        github.client(token=token)
    assert "ghp" not in str(caught.value)


def test_a_token_may_come_with_a_line_end(github: ScriptedGitHub) -> None:
    github.answer("GET", REPO)
    github.client(token=f"{TOKEN}\n").repository()
    assert github.mock.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url", ["", "api.github.com", "ftp://api.github.com", "https://user:secret@host/api/v3", "https:///x"]
)
def test_an_api_url_that_is_none_is_refused(github: ScriptedGitHub, url: str) -> None:
    with pytest.raises(SettingsError, match="The API URL"):
        github.client(api_url=url)


@pytest.mark.parametrize("name", ["forest", "octo/forest/x", "octo/..", "octo/", "../forest", "octo/for est"])
def test_a_repository_that_is_none_is_refused(github: ScriptedGitHub, name: str) -> None:
    with pytest.raises(SettingsError, match="OWNER/NAME"):
        github.client(repository=name)


@pytest.mark.parametrize(
    ("api_url", "graphql_url"),
    [
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://git.example.com/api/v3", "https://git.example.com/api/graphql"),
    ],
)
def test_the_graphql_url_is_derived(github: ScriptedGitHub, api_url: str, graphql_url: str) -> None:
    assert github.client(api_url=api_url).http.graphql_url == graphql_url
