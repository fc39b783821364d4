"""Files of the job beside what others made of them: taken, left, or in conflict; content is merged by git elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.forges.base import TreeFile
from cmlkit.git.changes import Version
from cmlkit.git.objects import blob_id
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.reconcile import beside_others, conflicting, holds, latest, reconcile, settle
from cmlkit.publishing.selection import JobFile
from tests.unit.publishing.in_memory import ToldForge

OLD, NEW, OTHER = b"old", b"new", b"other"


def job_file(before: bytes | None, after: bytes | None, *, mode: str = "100644", path: str = "a") -> JobFile:
    """A file that the job found as `before`, and made `after` of it."""
    return JobFile(
        path=path,
        before=None if before is None else Version(blob=blob_id(before), mode="100644"),
        after=None if after is None else CommitFile(path=path, role="extra", content=after, mode=mode),
    )


def forge_with(content: bytes | None, *, path: str = "a") -> tuple[ToldForge, str]:
    forge = ToldForge("octo/forest")
    forge.start({} if content is None else {path: content})
    return forge, forge.branches["main"]


@pytest.mark.parametrize(
    ("file", "theirs", "outcome"),
    [
        (job_file(OLD, NEW), OLD, "taken"),
        (job_file(None, NEW), None, "taken"),
        (job_file(None, NEW), NEW, "taken"),
        (job_file(OLD, NEW), NEW, "taken"),
        (job_file(OLD, None), OLD, "removed"),
        (job_file(OLD, None), None, "removed"),
        (job_file(OLD, None), OTHER, "conflict"),
        (job_file(OLD, NEW), None, "conflict"),
        (job_file(None, NEW), OTHER, "conflict"),
        (job_file(OLD, OLD, mode="120000"), OTHER, "conflict"),
    ],
    ids=[
        "changed",
        "new",
        "new and the same of others",
        "the same change of others",
        "deleted",
        "deleted by both",
        "deleted but changed by others",
        "changed but deleted by others",
        "new and another of others",
        "a link now",
    ],
)
def test_a_file_is_taken_unless_others_made_something_else_of_it(
    file: JobFile, theirs: bytes | None, outcome: str, tmp_path: Path
) -> None:
    forge, onto = forge_with(theirs)
    found = reconcile([file], onto=onto, forge=forge, directory=tmp_path)
    shown = {"taken": found.files, "removed": found.removes, "conflict": found.conflicts}
    assert [name for name, files in shown.items() if files] == [outcome]
    assert bool(conflicting([file], onto=onto, forge=forge, directory=tmp_path)) is (outcome == "conflict")


@pytest.mark.parametrize(
    ("file", "theirs", "files", "removes"),
    [
        (job_file(None, NEW), OTHER, [NEW], ()),
        (job_file(OLD, None), OTHER, [], ("a",)),
        (job_file(OLD, NEW), OLD, [NEW], ()),
    ],
)
def test_settled_the_jobs_version_wins_a_conflict(
    file: JobFile, theirs: bytes, files: list[bytes], removes: tuple[str, ...], tmp_path: Path
) -> None:
    forge, onto = forge_with(theirs)
    found = settle([file], onto=onto, forge=forge, directory=tmp_path)
    assert ([item.content for item in found.files], found.removes, found.conflicts) == (files, removes, ())


def test_the_latest_is_what_the_job_made_whatever_is_there() -> None:
    found = latest([job_file(OLD, NEW), job_file(OLD, None, path="b")])
    assert ([item.content for item in found.files], found.removes) == ([NEW], ("b",))


def test_on_a_branch_that_nobody_else_changed_the_latest_is_taken(tmp_path: Path) -> None:
    forge, onto = forge_with(OTHER)
    found = beside_others([job_file(None, NEW)], onto=onto, start=onto, forge=forge, directory=tmp_path)
    assert ([item.content for item in found.files], found.conflicts) == ([NEW], ())


@pytest.mark.parametrize(
    ("there", "holding"),
    [
        ({"a": TreeFile(path="a", blob=blob_id(NEW))}, True),
        ({"a": TreeFile(path="a", blob=blob_id(NEW), mode="100755")}, False),
        ({"a": TreeFile(path="a", blob=blob_id(OLD))}, False),
        ({}, False),
        ({"a": TreeFile(path="a", blob=blob_id(NEW)), "gone": TreeFile(path="gone", blob=blob_id(OLD))}, False),
    ],
)
def test_a_commit_holds_all_that_the_job_made_and_nothing_that_it_deleted(
    there: dict[str, TreeFile], holding: bool
) -> None:
    assert holds(there, [job_file(OLD, NEW), job_file(OLD, None, path="gone")]) is holding
