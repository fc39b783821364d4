"""What `git status --porcelain=v2 -z` lists. The records have the form that git's manual gives."""

from __future__ import annotations

import pytest

from cmlkit.git.changes import Listed, parse_status

H = "0" * 40


def ordinary(states: str, path: str, submodule: str = "N...") -> str:
    return f"1 {states} {submodule} 100644 100644 100644 {H} {H} {path}"


@pytest.mark.parametrize(
    ("record", "listed"),
    [
        (ordinary(".M", "a b\nc.txt"), Listed(present=frozenset(["a b\nc.txt"]))),
        (ordinary("A.", "new"), Listed(present=frozenset(["new"]))),
        (ordinary(".D", "gone"), Listed(gone=frozenset(["gone"]))),
        (ordinary("D.", "gone"), Listed(gone=frozenset(["gone"]))),
        (ordinary("AD", "never"), Listed(gone=frozenset(["never"]))),
        (ordinary(".T", "link"), Listed(present=frozenset(["link"]))),
        (ordinary(".M", "sub", "S.M."), Listed(inner=frozenset(["sub"]))),
        (f"u UU N... 100644 100644 100644 100644 {H} {H} {H} a b", Listed(unmerged=frozenset(["a b"]))),
        ("? ümlaut", Listed(present=frozenset(["ümlaut"]), untracked=frozenset(["ümlaut"]))),
        ("? inner/", Listed(inner=frozenset(["inner/"]), untracked=frozenset(["inner/"]))),
        ("! .venv/", Listed(ignored=frozenset([".venv/"]))),
        ("", Listed()),
    ],
)
def test_each_record_says_what_became_of_a_file(record: str, listed: Listed) -> None:
    assert parse_status(f"{record}\0") == listed


def test_a_file_removed_from_the_index_and_written_again_is_there() -> None:
    assert parse_status(f"{ordinary('D.', 'a')}\0? a\0") == Listed(present=frozenset(["a"]))
