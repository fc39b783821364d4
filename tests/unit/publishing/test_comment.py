"""Comments: the place that each target names; and one report comment, by us, with the text of the newest run."""

from __future__ import annotations

from typing import Any

import pytest

from cmlkit.errors import NotFound, SettingsError
from cmlkit.publishing.comment import add_comment, comment_place, keep_comment, series
from cmlkit.publishing.marker import Marker
from cmlkit.records.workflow_run import WorkflowRun
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

__all__ = ["github"]

SHA = "a" * 40
PULLS = f"{REPO}/commits/{SHA}/pulls"


def place(github: ScriptedGitHub, target: str, *, sha: str = SHA, pull_request: int | None = None) -> int | str:
    run = WorkflowRun(repository="octo/forest", run_id="1", sha=sha, pull_request=pull_request)
    return comment_place(target, forge=github.client(), workflow_run=run)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("pr/7", 7),
        ("pr/#7", 7),
        ("issue/12", 12),
        ("commit/0123abc", "0123abc"),
        ("commit/0123ABCDEF", "0123ABCDEF"),
        ("commit", SHA),
    ],
)
def test_a_target_that_says_it_all_asks_nobody(github: ScriptedGitHub, target: str, expected: int | str) -> None:
    assert place(github, target) == expected
    assert github.sent == []


@pytest.mark.parametrize("target", ["auto", "pr"])
def test_the_runs_own_pull_request_comes_first(github: ScriptedGitHub, target: str) -> None:
    assert place(github, target, pull_request=9) == 9


@pytest.mark.parametrize("target", ["auto", "pr"])
def test_else_the_open_pull_request_that_holds_the_commit(github: ScriptedGitHub, target: str) -> None:
    github.answer("GET", PULLS, [{"number": 3, "state": "closed"}, {"number": 4, "state": "open"}])
    assert place(github, target) == 4


def test_without_a_pull_request_auto_is_the_commit(github: ScriptedGitHub) -> None:
    github.answer("GET", PULLS, [])
    assert place(github, "auto") == SHA


def test_without_a_pull_request_pr_is_an_error_with_a_way_out(github: ScriptedGitHub) -> None:
    github.answer("GET", PULLS, [])
    with pytest.raises(NotFound, match=r"No open pull request of octo/forest holds the commit a{12}\.") as caught:
        place(github, "pr")
    assert "pr/NUMBER" in caught.value.next_step


@pytest.mark.parametrize("target", ["auto", "commit"])
def test_a_run_without_commit_has_no_place(github: ScriptedGitHub, target: str) -> None:
    with pytest.raises(SettingsError, match="no commit to comment on") as caught:
        place(github, target, sha="")
    assert "commit/SHA" in caught.value.next_step


@pytest.mark.parametrize("target", ["", "pull/7", "pr/x", "issue", "issue/", "commit/xyz", "pr/7/8"])
def test_another_target_is_refused_with_the_known_ones(github: ScriptedGitHub, target: str) -> None:
    with pytest.raises(SettingsError, match="not known") as caught:
        place(github, target)
    assert "commit/SHA" in caught.value.next_step


__all__ = ["github"]

PERSON = "ghp_0123456789notatoken"
COMMENTS = f"{REPO}/issues/7/comments"
MARKER = Marker(kind="report", subject="model/m.joblib", run="12")


def said(
    number: int, text: str, *, run: str = "11", by: str = "bot", subject: str = "model/m.joblib"
) -> dict[str, Any]:
    marker = Marker(kind="report", subject=subject, run=run)
    return {"id": number, "body": f"{marker}\n{text}", "user": {"login": by}}


def there_is(github: ScriptedGitHub, *comments: dict[str, Any]) -> None:
    github.answer("GET", COMMENTS, list(comments))


def prepared(github: ScriptedGitHub) -> None:
    github.answer("GET", "/user", {"login": "bot"})
    for number in range(1, 9):
        github.answer("PATCH", f"{REPO}/issues/comments/{number}", {"id": number})
        github.answer("DELETE", f"{REPO}/issues/comments/{number}", status=204)
    github.answer("POST", COMMENTS, said(8, "new", run="12"), status=201)


def writes(github: ScriptedGitHub) -> list[str]:
    return [line.removeprefix(REPO) for line in github.sent if not line.startswith("GET")]


def test_the_first_report_is_a_new_comment(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github)
    there_is(github, said(8, "new", run="12"))
    assert keep_comment(7, "new", MARKER, forge=github.client(token=PERSON)).id == 8
    assert writes(github) == [f"POST {COMMENTS}"]


