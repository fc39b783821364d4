"""GitHub's tags and merges, where answers get lost and others are quicker."""

from __future__ import annotations

import pytest

from cmlkit.errors import Conflict, NotFound, PermissionDenied
from cmlkit.forges.base import AnnotatedTag
from tests.unit.forges.github.scripted_github import REPO, ScriptedGitHub, github
from tests.unit.forges.github.test_github import a_pull_request

__all__ = ["github"]

NAME = "model/forest/production/3"
COMMIT, OBJECT, OTHER = "a" * 40, "b" * 40, "c" * 40
TAGS, REFS, REF = f"{REPO}/git/tags", f"{REPO}/git/refs", f"{REPO}/git/ref/tags/{NAME}"
MADE = {"sha": OBJECT, "tag": NAME, "message": "Promote", "object": {"sha": COMMIT, "type": "commit"}}
MERGE, PULL = f"{REPO}/pulls/7/merge", f"{REPO}/pulls/7"


def test_a_tag_is_an_object_and_a_ref_to_it(github: ScriptedGitHub) -> None:
    github.answer("POST", TAGS, MADE, status=201)
    github.answer("POST", REFS, status=201)
    made = github.client().create_tag(NAME, commit=COMMIT, message="Promote")
    assert made == AnnotatedTag(id=OBJECT, name=NAME, commit=COMMIT, message="Promote")
    assert github.body(0) == {"tag": NAME, "message": "Promote", "object": COMMIT, "type": "commit"}
    assert github.body() == {"ref": f"refs/tags/{NAME}", "sha": OBJECT}


@pytest.mark.parametrize("there", [OBJECT, OTHER])
def test_a_tag_whose_answer_was_lost_is_ours_only_where_it_is_our_object(github: ScriptedGitHub, there: str) -> None:
    github.answer("POST", TAGS, MADE, status=201)
    github.lose("POST", REFS)
    github.answer("GET", REF, {"object": {"sha": there}})
    client = github.client()
    if there == OBJECT:
        assert client.create_tag(NAME, commit=COMMIT, message="Promote").id == OBJECT
    else:
        with pytest.raises(Conflict, match="exists already"):
            client.create_tag(NAME, commit=COMMIT, message="Promote")
    assert github.sent.count(f"POST {REFS}") == 1


def test_a_tag_that_never_arrived_is_sent_again(github: ScriptedGitHub) -> None:
    github.answer("POST", TAGS, MADE, status=201)
    github.lose("POST", REFS)
    github.refuse("GET", REF, 404, "Not Found")
    github.answer("POST", REFS, status=201)
    github.client().create_tag(NAME, commit=COMMIT, message="Promote")
    assert github.sent.count(f"POST {REFS}") == 2


def test_a_ruleset_that_forbids_the_tag_is_named_as_one_of_tags(github: ScriptedGitHub) -> None:
    github.answer("POST", TAGS, MADE, status=201)
    github.refuse(
        "POST", REFS, 422, "Repository rule violations found\n\nCannot create ref due to creations being restricted."
    )
    with pytest.raises(PermissionDenied) as caught:
        github.client().create_tag(NAME, commit=COMMIT, message="Promote")
    assert "forbids to create this tag" in caught.value.next_step


def test_tags_of_a_longer_name_are_others(github: ScriptedGitHub) -> None:
    answers = [
        {"ref": f"refs/tags/{NAME}", "object": {"sha": OBJECT, "type": "tag"}},
        {"ref": "refs/tags/model/forest/production/4", "object": {"sha": COMMIT, "type": "commit"}},
        {"ref": "refs/tags/model/forest/productions/1", "object": {"sha": OBJECT, "type": "tag"}},
    ]
    github.answer("GET", f"{REPO}/git/matching-refs/tags/model/forest/production", answers)
    found = github.client().tag_ids("model/forest/production")
    assert found == {NAME: OBJECT, "model/forest/production/4": ""}


def test_a_commit_that_is_not_there_says_what_names_one(github: ScriptedGitHub) -> None:
    github.refuse("GET", f"{REPO}/commits/deadbeef", 422, "No commit found for SHA: deadbeef")
    with pytest.raises(NotFound, match="no commit 'deadbeef'"):
        github.client().find_commit("deadbeef")


def test_a_merge_whose_answer_was_lost_is_looked_for(github: ScriptedGitHub) -> None:
    github.lose("PUT", MERGE)
    github.answer("GET", PULL, {"merged_at": "2024-05-31T08:00:00Z", "merge_commit_sha": COMMIT})
    assert github.client().merge(a_pull_request(), "squash") == COMMIT
    assert github.sent == [f"PUT {MERGE}", f"GET {PULL}"]


def test_the_commit_that_tries_the_merge_of_an_open_pull_request_is_none(github: ScriptedGitHub) -> None:
    github.answer("GET", PULL, {"merged_at": None, "merge_commit_sha": COMMIT})
    assert github.client().pull_request(7).merge_commit == ""


@pytest.mark.parametrize(
    ("status", "message"), [(405, "Pull Request is not mergeable"), (409, "Head branch was modified")]
)
def test_a_refused_merge_names_the_pull_request(github: ScriptedGitHub, status: int, message: str) -> None:
    github.refuse("PUT", MERGE, status, message)
    with pytest.raises(Conflict, match=f"pull request 7 cannot be merged now: .*{message}") as caught:
        github.client().merge(a_pull_request(), "merge")
    assert a_pull_request().url in caught.value.next_step
