"""The client's operations: what each sends, what it makes of the answer, and that no lost answer doubles a write."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
import responses

from cmlkit.errors import Conflict, NotFound, PermissionDenied, ServiceError
from cmlkit.forges.base import (
    Changes,
    Comment,
    Conclusion,
    Forge,
    NewFile,
    PullRequest,
    TreeFile,
)
from cmlkit.forges.github import GitHub
from cmlkit.forges.runners import Runner
from cmlkit.git.objects import blob_id
from tests.contract import Contract
from tests.contract.samples import sample
from tests.unit.forges.github.scripted_github import (
    API,
    REPO,
    ScriptedGitHub,
    github,
)

__all__ = ["github"]

A, B, C = "a" * 40, "b" * 40, "c" * 40
REF = f"{REPO}/git/ref/heads/cmlkit/main/12"
REFS = f"{REPO}/git/refs/heads/cmlkit/main/12"
PULL = {
    "number": 7, "title": "Retrain", "body": None, "state": "open", "user": {"login": "bot"}, "draft": False,
    "head": {"ref": "cmlkit/main/12", "sha": A}, "base": {"ref": "main"}, "labels": [{"name": "model"}],
}  # fmt: skip
RUNNER = {"id": 5, "name": "cmlkit-1", "status": "offline", "busy": False, "labels": [{"name": "gpu"}]}


def a_pull_request(**changes: object) -> PullRequest:
    values: dict[str, object] = {
        "number": 7, "url": "u", "node_id": "PR_7", "title": "t", "body": "", "head": "x", "head_sha": A,
        "base": "main", "state": "open", "draft": False, "author": "bot",
    }  # fmt: skip
    return PullRequest(**(values | changes))  # type: ignore[arg-type]


def test_the_client_is_a_forge(github: ScriptedGitHub) -> None:
    forge: Forge = github.client()
    assert isinstance(forge, GitHub)


def test_a_branch_that_is_not_there_has_no_head(github: ScriptedGitHub) -> None:
    github.refuse("GET", REF, 404, "Not Found")
    assert github.client().branch_head("cmlkit/main/12") is None


def test_an_empty_repository_is_not_taken_for_a_missing_branch(github: ScriptedGitHub) -> None:
    github.mock.add("GET", f"{API}{REPO}/git/ref/heads/main", json={"message": "Git Repository is empty."}, status=409)
    with pytest.raises(NotFound, match="empty"):
        github.client().branch_head("main")


def test_a_branch_name_with_odd_letters_is_encoded(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/git/ref/heads/50%25%23/%C3%BC", {"object": {"sha": A}})
    assert github.client().branch_head("50%#/ü") == A


def test_the_commits_of_a_file_are_asked_for_as_many_as_are_wanted(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/commits", [{"sha": B}, {"sha": A}])
    assert github.client().commits_of("model/m.json", ref=C, limit=2) == [B, A]
    assert github.sent == [f"GET {REPO}/commits?sha={C}&path=model%2Fm.json&per_page=2"]


def test_a_file_is_read_as_raw_bytes(github: ScriptedGitHub) -> None:
    path = f"{REPO}/contents/model/m.json"
    github.mock.add("GET", API + path, body=b"\x80\x04", content_type="application/vnd.github.raw")
    assert github.client().read_file("model/m.json", ref=A) == b"\x80\x04"
    assert github.sent == [f"GET {path}?ref={A}"]
    assert github.mock.calls[0].request.headers["Accept"] == "application/vnd.github.raw+json"


@pytest.mark.parametrize(
    ("media_type", "body", "read"),
    [
        ("application/vnd.github.raw+json; charset=utf-8", b"<html>", b"<html>"),
        ("application/vnd.github.v3.raw; charset=utf-8", b"", b""),
        ("application/vnd.github.raw+json; charset=utf-8", b"", b""),
        ("text/html; charset=utf-8", b"<html>Unicorn!</html>", None),
        ("application/json; charset=utf-8", b"", None),
    ],
    ids=["a page of the project's", "an empty file", "an empty file today", "a page of a proxy", "nothing"],
)
def test_a_page_in_place_of_a_file_is_a_lost_answer(media_type: str, body: bytes, read: bytes | None) -> None:
    path = API + f"{REPO}/contents/.gitattributes"
    with responses.RequestsMock() as mock:
        mock.add("GET", path, body=body, content_type=media_type)
        if read is None:
            mock.add("GET", path, body=b"*.bin", content_type="application/vnd.github.raw+json; charset=utf-8")
        found = ScriptedGitHub(mock).client().read_file(".gitattributes", ref=A)
    assert found == (b"*.bin" if read is None else read)


def test_blob_ids_are_read_folder_by_folder_each_once(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/git/trees/{A}", {"tree": [
        {"path": "model", "type": "tree", "sha": B}, {"path": "train.py", "type": "blob", "sha": C},
    ]})  # fmt: skip
    github.answer("GET", f"{REPO}/git/trees/{B}", {"tree": [
        {"path": "m.joblib", "type": "blob", "sha": C}, {"path": "plots", "type": "tree", "sha": A},
    ]})  # fmt: skip
    wanted = ["model/m.joblib", "model/missing", "model/plots", "train.py", "train.py/x", "no/such/folder"]
    assert github.client().blob_ids(A, wanted) == {"model/m.joblib": C, "train.py": C}
    assert len(github.sent) == 2


def test_a_blob_is_sent_as_base64_and_its_id_is_checked(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/git/blobs", {"sha": blob_id(b"\x00model")}, status=201)
    assert github.client().create_blob(b"\x00model") == blob_id(b"\x00model")
    assert github.body() == {"content": base64.b64encode(b"\x00model").decode(), "encoding": "base64"}


def test_a_blob_that_github_stored_otherwise_is_an_error(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/git/blobs", {"sha": A}, status=201)
    with pytest.raises(ServiceError, match="other bytes"):
        github.client().create_blob(b"model")


def test_the_id_of_a_blob_is_gits() -> None:
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_commit_names_no_author_so_that_github_signs_it(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/git/commits/{A}", {"tree": {"sha": B}})
    github.answer("POST", f"{REPO}/git/trees", {"sha": C}, status=201)
    github.answer("POST", f"{REPO}/git/commits", {"sha": "d" * 40}, status=201)
    files = [TreeFile(path="model/m.joblib", blob=B)]
    assert github.client().create_commit(parent=A, files=files, message="Retrain") == "d" * 40
    tree = {"path": "model/m.joblib", "mode": "100644", "type": "blob", "sha": B}
    assert github.body(1) == {"base_tree": B, "tree": [tree]}
    assert github.body(2) == {"message": "Retrain", "tree": C, "parents": [A]}


PERSON = "ghp_0123456789notatoken"


# No UTF-8, as the first byte of a pickle.
MODEL = b"\x80model"


def committed(client: GitHub, *, is_new: bool = False, content: bytes = MODEL, parent: str = A) -> str:
    changes = Changes(message="Retrain m\n\nBetter.\n", files=[NewFile(path="model/m", content=content)])
    return client.commit(changes, branch="exp", parent=parent, is_new=is_new)


def take_by_git_data(github: ScriptedGitHub, content: bytes = MODEL) -> None:
    github.answer("GET", f"{REPO}/git/commits/{A}", {"tree": {"sha": B}})
    github.answer("POST", f"{REPO}/git/blobs", {"sha": blob_id(content)}, status=201)
    github.answer("POST", f"{REPO}/git/trees", {"sha": C}, status=201)
    github.answer("POST", f"{REPO}/git/commits", {"sha": "d" * 40}, status=201)
    github.answer("PATCH", f"{REPO}/git/refs/heads/exp")
    github.answer("POST", f"{REPO}/git/refs", status=201)


# The first two at once.
BY_GIT_DATA = [
    f"GET {REPO}/git/commits/{A}",
    f"POST {REPO}/git/blobs",
    f"POST {REPO}/git/trees",
    f"POST {REPO}/git/commits",
    f"PATCH {REPO}/git/refs/heads/exp",
]


def test_a_persons_commit_is_made_by_graphql_which_signs_it(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/git/refs", status=201)
    github.mock.add("POST", f"{API}/graphql", json={"data": {"createCommitOnBranch": {"commit": {"oid": B}}}})
    assert committed(github.client(token=PERSON), is_new=True) == B
    assert github.body(0) == {"ref": "refs/heads/exp", "sha": A}
    assert github.body()["variables"] == {
        "branch": {"repositoryNameWithOwner": "octo/forest", "branchName": "exp"},
        "head": A,
        "message": {"headline": "Retrain m", "body": "Better."},
        "changes": {
            "additions": [{"path": "model/m", "contents": base64.b64encode(MODEL).decode()}],
            "deletions": [],
        },
    }
    github.mock.calls.reset()


@pytest.mark.parametrize(
    ("token", "content"),
    [("ghs_0123456789notatoken", b"\x80small"), (PERSON, bytes(6 * 1024**2))],
    ids=["bot", "large"],
)
def test_other_commits_are_made_by_the_git_data_api(github: ScriptedGitHub, token: str, content: bytes) -> None:
    take_by_git_data(github, content)
    assert committed(github.client(token=token), content=content) == "d" * 40
    assert [*sorted(github.sent[:2]), *github.sent[2:]] == BY_GIT_DATA


def test_a_text_stands_in_the_tree_and_needs_no_request_of_its_own(github: ScriptedGitHub) -> None:
    take_by_git_data(github)
    committed(github.client(), content="Köln\n".encode())
    assert github.sent == [BY_GIT_DATA[0], *BY_GIT_DATA[2:]]
    assert github.body(1)["tree"] == [{"path": "model/m", "mode": "100644", "type": "blob", "content": "Köln\n"}]


@pytest.mark.parametrize("content", [b"a\0b", b"\xff", b"x" * (1024**2 + 1)], ids=["zero", "not UTF-8", "long"])
def test_what_is_no_text_or_too_long_for_the_tree_is_uploaded(github: ScriptedGitHub, content: bytes) -> None:
    take_by_git_data(github, content)
    committed(github.client(), content=content)
    assert BY_GIT_DATA[1] in github.sent


def test_a_signed_commit_on_a_branch_that_moved_is_a_conflict(github: ScriptedGitHub) -> None:
    error = {"type": "STALE_DATA", "message": "Expected branch to point to another commit"}
    github.mock.add("POST", f"{API}/graphql", json={"data": None, "errors": [error]})
    with pytest.raises(Conflict, match="Expected branch"):
        committed(github.client(token=PERSON))
    github.mock.calls.reset()


def test_a_signed_commit_that_github_refuses_is_made_by_the_git_data_api(github: ScriptedGitHub) -> None:
    error = {"type": "UNPROCESSABLE", "message": "A file is too large"}
    github.mock.add("POST", f"{API}/graphql", json={"data": None, "errors": [error]})
    take_by_git_data(github)
    assert committed(github.client(token=PERSON)) == "d" * 40
    first, *rest = github.sent
    assert (first, [*sorted(rest[:2]), *rest[2:]]) == ("POST /graphql", BY_GIT_DATA)
    github.mock.calls.reset()


def test_a_new_branch_without_history_is_made_at_its_first_commit(github: ScriptedGitHub) -> None:
    take_by_git_data(github)
    assert committed(github.client(token=PERSON), parent="", is_new=True) == "d" * 40
    assert github.body(1)["tree"] == [{"path": "model/m", "mode": "100644", "type": "blob", "sha": blob_id(MODEL)}]
    assert github.body(2)["parents"] == []
    assert github.body() == {"ref": "refs/heads/exp", "sha": "d" * 40}


def test_a_merge_takes_over_the_files_of_the_other_commit_and_removes_what_is_to_go(github: ScriptedGitHub) -> None:
    take_by_git_data(github)
    github.answer("GET", f"{REPO}/git/commits/{B}", {"tree": {"sha": C}})
    changes = Changes(message="Retrain", files=[], removes=["old"], merging=B)
    github.client(token=PERSON).commit(changes, branch="exp", parent=A, is_new=False)
    assert github.body(1) == {
        "base_tree": C, "tree": [{"path": "old", "mode": "100644", "type": "blob", "sha": None}],
    }  # fmt: skip
    assert github.body(2)["parents"] == [A, B]


def test_what_the_repository_has_is_not_uploaded_nor_anything_twice(github: ScriptedGitHub) -> None:
    take_by_git_data(github)
    client = github.client()
    committed(client)
    committed(client)
    assert [*sorted(github.sent[:2]), *github.sent[2:]] == BY_GIT_DATA + BY_GIT_DATA[2:]
    known = Changes(message="m", files=[NewFile(path="a", content=b"there")], known={blob_id(b"there")})
    client.commit(known, branch="exp", parent=A, is_new=False)
    assert github.sent.count(BY_GIT_DATA[1]) == 1


def test_a_branch_whose_answer_was_lost_is_found_not_made_again(github: ScriptedGitHub) -> None:
    github.lose("POST", f"{REPO}/git/refs")
    github.answer("GET", REF, {"object": {"sha": A}})
    github.client().create_branch("cmlkit/main/12", A)
    assert github.sent == [f"POST {REPO}/git/refs", f"GET {REF}"]


def test_a_branch_that_never_arrived_is_made_again(github: ScriptedGitHub) -> None:
    github.lose("POST", f"{REPO}/git/refs")
    github.refuse("GET", REF, 404, "Not Found")
    github.answer("POST", f"{REPO}/git/refs", status=201)
    github.client().create_branch("cmlkit/main/12", A)
    assert github.sent == [f"POST {REPO}/git/refs", f"GET {REF}", f"POST {REPO}/git/refs"]


def test_a_branch_of_somebody_else_is_a_conflict(github: ScriptedGitHub) -> None:
    github.lose("POST", f"{REPO}/git/refs")
    github.answer("GET", REF, {"object": {"sha": B}})
    with pytest.raises(Conflict, match="exists already"):
        github.client().create_branch("cmlkit/main/12", A)


def test_a_branch_moves_by_fast_forward_only(github: ScriptedGitHub) -> None:
    github.answer("PATCH", REFS)
    github.client().move_branch("cmlkit/main/12", A)
    assert github.body() == {"sha": A, "force": False}


@pytest.mark.parametrize(("status", "sent_again"), [("ahead", False), ("diverged", True)])
def test_a_move_whose_answer_was_lost_is_sent_again_unless_the_commit_is_in(
    github: ScriptedGitHub, status: str, sent_again: bool
) -> None:
    github.lose("PATCH", REFS)
    github.answer("GET", REF, {"object": {"sha": B}})
    github.answer("GET", f"{REPO}/compare/{A}...{B}", {"status": status})
    github.refuse("PATCH", REFS, 422, "Update is not a fast forward")
    client = github.client()
    if sent_again:
        with pytest.raises(Conflict):
            client.move_branch("cmlkit/main/12", A)
    else:
        client.move_branch("cmlkit/main/12", A)
    assert github.sent.count(f"PATCH {REFS}") == 1 + sent_again


@pytest.mark.parametrize(("status", "message"), [(422, "Reference does not exist"), (404, "Not Found")])
def test_a_branch_that_is_gone_needs_no_deleting(github: ScriptedGitHub, status: int, message: str) -> None:
    github.refuse("DELETE", REFS, status, message)
    github.refuse("GET", REF, 404, "Not Found")
    github.client().delete_branch("cmlkit/main/12")


def test_a_branch_that_is_still_there_was_not_deleted(github: ScriptedGitHub) -> None:
    github.refuse("DELETE", REFS, 404, "Not Found")
    github.answer("GET", REF, {"object": {"sha": A}})
    with pytest.raises(NotFound):
        github.client().delete_branch("cmlkit/main/12")


def test_a_repository_without_issues_says_where_to_turn_them_on(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/issues", 410, "Issues are disabled for this repo")
    with pytest.raises(ServiceError, match="Issues are disabled") as refused:
        github.client().create_issue(title="Train failed", body="")
    assert "Settings > General > Features" in refused.value.next_step


def test_a_locked_issue_is_known_as_one(github: ScriptedGitHub) -> None:
    [issue] = sample(Contract.load().answer_schema("GET", f"{REPO}/issues", 200))
    del issue["pull_request"]
    github.mock.add("GET", f"{API}{REPO}/issues", json=[{**issue, "number": 7, "locked": True}])
    assert [(issue.number, issue.locked) for issue in github.client().issues()] == [(7, True)]


def test_a_branch_that_may_not_be_deleted_is_an_error(github: ScriptedGitHub) -> None:
    github.refuse("DELETE", REFS, 422, "Cannot delete this protected branch")
    with pytest.raises(PermissionDenied):
        github.client().delete_branch("cmlkit/main/12")


def test_pull_requests_are_asked_for_by_base_and_head(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/pulls", [PULL])
    (found,) = github.client().pull_requests(base="main", head="cmlkit/main/12")
    assert (found.number, found.body, found.head, found.author, found.labels) == (
        7,
        "",
        "cmlkit/main/12",
        "bot",
        ("model",),
    )
    assert "head=octo%3Acmlkit%2Fmain%2F12" in github.sent[0]


def test_a_pull_request_whose_answer_was_lost_is_found_not_opened_again(github: ScriptedGitHub) -> None:
    github.lose("POST", f"{REPO}/pulls")
    github.answer("GET", f"{REPO}/pulls", [PULL])
    found = github.client().create_pull_request(head="cmlkit/main/12", base="main", title="t", body="b", draft=True)
    assert found.number == 7
    assert [line.split("?")[0] for line in github.sent] == [f"POST {REPO}/pulls", f"GET {REPO}/pulls"]


def test_a_pull_request_that_never_arrived_is_opened_again(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/pulls", 502, "Server Error")
    github.answer("GET", f"{REPO}/pulls", [])
    github.answer("POST", f"{REPO}/pulls", PULL, status=201)
    github.client().create_pull_request(head="cmlkit/main/12", base="main", title="t", body="b", draft=True)
    assert github.body() == {"head": "cmlkit/main/12", "base": "main", "title": "t", "body": "b", "draft": True}


def test_a_pull_request_that_another_process_opened_meanwhile_is_taken(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/pulls", 422, "A pull request already exists for octo:cmlkit/main/12.")
    github.answer("GET", f"{REPO}/pulls", [PULL])
    assert github.client().create_pull_request(head="x", base="main", title="t", body="b", draft=False).number == 7


def test_where_there_are_no_drafts_the_pull_request_is_none(github: ScriptedGitHub) -> None:
    github.refuse("POST", f"{REPO}/pulls", 422, "Draft pull requests are not supported in this repository.")
    github.answer("POST", f"{REPO}/pulls", PULL, status=201)
    client = github.client()
    assert not client.create_pull_request(head="x", base="main", title="t", body="b", draft=True).draft
    assert github.body()["draft"] is False


@pytest.mark.parametrize(
    ("draft", "mutation"), [(True, "convertPullRequestToDraft"), (False, "markPullRequestReadyForReview")]
)
def test_a_pull_request_becomes_a_draft_or_ready_by_graphql(github: ScriptedGitHub, draft: bool, mutation: str) -> None:
    github.mock.add("POST", f"{API}/graphql", json={"data": {mutation: {"clientMutationId": None}}})
    assert github.client().set_draft(a_pull_request(draft=not draft), draft).draft is draft
    assert mutation in github.body()["query"]
    github.mock.calls.reset()


def test_a_pull_request_changes_only_in_what_is_given(github: ScriptedGitHub) -> None:
    github.answer("PATCH", f"{REPO}/pulls/7", PULL)
    github.client().update_pull_request(7, state="closed")
    assert github.body() == {"state": "closed"}


def test_authors_are_those_who_committed_and_reviewed(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/pulls/7/commits", [
        {"author": {"login": "bot"}},
        {"author": None, "commit": {"author": {"name": "Ann", "email": "ann@example.com"}}},
    ])  # fmt: skip
    github.answer("GET", f"{REPO}/pulls/7/reviews", [{"user": {"login": "ben"}}])
    assert github.client().pull_request_authors(7) == {"bot", "ann@example.com", "ben"}


def test_labels_and_reviewers_are_added(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/issues/7/labels")
    github.answer("POST", f"{REPO}/pulls/7/requested_reviewers", status=201)
    client = github.client()
    client.add_labels(7, ("model",))
    client.request_reviewers(7, people=("ann",), teams=("ml",))
    assert github.body(0) == {"labels": ["model"]}
    assert github.body(1) == {"reviewers": ["ann"], "team_reviewers": ["ml"]}


def test_assignees_and_the_milestone_are_set(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/issues/7/assignees", status=201)
    github.answer("GET", f"{REPO}/milestones", [{"number": 1, "title": "May"}, {"number": 2, "title": "June"}])
    github.answer("PATCH", f"{REPO}/issues/7")
    client = github.client()
    client.add_assignees(7, ("ann",))
    client.set_milestone(7, "June")
    assert (github.body(0), github.body()) == ({"assignees": ["ann"]}, {"milestone": 2})
    with pytest.raises(NotFound, match="no milestone 'July'"):
        client.set_milestone(7, "July")


def test_comments_come_oldest_first(github: ScriptedGitHub) -> None:
    github.answer("GET", f"{REPO}/issues/7/comments", [{"id": 9}, {"id": 3, "body": "hi", "user": {"login": "ann"}}])
    first, second = github.client().comments(7)
    assert (first.id, first.body, first.author, second.id) == (3, "hi", "ann", 9)


def test_a_comment_whose_answer_was_lost_is_found_by_its_words_and_author(github: ScriptedGitHub) -> None:
    comments = f"{REPO}/issues/7/comments"
    github.refuse("POST", comments, 504, "Gateway Timeout")
    github.answer("GET", "/user", {"login": "bot"})
    github.answer("GET", comments, [
        {"id": 1, "body": "a\nb", "user": {"login": "ann"}}, {"id": 2, "body": "a\r\nb", "user": {"login": "bot"}},
    ])  # fmt: skip
    assert github.client(token=PERSON).create_comment(7, "a\nb\n").id == 2
    assert github.sent.count(f"POST {comments}") == 1


def test_a_comment_that_is_gone_needs_no_deleting(github: ScriptedGitHub) -> None:
    github.refuse("DELETE", f"{REPO}/issues/comments/3", 404, "Not Found")
    github.client().delete_comment(Comment(id=3, place=7, url="", body="", author="bot"))


def test_commits_have_comments_too(github: ScriptedGitHub) -> None:
    comments = f"{REPO}/commits/{A}/comments"
    github.answer("GET", comments, [{"id": 4, "body": "hi"}])
    github.answer("POST", comments, {"id": 5}, status=201)
    github.answer("PATCH", f"{REPO}/comments/4", {"id": 4})
    client = github.client()
    (found,) = client.comments(A)
    assert client.update_comment(found, "new").id == 4
    assert client.create_comment(A, "more").id == 5


@pytest.mark.parametrize(("token", "requests"), [("ghs_0123456789notatoken", 1), ("0123456789notatoken", 2)])
def test_a_workflows_token_learns_its_name_by_graphql(github: ScriptedGitHub, token: str, requests: int) -> None:
    """Of a token of another form it shows only when it asks for the user."""
    github.refuse("GET", "/user", 403, "Resource not accessible by integration")
    github.mock.add("POST", f"{API}/graphql", json={"data": {"viewer": {"login": "github-actions[bot]"}}})
    client = github.client(token=token)
    assert client.login() == "github-actions[bot]"
    assert client.login() == "github-actions[bot]"
    assert len(github.mock.calls) == requests
    github.mock.calls.reset()


def test_a_check_is_made_once_and_then_kept_up_to_date(github: ScriptedGitHub) -> None:
    listing = f"{REPO}/commits/{A}/check-runs"
    github.answer("GET", listing, {"total_count": 1, "check_runs": [{"id": 1, "external_id": "another"}]})
    github.answer("POST", f"{REPO}/check-runs", {"id": 2, "html_url": "https://x"}, status=201)
    github.answer("GET", listing, {"total_count": 1, "check_runs": [{"id": 2, "external_id": "cmlkit:gate"}]})
    github.answer("PATCH", f"{REPO}/check-runs/2", {"id": 2})
    client = github.client()
    conclusions: tuple[Conclusion, ...] = ("success", "failure")
    for conclusion in conclusions:
        check = client.create_check(
            name="gate", commit=A, conclusion=conclusion, title="t", summary="s", details_url="u"
        )
        assert check.id == 2
    assert github.body(1) == {
        "name": "gate", "head_sha": A, "status": "completed", "conclusion": "success", "external_id": "cmlkit:gate",
        "output": {"title": "t", "summary": "s\n\n[The workflow run](u)"}, "details_url": "u",
    }  # fmt: skip
    assert github.body(3)["conclusion"] == "failure"


def test_a_check_whose_answer_was_lost_is_found(github: ScriptedGitHub) -> None:
    listing = f"{REPO}/commits/{A}/check-runs"
    github.answer("GET", listing, {"total_count": 0, "check_runs": []})
    github.lose("POST", f"{REPO}/check-runs")
    github.answer("GET", listing, {"total_count": 1, "check_runs": [{"id": 2, "external_id": "cmlkit:gate"}]})
    check = github.client().create_check(name="gate", commit=A, conclusion="success", title="t", summary="s")
    assert check.id == 2
    assert github.sent.count(f"POST {REPO}/check-runs") == 1


def test_a_status_stands_in_for_a_check(github: ScriptedGitHub) -> None:
    github.answer("POST", f"{REPO}/statuses/{A}", status=201)
    github.client().create_status(name="gate", commit=A, conclusion="neutral", title="t" * 200, details_url="u")
    assert github.body() == {"state": "success", "context": "gate", "description": "t" * 140, "target_url": "u"}


def repository_scope(github: ScriptedGitHub) -> tuple[GitHub, str]:
    return github.client(), f"{REPO}/actions/runners"


def organisation_scope(github: ScriptedGitHub) -> tuple[GitHub, str]:
    return github.client(runner_scope="organisation", runner_group_id=3), "/orgs/octo/actions/runners"


Scope = Callable[[ScriptedGitHub], tuple[GitHub, str]]
both_scopes = pytest.mark.parametrize("scope", [repository_scope, organisation_scope])


@both_scopes
def test_the_runner_application_for_linux_comes_with_its_checksum(github: ScriptedGitHub, scope: Scope) -> None:
    client, runners = scope(github)
    github.answer("GET", f"{runners}/downloads", [
        {"os": "win", "architecture": "x64"},
        {"os": "linux", "architecture": "x64", "download_url": "https://x/r.tgz", "sha256_checksum": "ab" * 32},
    ])  # fmt: skip
    download = client.runner_download(architecture="x64")
    assert (download.url, download.sha256) == ("https://x/r.tgz", "ab" * 32)
    with pytest.raises(NotFound, match="'mips'"):
        client.runner_download(architecture="mips")


def test_a_runner_application_without_checksum_is_not_taken(github: ScriptedGitHub) -> None:
    github.answer(
        "GET", f"{REPO}/actions/runners/downloads", [{"os": "linux", "architecture": "x64", "sha256_checksum": ""}]
    )
    with pytest.raises(ServiceError, match="sha256_checksum is no SHA-256"):
        github.client().runner_download(architecture="x64")


@both_scopes
def test_a_runner_is_registered_with_its_labels(github: ScriptedGitHub, scope: Scope) -> None:
    client, runners = scope(github)
    github.answer(
        "POST", f"{runners}/generate-jitconfig", {"runner": RUNNER, "encoded_jit_config": "c2VjcmV0"}, status=201
    )
    registered = client.create_jit_runner(name="cmlkit-1", labels=["gpu"])
    assert registered.runner == Runner(id=5, name="cmlkit-1", status="offline", busy=False, labels=("gpu",))
    assert registered.credential == "c2VjcmV0"
    assert "c2VjcmV0" not in repr(registered)
    assert github.body() == {
        "name": "cmlkit-1", "labels": ["gpu"], "work_folder": "_work",
        "runner_group_id": 1 if scope is repository_scope else 3,
    }  # fmt: skip


@both_scopes
def test_a_runner_whose_configuration_was_lost_is_removed_and_registered_again(
    github: ScriptedGitHub, scope: Scope
) -> None:
    client, runners = scope(github)
    github.lose("POST", f"{runners}/generate-jitconfig")
    github.answer("GET", runners, {"total_count": 2, "runners": [RUNNER, {**RUNNER, "id": 6, "name": "another"}]})
    github.answer("DELETE", f"{runners}/5", status=204)
    github.answer("POST", f"{runners}/generate-jitconfig", {"runner": {**RUNNER, "id": 7}}, status=201)
    assert client.create_jit_runner(name="cmlkit-1", labels=["gpu"]).runner.id == 7
    assert [line.split(" ")[0] for line in github.sent] == ["POST", "GET", "DELETE", "POST"]


def test_a_runner_that_is_gone_is_none(github: ScriptedGitHub) -> None:
    github.refuse("GET", f"{REPO}/actions/runners/5", 404, "Not Found")
    github.refuse("DELETE", f"{REPO}/actions/runners/5", 404, "Not Found")
    assert github.client().runner(5) is None
    github.client().delete_runner(5)


def test_a_runner_with_a_job_is_not_removed(github: ScriptedGitHub) -> None:
    github.refuse("DELETE", f"{REPO}/actions/runners/5", 422, 'Bad request - Runner "cmlkit-1" is still running a job')
    with pytest.raises(Conflict, match="running a job"):
        github.client().delete_runner(5)
