"""The job's changes and those of others to the same files, merged by git line by line, in real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cmlkit.forges.base import Divergence, TreeFile
from cmlkit.git.changes import ChangedFile, Version
from cmlkit.git.objects import blob_id
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.reconcile import Reconciled, beside_others, conflicting, reconcile, settle, with_commits
from cmlkit.publishing.selection import JobFile
from tests.toys.forge import ToyForge

OLD = b"one\ntwo\nthree\nfour\nfive\n"
OURS, THEIRS = OLD.replace(b"one", b"ONE"), OLD.replace(b"five", b"FIVE")
BOTH = OURS.replace(b"five", b"FIVE")
AGAINST = OLD.replace(b"one", b"uno")
FILE, PROGRAM, LINK = "100644", "100755", "120000"


@dataclass
class Shared(ToyForge):
    """A forge with modes, and with the last commit of each file on the branch and its author.

    Attributes:
        modes: Path -> mode, of files that are not plain ones.
        last: Path -> its last commit.
        before: The commits that the job's start has.
        authors: Commit -> who made it.
    """

    modes: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    before: frozenset[str] = frozenset()
    authors: dict[str, str] = field(default_factory=dict)

    def tree_files(self, commit: str, paths: Iterable[str]) -> Mapping[str, TreeFile]:
        found = super().tree_files(commit, paths)
        return {
            path: TreeFile(path=path, blob=file.blob, mode=self.modes.get(path, FILE)) for path, file in found.items()
        }

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        assert (ref, limit) == (self.branches["main"], 1)
        return [self.last[path]] if path in self.last else []

    def divergence(self, base: str, head: str) -> Divergence:
        assert base == "start"
        return Divergence(ahead=int(head not in self.before), behind=0, changed=frozenset())

    def author_of(self, commit: str) -> str:
        return self.authors[commit]


@pytest.fixture
def directory(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that has the old content, as a checkout has."""
    # Elsewhere than the working directory, so that git must be told where to look.
    monkeypatch.chdir(checkout.parent)
    subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=checkout, input=OLD, check=True, capture_output=True)
    return checkout


def shared(files: Mapping[str, bytes], **facts: object) -> Shared:
    forge = Shared("octo/forest", **facts)  # type: ignore[arg-type]
    forge.start(files)
    return forge


def job_file(
    path: str, after: bytes | None = OURS, *, before: bytes | None = OLD, modes: tuple[str, str] = (FILE, FILE)
) -> JobFile:
    return JobFile(
        path=path,
        before=None if before is None else Version(blob=blob_id(before), mode=modes[0]),
        after=None if after is None else CommitFile(path=path, role="extra", content=after, mode=modes[1]),
    )


def reconciled(forge: Shared, *files: JobFile, directory: Path) -> Reconciled:
    return reconcile(files, onto=forge.branches["main"], forge=forge, directory=directory)


def contents(found: Reconciled) -> dict[str, bytes]:
    return {file.path: file.content for file in found.files}


def test_changes_to_other_lines_are_merged_and_those_to_the_same_lines_are_a_conflict(directory: Path) -> None:
    forge = shared({"a": THEIRS, "b": AGAINST, "c": OLD, "d": OLD, "e": OLD, "f": THEIRS})
    files = [*(job_file(path) for path in "abc"), job_file("d", None), job_file("e", None), job_file("f")]
    found = reconciled(forge, *files, directory=directory)
    assert contents(found) == {"a": BOTH, "c": OURS, "f": BOTH}
    assert {(file.role, file.mode) for file in found.files} == {("extra", FILE)}
    assert found.removes == ("d", "e")
    assert found.conflicts == (files[1],)
    assert conflicting(files, onto=forge.branches["main"], forge=forge, directory=directory) == ("b",)


def test_in_a_conflict_that_is_settled_the_jobs_version_wins_and_the_rest_is_merged(directory: Path) -> None:
    forge = shared({"a": THEIRS, "b": AGAINST, "c": AGAINST, "d": OLD})
    files = [job_file("a"), job_file("b"), job_file("c", None), job_file("d", None)]
    found = settle(files, onto=forge.branches["main"], forge=forge, directory=directory)
    assert contents(found) == {"a": BOTH, "b": OURS}
    assert (found.removes, found.conflicts) == (("d", "c"), ())


