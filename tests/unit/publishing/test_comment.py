"""The report comment: one, by us, the newest run's, whatever happened before."""

from __future__ import annotations

from typing import Any

from cmlkit.publishing.comment import add_comment, keep_comment
from cmlkit.publishing.marker import Marker
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github

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
