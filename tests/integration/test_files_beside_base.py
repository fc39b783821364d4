"""The job's files on top of a base that others have changed meanwhile, from real checkouts."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import GitFailed, ModelError, NotFound, SettingsError
from cmlkit.forges.base import Divergence
from cmlkit.git.changes import Version
from cmlkit.git.objects import blob_id
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.further_files import FurtherFiles, beside_base, selected
from cmlkit.publishing.selection import JobFile, Selection
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.stores.base import ModelFile
from tests.toys.forge import ToyCommit, ToyForge

OLD = b"one\ntwo\nthree\nfour\nfive\n"
OURS, THEIRS = OLD.replace(b"one", b"ONE"), OLD.replace(b"five", b"FIVE")
BOTH = OURS.replace(b"five", b"FIVE")
AGAINST = OLD.replace(b"one", b"uno")


@dataclass
class Forge(ToyForge):
    """A forge that has some of the checkout's commits.

    Attributes:
        ahead: Commits that the base lacks.
        by_people: The files whose last commit on the branch is a person's.
    """

    ahead: set[str] = field(default_factory=set)
    by_people: set[str] = field(default_factory=set)

    def divergence(self, base: str, head: str) -> Divergence:
        if head not in self.commits:
            raise NotFound("GitHub has no such commit: 404.", status=404)
        return Divergence(ahead=int(head in self.ahead), behind=0, changed=frozenset())

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        assert (ref, limit) == (self.branches["b"], 1)
        return [ref] if path in self.by_people else []

    def author_of(self, commit: str) -> str:
        return "ann"


@dataclass(kw_only=True)
class Place:
    """A checkout and its forge, whose base has `base` as the content of `a.txt`."""

    directory: Path
    forge: Forge
    warnings: list[str] = field(default_factory=list)

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *arguments]
        return subprocess.run(command, cwd=self.directory, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files: bytes) -> str:
        for name, content in files.items():
            (self.directory / f"{name}.txt").write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Commit")
        return self.git("rev-parse", "HEAD")

    def know(self, commit: str, *, is_ahead: bool = False) -> str:
        """Let the forge have a commit of the checkout."""
        self.forge.commits[commit] = ToyCommit(parent="", files={})
        self.forge.ahead |= {commit} if is_ahead else set()
        return commit

    def bring(
        self,
        selection: Selection,
        *,
        given: Sequence[str] = ("a.txt",),
        own: Sequence[str] = (),
        head: str | None = None,
        sha: str = "",
        ref: str = "",
    ) -> FurtherFiles:
        return beside_base(
            selection, given, own=own, directory=self.directory, base_head=self.forge.branches["main"], head=head,
            forge=self.forge, warn=self.warnings.append,
            workflow_run=WorkflowRun(repository="octo/forest", run_id="7", sha=sha, ref=ref),
        )  # fmt: skip

    def branch(self, **files: bytes) -> str:
        """Begin a branch of the forge on which a person has committed these files last."""
        main = self.forge.branches["main"]
        self.forge.start({f"{name}.txt": content for name, content in files.items()})
        self.forge.branches.update(b=self.forge.branches["main"], main=main)
        self.forge.by_people = {f"{name}.txt" for name in files}
        self.forge.ahead.add(self.forge.branches["b"])
        return self.forge.branches["b"]


def place_with(checkout: Path, base: bytes) -> Place:
    forge = Forge("octo/forest")
    forge.start({"a.txt": base})
    return Place(directory=checkout, forge=forge)


def changed(path: str = "a.txt", *, before: bytes | None = OLD, after: bytes | None = OURS) -> JobFile:
    return JobFile(
        path=path,
        before=None if before is None else Version(mode="100644", blob=blob_id(before)),
        after=None if after is None else CommitFile(path=path, role="extra", content=after),
    )


def contents(found: FurtherFiles) -> dict[str, bytes]:
    return {file.path: file.content for file in found.files}


@pytest.mark.parametrize(
    ("base", "content", "is_left"), [(OLD, OURS, False), (THEIRS, BOTH, False), (AGAINST, None, True)]
)
def test_a_change_goes_together_with_the_bases_or_is_left_and_named(
    checkout: Path, base: bytes, content: bytes | None, is_left: bool
) -> None:
    place = place_with(checkout, base)
    start = place.know(place.commit(a=OLD))
    stored = ModelFile(path="a.txt", file=checkout / "a.txt", sha256="0" * 64, size=1)
    found = place.bring(Selection(commit=start, files=(changed(),), stored=(stored,)))
    assert contents(found) == ({} if content is None else {"a.txt": content})
    assert found.conflicts == ((changed(),) if is_left else ())
    assert found.stored == (() if is_left else (stored,))
    note = "Since the checkout, others have changed the same lines as this run: a.txt."
    assert place.warnings == [f"{note} The commit leaves their text as it is."] * is_left


def test_of_many_files_that_are_left_twenty_are_named(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    start = place.know(place.commit(a=OLD))
    files = tuple(changed(f"gone/{number:02}.txt") for number in range(22))
    place.bring(Selection(commit=start, files=files))
    assert "gone/19.txt and 2 more. The commit" in place.warnings[0]
    place.bring(Selection(commit=start, files=files[:20]))
    assert "gone/19.txt. The commit" in place.warnings[1]


def test_the_trainings_own_files_are_left_to_it_and_deleted_ones_removed(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    start = place.know(place.commit(a=OLD))
    own = changed("model.bin", before=None)
    found = place.bring(Selection(commit=start, files=(own, changed(after=None))), own=["model.bin"])
    assert (contents(found), found.removes) == ({}, ("a.txt",))


def test_without_a_commit_the_jobs_version_is_the_latest(checkout: Path) -> None:
    place = place_with(checkout, AGAINST)
    found = place.bring(Selection(commit=None, files=(changed(before=None),)))
    assert (contents(found), found.conflicts, place.warnings) == ({"a.txt": OURS}, (), [])


def test_in_a_checkout_of_another_history_what_the_base_has_stays(checkout: Path) -> None:
    place = place_with(checkout, AGAINST)
    found = place.bring(Selection(commit=place.commit(a=OLD), files=(changed(),)))
    assert (contents(found), found.conflicts) == ({}, (changed(),))


def test_what_the_job_committed_itself_counts_as_its_change(checkout: Path) -> None:
    place = place_with(checkout, THEIRS)
    start = place.know(place.commit(a=OLD))
    own = place.commit(a=OURS, b=b"another")
    found = place.bring(Selection(commit=own), sha=start)
    assert contents(found) == {"a.txt": BOTH}
    assert contents(place.bring(Selection(commit=own), given=(), sha=start)) == {"a.txt": BOTH, "b.txt": b"another"}
    assert contents(place.bring(Selection(commit=own), own=["a.txt"], sha=start)) == {}


def test_commits_that_the_forge_has_already_are_no_change_of_the_job(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    start = place.know(place.commit(a=OLD))
    own = place.know(place.commit(a=OURS), is_ahead=True)
    assert contents(place.bring(Selection(commit=own), sha=start)) == {}


@pytest.mark.parametrize(("ref", "is_latest"), [("refs/pull/7/merge", True), ("refs/heads/main", False)])
def test_in_the_forges_own_merge_of_a_pull_request_the_jobs_version_is_the_latest(
    checkout: Path, ref: str, is_latest: bool
) -> None:
    place = place_with(checkout, AGAINST)
    start = place.know(place.commit(a=OLD))
    place.git("checkout", "--quiet", "-b", "feature")
    place.know(place.commit(b=b"feature"), is_ahead=True)
    place.git("checkout", "--quiet", "--detach", start)
    place.git("merge", "--quiet", "--no-ff", "--message", "Merge", "feature")
    merge = place.know(place.git("rev-parse", "HEAD"), is_ahead=True)
    found = place.bring(Selection(commit=merge, files=(changed(),)), sha=merge, ref=ref)
    assert contents(found) == ({"a.txt": OURS} if is_latest else {})
    assert bool(found.conflicts) is bool(place.warnings) is not is_latest


@pytest.mark.parametrize(
    ("on_branch", "after", "expected", "is_left"),
    [
        ({"a": THEIRS}, OURS, {"a.txt": BOTH, "b.txt": b"new"}, False),
        ({"a": AGAINST}, OURS, {"b.txt": b"new"}, True),
        ({"a": AGAINST}, None, {"b.txt": b"new"}, True),
        ({"a": OLD}, None, {"b.txt": b"new"}, False),
    ],
    ids=["other lines", "the same lines", "what the job deleted", "nothing, but by a person"],
)
def test_what_people_committed_to_the_branch_is_not_undone(
    checkout: Path, on_branch: dict[str, bytes], after: bytes | None, expected: dict[str, bytes], is_left: bool
) -> None:
    place = place_with(checkout, OLD)
    start = place.know(place.commit(a=OLD))
    head = place.branch(**on_branch)
    files = (changed(after=after), changed("b.txt", before=None, after=b"new"))
    found = place.bring(Selection(commit=start, files=files), head=head)
    assert contents(found) == expected
    assert found.removes == (("a.txt",) if after is None and not is_left else ())
    assert found.conflicts == ((files[0],) if is_left else ())
    assert bool(place.warnings) is is_left


def test_a_file_that_conflicts_with_the_base_is_not_brought_to_the_branch_either(checkout: Path) -> None:
    place = place_with(checkout, AGAINST)
    start = place.know(place.commit(a=OLD))
    head = place.branch(a=OLD)
    found = place.bring(
        Selection(commit=start, files=(changed(), changed("c.txt", before=None, after=None))), head=head
    )
    assert (contents(found), found.conflicts) == ({}, (changed(),))


def test_files_that_only_the_job_deleted_are_removed_beside_those_of_people(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    place.forge.start({"a.txt": OLD, "b.txt": OLD})
    start = place.know(place.commit(a=OLD, b=OLD))
    head = place.branch(b=OLD)
    found = place.bring(Selection(commit=start, files=(changed(after=None), changed("b.txt", after=None))), head=head)
    assert (set(found.removes), found.conflicts) == ({"a.txt", "b.txt"}, ())


def chosen(place: Place, *given: str) -> Selection | None:
    return selected(given, directory=place.directory, forge=place.forge, warn=place.warnings.append)


def test_files_of_the_setting_are_those_that_differ_from_the_checkout(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    start = place.commit(a=OLD, b=OLD)
    (checkout / "a.txt").write_bytes(OURS)
    (checkout / "key.env").write_bytes(b"SECRET=1")
    (checkout / ".git/info/exclude").write_text("*.env\n")
    found = chosen(place, "a.txt", "b.txt", "key.env")
    assert found == Selection(commit=start, files=(changed(),))
    [warning] = place.warnings
    assert "key.env" in warning
    assert warning.endswith("Correct publish.files or .gitignore.")


def test_a_path_that_names_nothing_points_to_the_setting(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    place.commit(a=OLD)
    with pytest.raises(SettingsError, match=r"^The setting publish\.files: absent\.txt does not exist\.") as caught:
        chosen(place, "absent.txt")
    assert caught.value.next_step == "Check the path."


def test_the_advice_about_a_merge_conflict_is_kept(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    blobs = [f"{mode} {blob_id(text)} {stage}\ta.txt" for mode, text, stage in [(100644, OURS, 2), (100644, THEIRS, 3)]]
    place.commit(a=OLD)
    git = ["git", "update-index", "--index-info"]
    subprocess.run(git, cwd=checkout, input="\n".join([f"0 {'0' * 40}\ta.txt", *blobs]), text=True, check=True)
    with pytest.raises(SettingsError, match="Files with a merge conflict cannot be committed: a") as caught:
        chosen(place, "a.txt")
    assert caught.value.next_step == "Resolve it in the job, and add the files with git add."


def test_a_file_that_is_too_large_for_the_forge_is_refused(checkout: Path) -> None:
    place = place_with(checkout, OLD)
    place.commit(a=OLD)
    (checkout / "a.txt").write_bytes(b"a" * (10**6 + 1))
    with pytest.raises(ModelError, match=r"a\.txt") as caught:
        chosen(place, "a.txt")
    assert "git lfs track" in caught.value.next_step


def test_outside_of_a_repository_git_cannot_say_and_a_failure_of_git_is_an_error(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Any = place_with(tmp_path, OLD)
    assert chosen(place, "a.txt") is None
    place = place_with(checkout, OLD)
    place.commit(a=OLD)
    (checkout / ".git/index").write_bytes(b"broken")
    with pytest.raises(GitFailed):
        chosen(place, "a.txt")