def test_the_next_report_replaces_it(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, {"id": 1, "body": "hello", "user": {"login": "ann"}}, said(3, "old"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == [f"PATCH {REPO}/issues/comments/3"]
    assert github.body() == {"body": f"{MARKER}\nnew"}


def test_the_same_report_again_writes_nothing(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "new", run="12"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == []


def test_a_marker_that_somebody_copied_is_not_ours(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "old", by="ann"))
    there_is(github, said(3, "old", by="ann"), said(8, "new", run="12"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == [f"POST {COMMENTS}"]


def test_another_models_report_stays(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "old", subject="model/other.joblib"), said(4, "old"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == [f"PATCH {REPO}/issues/comments/4"]


def test_an_older_run_does_not_overwrite_a_newer_report(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "newer", run="13"))
    assert keep_comment(7, "new", MARKER, forge=github.client(token=PERSON)).id == 3
    assert writes(github) == []


def test_duplicates_heal_into_the_oldest(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "old"), said(5, "old"), said(6, "new", run="12"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == [f"PATCH {REPO}/issues/comments/3"] + [
        f"DELETE {REPO}/issues/comments/{n}" for n in (5, 6)
    ]


def test_of_two_runs_that_commented_at_once_the_newer_ones_report_stays_in_the_older_comment(
    github: ScriptedGitHub,
) -> None:
    prepared(github)
    there_is(github)
    there_is(github, said(7, "newer", run="13"), said(8, "new", run="12"))
    assert keep_comment(7, "new", MARKER, forge=github.client(token=PERSON)).id == 7
    assert writes(github) == [f"POST {COMMENTS}", f"DELETE {REPO}/issues/comments/8"]


def test_of_two_runs_that_commented_at_once_our_newer_report_moves_into_the_older_comment(
    github: ScriptedGitHub,
) -> None:
    prepared(github)
    there_is(github)
    there_is(github, said(7, "older", run="11"), said(8, "new", run="12"))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github)[1:] == [f"PATCH {REPO}/issues/comments/7", f"DELETE {REPO}/issues/comments/8"]
    assert github.body(-2) == {"body": f"{MARKER}\nnew"}


def test_line_ends_as_github_stores_them_are_no_change(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "a\r\nb", run="12"))
    keep_comment(7, "a\nb\n", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == []


def test_a_comment_for_each_run_is_made_once_for_each(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(3, "old", run="11"))
    there_is(github, said(3, "old", run="11"), said(8, "new", run="12"))
    client = github.client(token=PERSON)
    assert add_comment(7, "new", MARKER, forge=client).id == 8
    assert add_comment(7, "new", MARKER, forge=client).id == 8
    assert writes(github) == [f"POST {COMMENTS}"]


def test_a_comment_of_an_earlier_try_that_lacked_an_image_gets_it(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(8, "![plot](plot.png)", run="12"))
    assert add_comment(7, "![plot](https://images/1)", MARKER, forge=github.client(token=PERSON)).id == 8
    assert writes(github) == [f"PATCH {REPO}/issues/comments/8"]


def test_a_list_that_does_not_show_the_new_comment_yet_loses_none(github: ScriptedGitHub) -> None:
    comments = f"{REPO}/issues/7/comments"
    marker = Marker(kind="report", subject="m.joblib", run="100", attempt=1)
    github.answer("GET", "/user", {"login": "bot"})
    github.answer("GET", comments, [{"id": 1, "body": "hi", "user": {"login": "ann"}}])
    github.answer("POST", comments, {"id": 2, "body": f"{marker}\ntext", "user": {"login": "bot"}}, status=201)
    kept = keep_comment(7, "text", marker, forge=github.client(token=PERSON))
    assert kept.id == 2
    assert [line for line in github.sent if not line.startswith("GET")] == [f"POST {comments}"]


NAMED = [series(MARKER.subject, f"{number:016x}") for number in range(3)]


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ([said(1, "old"), said(2, "old", subject=NAMED[1])], 2),
        ([said(1, "old", subject=NAMED[1]), said(2, "old")], 2),
        ([said(1, "old", subject=NAMED[1]), said(2, "old", subject=NAMED[2])], 2),
        ([said(1, "old", subject=f"{MARKER.subject}: v2"), said(2, "old")], 2),
        ([said(1, "old"), said(2, "old", subject=f"{MARKER.subject}: v2")], 1),
        ([said(1, "old"), said(2, "old", subject=series("other.joblib", "0" * 16))], 1),
        ([said(1, "old"), said(2, "old", subject=NAMED[1], by="ann")], 1),
    ],
    ids=[
        "a named one",
        "one without a name",
        "the last of two named ones",
        "beside another model",
        "before another model",
        "before that of another model",
        "before somebody else's",
    ],
)
def test_the_latest_comment_is_that_with_a_name_of_its_own_too(
    github: ScriptedGitHub, there: list[dict[str, Any]], kept: int
) -> None:
    prepared(github)
    there_is(github, *there)
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON), latest=True)
    assert writes(github) == [f"PATCH {REPO}/issues/comments/{kept}"]
    subject = next(item["body"] for item in there if item["id"] == kept).split("\n")[0].replace('"11"', '"12"')
    assert github.body() == {"body": f"{subject}\nnew"}


def test_a_comment_with_a_name_of_its_own_is_left_alone_unless_the_latest_is_asked_for(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github, said(1, "old"), said(2, "old", subject=NAMED[1]))
    keep_comment(7, "new", MARKER, forge=github.client(token=PERSON))
    assert writes(github) == [f"PATCH {REPO}/issues/comments/1"]


def test_without_any_comment_the_latest_is_a_new_one(github: ScriptedGitHub) -> None:
    prepared(github)
    there_is(github)
    there_is(github, said(8, "new", run="12"))
    assert keep_comment(7, "new", MARKER, forge=github.client(token=PERSON), latest=True).id == 8
    assert writes(github) == [f"POST {COMMENTS}"]