@pytest.mark.parametrize(
    ("ours", "theirs", "mode", "content"),
    [
        # The job's mode and content, those of others, and what is committed.
        ((PROGRAM, OURS), (FILE, THEIRS), PROGRAM, BOTH),
        ((FILE, OURS), (PROGRAM, THEIRS), PROGRAM, BOTH),
        ((FILE, OURS), (PROGRAM, OLD), PROGRAM, OURS),
        ((PROGRAM, OLD), (FILE, THEIRS), PROGRAM, THEIRS),
        ((PROGRAM, OURS), (FILE, OURS), PROGRAM, OURS),
        ((FILE, OURS), (PROGRAM, OURS), PROGRAM, OURS),
        ((LINK, OURS), (FILE, THEIRS), "", b""),
        ((FILE, OURS), (LINK, THEIRS), "", b""),
    ],
)
def test_the_mode_that_either_has_changed_is_kept(
    directory: Path, ours: tuple[str, bytes], theirs: tuple[str, bytes], mode: str, content: bytes
) -> None:
    forge = shared({"a": theirs[1]}, modes={"a": theirs[0]})
    found = reconciled(forge, job_file("a", ours[1], modes=(FILE, ours[0])), directory=directory)
    assert [(file.path, file.mode, file.content) for file in found.files] == ([("a", mode, content)] if mode else [])
    assert len(found.conflicts) == (0 if mode else 1)


def test_a_link_that_the_job_replaced_with_a_file_is_a_conflict_with_another_change(directory: Path) -> None:
    forge = shared({"a": THEIRS}, modes={"a": LINK})
    assert len(reconciled(forge, job_file("a", modes=(LINK, FILE)), directory=directory).conflicts) == 1


def test_a_file_that_others_emptied_is_merged_as_an_empty_one(directory: Path) -> None:
    forge = shared({"a": b"", "b": b""})
    found = reconciled(forge, job_file("a"), job_file("b", OLD, modes=(FILE, PROGRAM)), directory=directory)
    assert [file.path for file in found.conflicts] == ["a"]
    assert [(file.content, file.mode) for file in found.files] == [(b"", PROGRAM)]


def test_on_a_branch_that_others_wrote_to_only_their_files_are_merged(directory: Path) -> None:
    paths = "abcdefgh"
    forge = shared(
        dict.fromkeys(paths, AGAINST) | {"a": THEIRS, "g": OLD},
        last={"a": "theirs", "b": "theirs", "c": "ours", "d": "old", "f": "ours", "g": "theirs"},
        before=frozenset({"old"}),
        authors={"theirs": "ann", "ours": "toy", "old": "ann"},
    )
    files = [*(job_file(path) for path in "abcde"), job_file("f", None), job_file("g", None), job_file("h", None)]
    found = beside_others(files, onto=forge.branches["main"], start="start", forge=forge, directory=directory)
    assert contents(found) == {"c": OURS, "d": OURS, "e": OURS, "a": BOTH}
    assert set(found.removes) == {"f", "g", "h"}
    assert [file.path for file in found.conflicts] == ["b"]


def test_what_the_jobs_own_commits_changed_is_compared_with_what_it_checked_out(directory: Path) -> None:
    first, second, new = (Version(blob=blob_id(content), mode=FILE) for content in (b"first", b"second", OLD))
    program = Version(blob=blob_id(OLD), mode=PROGRAM)
    commits = [
        ChangedFile(path="again", before=first, after=second),
        ChangedFile(path="made", before=None, after=program),
        ChangedFile(path="gone", before=first, after=None),
        ChangedFile(path="written", before=first, after=new),
    ]
    again, other = job_file("again"), job_file("other")
    found = {file.path: file for file in with_commits([again, other], commits, directory)}
    assert list(found) == ["again", "other", "made", "gone", "written"]
    assert (found["again"].before, found["again"].after) == (first, again.after)
    assert found["other"] == other
    assert found["gone"] == JobFile(path="gone", before=first, after=None)
    assert found["written"].before == first
    made = found["made"]
    assert made == JobFile(
        path="made", before=None, after=CommitFile(path="made", role="extra", content=OLD, mode=PROGRAM)
    )
