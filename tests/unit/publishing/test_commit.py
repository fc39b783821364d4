"""One commit with a result: where it goes, what it removes and merges, and when the branch has the result already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cmlkit.errors import Conflict
from cmlkit.forges.base import Changes, Divergence, TreeFile
from cmlkit.publishing.commit import commit_files
from cmlkit.publishing.files import CommitFile
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import ToldForge

FILE = CommitFile(path="m.txt", role="metrics", content=b"new")
PROGRAM = CommitFile(path="run.sh", role="extra", content=b"#!", mode="100755")
UP_TO_DATE = Divergence(behind=0, ahead=1, changed=None)


@dataclass
class Forge(ToldForge):
    """A forge with a branch `b` that has parted from its base.

    Attributes:
        parted: The divergence of the branch from the base.
        conflicts: Whether the base cannot be merged into the branch.
        written: (changes, branch, parent, is_new) of each commit.
    """

    parted: Divergence = UP_TO_DATE
    conflicts: bool = False
    modes: dict[str, str] = field(default_factory=dict)
    written: list[tuple[Changes, str, str, bool]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def branch_head(self, branch: str) -> str | None:
        self.asked.append(branch)
        return super().branch_head(branch)

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        return {
            path: TreeFile(path=path, blob=file.blob, mode=self.modes.get(path, "100644"))
            for path, file in super().tree_files(commit, paths).items()
        }

    def divergence(self, base: str, head: str) -> Divergence:
        assert (base, head) == (self.branches["main"], self.branches["b"])
        return self.parted

    def merge_into(self, branch: str, commit: str) -> str:
        if self.conflicts:
            raise Conflict("The branches conflict.", status=409)
        assert (branch, commit) == ("b", self.branches["main"])
        self.branches[branch] = self._store(self.commits[commit])
        return self.branches[branch]

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        self.written.append((changes, branch, parent, is_new))
        return super().commit(changes, branch=branch, parent=parent, is_new=is_new)


def forge_with(branch: Mapping[str, bytes] | None, *, base: Mapping[str, bytes] | None = None, **state: Any) -> Forge:
    """A forge with these files on the base, and on the branch, if it exists."""
    forge = Forge("octo/forest", **state)
    forge.start(branch or {})
    if branch is not None:
        forge.branches["b"] = forge.branches["main"]
    forge.start(base or {})
    return forge


def committed(forge: Forge, *files: CommitFile, removes: Sequence[str] = (), **options: Any) -> str:
    return commit_files(
        files or (FILE,), forge=forge, branch="b", base_head=forge.branches["main"], message="Retrain m",
        clock=FastClock(), removes=removes, **options,
    )  # fmt: skip


def test_a_new_branch_starts_at_the_base() -> None:
    forge = forge_with(None, base={"old": b"old", "gone": b"gone"})
    base = forge.branches["main"]
    commit = committed(forge, FILE, PROGRAM, removes=["gone", "absent", "gone"])
    [(changes, branch, parent, is_new)] = forge.written
    assert (branch, parent, is_new) == ("b", base, True)
    assert (changes.message, changes.files, changes.removes, changes.merging) == (
        "Retrain m", (FILE, PROGRAM), ["gone"], "",
    )  # fmt: skip
    assert forge.branches["b"] == commit
    assert set(forge.commits[commit].files) == {"old", "m.txt", "run.sh"}


def test_the_next_commit_is_on_top_of_the_branch_and_names_the_bytes_that_are_there() -> None:
    forge = forge_with({"m.txt": b"new", "run.sh": b"other", "gone": b"gone"})
    head = forge.branches["b"]
    there = forge.tree_files(head, ["m.txt", "run.sh", "gone"])
    committed(forge, FILE, PROGRAM, removes=["gone"])
    [(changes, _, parent, is_new)] = forge.written
    assert (parent, is_new) == (head, False)
    assert changes.known == {file.blob for file in there.values()}


@pytest.mark.parametrize(
    ("branch", "modes", "removes", "is_written"),
    [
        ({"m.txt": b"new", "run.sh": b"#!"}, {"run.sh": "100755"}, (), False),
        ({"m.txt": b"new", "run.sh": b"#!"}, {}, (), True),
        ({"m.txt": b"new", "run.sh": b"#!"}, {"run.sh": "100755", "m.txt": "100755"}, (), False),
        ({"m.txt": b"old", "run.sh": b"#!"}, {"run.sh": "100755"}, (), True),
        ({"m.txt": b"new"}, {}, (), True),
        ({"m.txt": b"new", "run.sh": b"#!", "x": b""}, {"run.sh": "100755"}, ("x",), True),
        ({"m.txt": b"new", "run.sh": b"#!"}, {"run.sh": "100755"}, ("x",), False),
    ],
    ids=["all of it", "no program", "a mode of the training's own", "old metrics", "half of it", "removed", "gone"],
)
def test_a_branch_with_the_result_stays_as_it_is(
    branch: dict[str, bytes], modes: dict[str, str], removes: tuple[str, ...], is_written: bool
) -> None:
    forge = forge_with(branch, modes=modes)
    head = forge.branches["b"]
    assert (committed(forge, FILE, PROGRAM, removes=removes) != head) is is_written
    assert bool(forge.written) is is_written


def test_a_base_with_the_result_still_gets_a_branch() -> None:
    forge = forge_with(None, base={"m.txt": b"new"})
    committed(forge)
    assert [is_new for *_, is_new in forge.written] == [True]


def test_somebody_elses_branch_with_the_same_files_is_written_to() -> None:
    forge, seen = forge_with({"m.txt": b"new"}), list[str]()
    head = forge.branches["b"]

    def is_ours(found: str) -> bool:
        seen.append(found)
        return False

    assert committed(forge, is_current=is_ours) != head
    assert seen == [head]


def test_what_speaks_against_the_head_ends_the_commit_and_a_new_branch_has_none() -> None:
    def overtaken(head: str) -> bool:
        raise Conflict(f"A newer run wrote {head}.")

    forge = forge_with({})
    with pytest.raises(Conflict, match="A newer run wrote"):
        committed(forge, is_current=overtaken)
    committed(forge_with(None), is_current=overtaken)
    assert forge.written == []


@pytest.mark.parametrize(("head", "asked"), [("", ["b"]), (None, [])])
def test_a_head_that_was_just_read_is_not_read_again(head: str | None, asked: list[str]) -> None:
    forge = forge_with(None)
    committed(forge, head=head)
    assert forge.asked == asked


def test_another_way_of_writing_gets_the_same_changes() -> None:
    forge, seen = forge_with({}), list[Any]()

    def write(changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        seen.append((changes.files, branch, parent, is_new))
        return "c"

    assert committed(forge, write=write) == "c"
    assert seen == [((FILE,), "b", forge.branches["b"], False)]
    assert forge.written == []


def test_after_a_conflict_the_head_is_read_again() -> None:
    forge, clock = forge_with({}), FastClock()

    def write(changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        if not clock.slept:
            forge.branches["b"] = forge._store(forge.commits[parent])
            raise Conflict("The branch has moved.", status=422)
        return forge.commit(changes, branch=branch, parent=parent, is_new=is_new)

    first = forge.branches["b"]
    commit_files(
        [FILE], forge=forge, branch="b", base_head=forge.branches["main"], message="M", clock=clock, head=first,
        write=write,
    )  # fmt: skip
    [(_, _, parent, _)] = forge.written
    assert parent not in (first, forge.branches["main"])


def test_others_at_every_try_are_an_error_that_names_the_branch_and_a_way_out() -> None:
    def write(changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        raise Conflict("The branch has moved.", status=422)

    with pytest.raises(Conflict, match=r"^Others wrote to the branch 'b' at each of 30 tries\.") as caught:
        committed(forge_with({}), write=write)
    assert "{run}" in caught.value.next_step


@pytest.mark.parametrize(
    ("refresh", "parted", "merges", "takes_in"),
    [
        (False, Divergence(behind=2, changed=frozenset()), False, False),
        (True, Divergence(behind=0, changed=frozenset()), False, False),
        (True, Divergence(behind=1, changed=frozenset({"m.txt"})), True, False),
        (True, Divergence(behind=1, changed=frozenset()), True, False),
        (True, Divergence(behind=1, changed=frozenset({"m.txt", "by-hand"})), False, True),
        (True, Divergence(behind=1, changed=frozenset({"m.txt", "as-on-base"})), True, False),
        (True, Divergence(behind=1, changed=None), False, True),
    ],
    ids=["not asked for", "up to date", "only ours", "no files", "a person's", "as the base has it", "too many"],
)
def test_the_base_is_merged_into_a_branch_that_lacks_commits_of_it(
    refresh: bool, parted: Divergence, merges: bool, takes_in: bool
) -> None:
    both = {"as-on-base": b"same"}
    files = {"m.txt": b"old", "by-hand": b"edited", **both}
    forge = forge_with(files, base={"on-base": b"", **both}, parted=parted)
    head, base = forge.branches["b"], forge.branches["main"]
    wish: dict[str, Any] = {"refresh": True} if refresh else {}
    committed(forge, warn=pytest.fail, **wish)
    [(changes, branch, parent, is_new)] = forge.written
    assert (branch, is_new, changes.merging) == ("b", False, base if merges else "")
    assert (parent != head) is takes_in
    assert ("on-base" in forge.commits[parent].files) is takes_in


def test_a_merge_of_the_base_is_written_even_if_the_branch_has_the_result() -> None:
    forge = forge_with({"m.txt": b"new"}, base={"m.txt": b"new"}, parted=Divergence(behind=1, changed=frozenset()))
    committed(forge, refresh=True)
    assert [changes.merging for changes, *_ in forge.written] == [forge.branches["main"]]


def test_a_branch_that_conflicts_with_its_base_gets_the_commit_and_a_warning() -> None:
    warnings: list[str] = []
    forge = forge_with({"m.txt": b"old"}, parted=Divergence(behind=1, changed=None), conflicts=True)
    head = forge.branches["b"]
    committed(forge, refresh=True, warn=warnings.append)
    [(_, _, parent, _)] = forge.written
    assert parent == head
    assert warnings == ["The branch b conflicts with its base, and has commits of others: merge them by hand."]
