"""The sandbox's GitHub, the parts that need no server: permissions, limits, patches, git's formats, faults."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from cmlkit_sandbox.github import Account, Token
from cmlkit_sandbox.github.faults import Faults
from cmlkit_sandbox.github.git_objects import (
    GitObject,
    Signature,
    commit_content,
    parse_commit,
)
from cmlkit_sandbox.github.limits import Limits
from cmlkit_sandbox.github.pages.diff import Row, rows

OCTO = Account(id=1, login="octo")


@pytest.mark.parametrize(
    ("needs", "is_enough"),
    [
        ("contents=read", True),
        ("contents=write", True),
        ("issues=read", True),
        ("issues=write", False),
        ("checks=read", False),
        ("metadata=read", True),
        ("contents=write,issues=write", False),
        ("contents=write,issues=read", True),
        ("issues=write; contents=write", True),
        ("issues=write; checks=write", False),
    ],
)
def test_a_token_satisfies_what_an_endpoint_needs(needs: str, *, is_enough: bool) -> None:
    token = Token(value="t", account=OCTO, permissions={"contents": "write", "issues": "read"})
    assert token.satisfies(needs) is is_enough
    assert Token(value="t", account=OCTO).satisfies(needs)


def test_a_token_does_not_show_itself() -> None:
    assert "s3cret" not in repr(Token(value="s3cret", account=OCTO))


def test_content_can_be_made_again_when_the_minute_is_over() -> None:
    clock = [1000.0]
    limits = Limits(now=lambda: clock[0], content_a_minute=1)
    assert limits.create_content(None) == 0
    clock[0] += 10
    assert limits.create_content(None) == 51
    clock[0] += 51
    assert limits.create_content(None) == 0


def test_content_can_be_made_again_when_the_hour_is_over() -> None:
    clock = [1000.0]
    limits = Limits(now=lambda: clock[0], content_an_hour=1)
    assert limits.create_content(None) == 0
    clock[0] += 3000
    assert limits.create_content(None) == 601
    clock[0] += 601
    assert limits.create_content(None) == 0


def test_the_rows_of_a_patch_know_their_lines() -> None:
    patch = "@@ -1,3 +1,3 @@ def f():\n same\n-old\n+new\n@@ -10 +10,2 @@\n+last\n\\ No newline at end of file"
    assert list(rows(patch)) == [
        Row(kind="hunk", text="@@ -1,3 +1,3 @@ def f():"),
        Row(kind="same", text="same", old=1, new=1),
        Row(kind="removed", text="old", old=2),
        Row(kind="added", text="new", new=2),
        Row(kind="hunk", text="@@ -10 +10,2 @@"),
        Row(kind="added", text="last", new=10),
    ]


def test_a_commit_is_read_as_it_was_written() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    mona = Signature.at("Mona <Cat>\n", "mona@example.com", moment)
    content = commit_content(
        tree="1" * 40,
        parents=("2" * 40, "3" * 40),
        author=mona,
        committer=mona,
        message="Merge\n\nno line end",
        signature="-----BEGIN\n\nx\n-----END",
    )
    commit = parse_commit(GitObject(sha="4" * 40, kind="commit", content=content))
    assert (commit.title, commit.message) == ("Merge", "Merge\n\nno line end")
    assert (commit.parents, commit.signature) == (("2" * 40, "3" * 40), "-----BEGIN\n\nx\n-----END")
    assert (commit.author.name, commit.author.offset, commit.author.iso) == (
        "Mona Cat",
        -210,
        "2026-01-02T06:34:05Z",
    )


def test_faults_hit_in_the_order_in_which_they_were_added() -> None:
    faults = Faults()
    first = faults.add("*", "/user$", status=500)
    second = faults.add("GET", "/user$", status=502, skip=1, times=2)
    hits = [faults.take("GET", "/user") for _ in range(5)]
    assert hits == [first, None, second, second, None]
    assert faults.take("GET", "/users") is None
    faults.add("*", ".", status=500)
    faults.clear()
    assert faults.take("GET", "/user") is None
