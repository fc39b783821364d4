"""The list of a checkpoint: what is read from it, and what never is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cmlkit.training.checkpoints.saved import Saved, SavedFile, merged

OURS = Saved(key="octo/forest/7/train-0", attempt=2, owner="runner-b")


def file(path: str, sha256: str = "a" * 64) -> SavedFile:
    return SavedFile(path=path, sha256=sha256, size=3, modified=1.5)


def test_a_list_is_read_as_it_was_written() -> None:
    saved = Saved(key="k", attempt=1, owner="runner", saved=12.5, files=(file("a.pt"), file("epoch 2/ä.pt")))
    assert Saved.from_json(saved.to_json().encode()) == saved
    assert saved.size == 6


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../../b", "", ".", "./a", "a//b", "a/", "a\0b", "epoch/../../.bashrc"]
)
def test_a_path_that_leads_out_of_the_folder_is_never_read(path: str) -> None:
    content = Saved(key="k", attempt=1, owner="", files=(file(path),)).to_json()
    with pytest.raises(ValueError, match="no path below the folder"):
        Saved.from_json(content.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"attempt": "one"},
        {"files": [{"path": "a"}]},
        {"files": [{"path": "a", "sha256": "../x", "size": 1, "modified": 1.0}]},
        {"files": [{"path": "a", "sha256": "a" * 64, "size": -1, "modified": 1.0}]},
        {"files": [{"path": "a", "sha256": "a" * 64, "size": 1, "modified": None}]},
        {"files": None},
        {"more": 1},
    ],
)
def test_a_list_of_another_form_is_refused(change: dict[str, Any]) -> None:
    record = json.loads(OURS.to_json()) | change
    with pytest.raises(ValueError):
        Saved.from_json(json.dumps(record).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        Saved.from_json(content)


@pytest.mark.parametrize(
    ("attempt", "owner", "is_shared", "of_another"),
    [
        (1, "runner-a", False, False),  # what an earlier attempt left is there to be restored
        (1, "runner-a", True, False),
        (2, "runner-b", False, False),
        (2, "runner-a", False, True),
        (2, "runner-b", True, True),
        (3, "runner-a", False, True),
    ],
)
def test_the_list_of_another_job_of_this_attempt_is_told_from_ours(
    attempt: int, owner: str, is_shared: bool, of_another: bool
) -> None:
    there = Saved(key=OURS.key, attempt=attempt, owner=owner, is_shared=is_shared)
    assert there.is_of_another(OURS) == of_another


def test_a_unit_that_could_not_be_taken_keeps_its_older_files_and_one_that_is_gone_does_not() -> None:
    last = Saved(key="k", attempt=1, owner="", files=(file("one/a"), file("one/b"), file("two"), file("three")))
    found = merged({"two": [file("two", "b" * 64)]}, last, ["one"])
    assert [(item.path, item.sha256[0]) for item in found] == [("one/a", "a"), ("one/b", "a"), ("two", "b")]
