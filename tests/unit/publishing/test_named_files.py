"""A pull request with named files, in memory: its branch, its commit, its words, and what others changed meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import Conflict, PermissionDenied, ServiceError, SettingsError
from cmlkit.forges.base import Changes, Divergence, NewFile, PullRequest
from cmlkit.git.changes import Version
from cmlkit.git.objects import blob_id
from cmlkit.publishing.files import CommitFile
from cmlkit.publishing.marker import Marker
from cmlkit.publishing.named_files import PullRequestSpec, publish_files
from cmlkit.publishing.selection import JobFile, Selection
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from cmlkit.stores.base import ModelFile
from tests.fake_forge import FastClock
from tests.unit.publishing.in_memory import Heard, ToldForge

URL = "https://forge.example/octo/forest/actions/runs/100"
TITLE_LIMIT = 100


@dataclass
class JobForge(ToldForge):
    """Knows how far the commits are apart, and who wrote the last commit of a branch.

    Attributes:
        checkout: The commit that the job checked out.
        moved: The base's changes since the checkout; None if there are more than it lists.
        behind: Number of the base's commits that the checkout lacks.
        author: Who wrote the latest commit to each file, if anybody did.
        required: Checks that the base requires.
        busy: How many commits others are faster with.
        refused_start: The commit at which no branch may start.
    """

    checkout: str = ""
    moved: frozenset[str] | None = frozenset()
    behind: int = 0
    author: str = ""
    required: tuple[str, ...] = ()
    busy: int = 0
    refused_start: str = ""

    def check_start(self, commit: str) -> None:
        if commit == self.refused_start:
            raise PermissionDenied("A branch may not start there.")

    def divergence(self, base: str, head: str) -> Divergence:
        known = (self.checkout, self.branches["main"])
        behind = 0 if head == self.branches["main"] else self.behind
        return Divergence(behind=behind, ahead=int(head not in known), changed=self.moved)

    def merge_when_ready(self, pull_request: PullRequest, method: str) -> None:
        self._meet("merge_when_ready")
        self.merging.append((pull_request.number, method))

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        if self.busy:
            self.busy -= 1
            raise Conflict("The branch has moved.", status=422)
        return super().commit(changes, branch=branch, parent=parent, is_new=is_new)

    def required_checks(self, branch: str) -> list[str]:
        return list(self.required) if branch == "main" else []

    def commits_of(self, path: str, *, ref: str, limit: int) -> list[str]:
        return [ref] if self.author else []

    def author_of(self, commit: str) -> str:
        return self.author


def new(path: str, content: str = "new", before: str | None = None) -> JobFile:
    """A file that the job wrote; `before` is its content in the checkout."""
    then = Version(mode="100644", blob=blob_id(before.encode())) if before is not None else None
    return JobFile(path=path, before=then, after=CommitFile(path=path, role="extra", content=content.encode()))


@dataclass(kw_only=True)
class Job:
    """A job on a checkout of the head of `main` as it was when the job began."""

    directory: Path
    forge: JobForge = field(default_factory=lambda: JobForge("octo/forest"))
    heard: Heard = field(default_factory=Heard)
    clock: FastClock = field(default_factory=FastClock)

    def __post_init__(self) -> None:
        self.forge.start({"old.txt": b"old"})
        self.checkout = self.forge.checkout = self.forge.branches["main"]

    def colleague(self, files: Mapping[str, bytes], *, listed: bool = True) -> None:
        """Change the base since the checkout."""
        before = self.forge.commits[self.checkout].files
        self.forge.start({**before, **files})
        self.forge.behind, self.forge.moved = 1, frozenset(files) if listed else None

    def pr(
        self,
        *files: JobFile,
        run_id: str = "100",
        attempt: int = 1,
        sha: str = "",
        stored: Sequence[ModelFile] = (),
        **spec: Any,
    ) -> Any:
        return publish_files(
            Selection(commit=self.checkout, files=files, stored=tuple(stored)),
            PullRequestSpec(**spec),
            directory=self.directory,
            forge=self.forge,
            workflow_run=WorkflowRun(
                repository="octo/forest",
                run_id=run_id,
                attempt=attempt,
                sha=sha,
                server_url="https://forge.example",
                event="push",
                trigger=Trigger(kind="branch", branch="main"),
            ),
            progress=self.heard,
            clock=self.clock,
        )

    def files(self, branch: str = "cmlkit/pr/main/100") -> dict[str, bytes]:
        return dict(self.forge.commits[self.forge.branches[branch]].files)

    def message(self, branch: str = "cmlkit/pr/main/100") -> str:
        return self.forge.commits[self.forge.branches[branch]].message


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(directory=tmp_path)


def marker(attempt: int = 1) -> str:
    return str(Marker(kind="pull-request", subject="files", run="100", attempt=attempt))


def test_files_come_in_one_commit_on_a_branch_of_the_run_and_its_pull_request_says_of_which_run(job: Job) -> None:
    pull = job.pr(new("out/a.txt"), new("old.txt", before="old"), JobFile(path="gone", before=None, after=None))
    assert job.forge.pulls == {1: pull}
    assert (pull.head, pull.base, pull.draft) == ("cmlkit/pr/main/100", "main", False)
    assert pull.title == "Update a.txt, old.txt, gone"
    assert pull.body == f"{marker()}\nOf the run {URL}"
    assert job.files() == {"out/a.txt": b"new", "old.txt": b"new"}
    assert job.message() == "Update a.txt, old.txt, gone [skip ci]"
    assert (job.heard.warnings, job.heard.notes, job.forge.merging) == ([], [], [])


def test_without_a_change_there_is_no_branch_and_a_note(job: Job) -> None:
    assert job.pr() is None
    assert job.heard.notes == ["Nothing changed: main needs no pull request."]
    assert (set(job.forge.branches), job.forge.pulls) == ({"main"}, {})


@pytest.mark.parametrize(("theirs", "is_needed"), [(b"new", False), (b"of a colleague", True)])
def test_what_the_base_has_got_meanwhile_needs_no_pull_request(job: Job, theirs: bytes, is_needed: bool) -> None:
    job.colleague({"a.txt": theirs})
    assert (job.pr(new("a.txt")) is not None) is is_needed


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "Update a.txt [skip ci]"),
        ({"title": "Better weights"}, "Better weights [skip ci]"),
        ({"message": "By the job"}, "By the job"),
        ({"message": "By the job", "skip_ci": True}, "By the job [skip ci]"),
        ({"skip_ci": False}, "Update a.txt"),
        ({"auto_merge": "squash"}, "Update a.txt"),
    ],
)
def test_the_commits_message_and_whether_it_skips_checks(job: Job, spec: dict[str, Any], message: str) -> None:
    job.forge.required = ("lint", "build")
    job.pr(new("a.txt"), **spec)
    assert job.message() == message
    pending = (
        "main requires checks that [skip ci] leaves pending: lint, build. Use --no-skip-ci, or start them by hand."
    )
    assert job.heard.warnings == ([pending] if "[skip ci]" in message else [])


@pytest.mark.parametrize(
    ("template", "sha", "branch"),
    [
        ("cmlkit/{base}/{run}-{attempt}", "", "cmlkit/main/100-2"),
        ("cmlkit/{sha}", "fedcba9876543210", "cmlkit/fedcba9"),
        ("cmlkit/{sha}", "", "cmlkit/0000000"),
        ("cmlkit/{date}", "", "cmlkit/"),
        ("results", "", "results"),
    ],
)
def test_the_branch_is_named_by_a_template(job: Job, template: str, sha: str, branch: str) -> None:
    if branch.endswith("/"):
        with pytest.raises(SettingsError, match="'cmlkit/', made from 'cmlkit/{date}'") as caught:
            job.pr(new("a.txt"), branch=template)
        assert caught.value.next_step == "Change --branch."
    else:
        assert job.pr(new("a.txt"), branch=template, sha=sha, attempt=2).head == branch


def test_a_branch_that_does_not_say_that_it_is_cmlkits_has_a_trailer(job: Job) -> None:
    job.pr(new("a.txt"), branch="results")
    assert job.message("results") == "Update a.txt [skip ci]\n\nCmlkit-Branch: [results]\n"


def test_a_base_that_is_named_is_the_target_and_must_exist(job: Job) -> None:
    job.forge.create_branch("develop", job.checkout)
    assert job.pr(new("a.txt"), base="develop").base == "develop"
    with pytest.raises(SettingsError, match="octo/forest has no branch 'release' to open") as caught:
        job.pr(new("a.txt"), base="release")
    assert "--target-branch" in caught.value.next_step


@pytest.mark.parametrize("length", [TITLE_LIMIT, TITLE_LIMIT + 1])
def test_a_title_that_the_forge_would_refuse_is_refused_before_anything_is_written(job: Job, length: int) -> None:
    if length > TITLE_LIMIT:
        with pytest.raises(SettingsError, match="The title has 101 characters; a pull request takes 100") as caught:
            job.pr(new("a.txt"), title="x" * length)
        assert "--title" in caught.value.next_step
        assert set(job.forge.branches) == {"main"}
    else:
        assert job.pr(new("a.txt"), title="x" * length).title == "x" * length


def test_a_title_that_is_made_from_many_names_has_200_characters(job: Job) -> None:
    title = job.pr(*(new(f"{number:02}.txt") for number in range(50))).title
    assert (title[:20], len(title)) == ("Update 00.txt, 01.tx", 200)


def test_later_calls_add_to_the_pull_request_and_keep_its_words_unless_they_have_others(job: Job) -> None:
    job.pr(new("a.txt"), title="Weights", body="They are better.")
    again = job.pr(new("b.txt"), attempt=2)
    assert (again.number, again.title, again.body) == (1, "Weights", f"{marker(2)}\nThey are better.")
    assert job.files() == {"old.txt": b"old", "a.txt": b"new", "b.txt": b"new"}
    assert job.pr(new("b.txt", "newer"), attempt=2, title="More", body="Both.").title == "More"
    assert job.forge.pulls[1].body == f"{marker(2)}\nBoth."
    assert job.files()["b.txt"] == b"newer"


def test_the_words_of_a_person_stay_and_cmlkits_own_are_brought_up_to_date(job: Job) -> None:
    pull = job.pr(new("a.txt"))
    job.forge.update_pull_request(pull.number, body=f"{marker()}\nOf the run https://forge.example/before")
    assert job.pr(new("a.txt", "newer")).body == f"{marker()}\nOf the run {URL}"
    job.forge.update_pull_request(pull.number, body="By hand,\nwithout a marker.\n")
    assert job.pr(new("a.txt", "newest")).body == f"{marker()}\nBy hand,\nwithout a marker."


@pytest.mark.parametrize("excess", [0, 1])
def test_words_are_cut_where_the_forge_would_refuse_them(job: Job, excess: int) -> None:
    limit = job.forge.facts.limits.text
    words = "x" * (limit - len(marker()) - 2 + excess)
    body = job.pr(new("a.txt"), body=words).body
    assert len(body) < limit
    assert body.endswith("more characters: too long for a pull request.*") is bool(excess)


@pytest.mark.parametrize("listed", [True, False], ids=["the forge lists all changes", "they are too many to list"])
def test_a_conflict_with_the_base_is_told_here_and_there_and_not_merged(job: Job, listed: bool) -> None:
    job.colleague({"a.txt": b"of a colleague"}, listed=listed)
    pull = job.pr(new("a.txt"), new("b.txt"), auto_merge="merge")
    note = (
        "Since the checkout, {} has changed in files that the job changed, too: {}. Resolve the conflict in the pull"
        " request; it is not merged by itself."
    )
    assert job.heard.warnings == [note.format("main", "a.txt")]
    assert pull.body == f"{marker()}\nOf the run {URL}\n\n{note.format('`main`', '`a.txt`')}"
    assert (job.files()["a.txt"], job.files()["b.txt"], job.forge.merging) == (b"new", b"new", [])


def test_a_change_of_the_base_in_other_files_is_no_conflict(job: Job) -> None:
    job.colleague({"c.txt": b"of a colleague"})
    pull = job.pr(new("a.txt"), auto_merge="merge")
    assert (job.heard.warnings, job.forge.merging) == ([], [(pull.number, "merge")])
    # The branch starts at the checkout, so that merging it undoes nothing.
    assert job.files() == {"old.txt": b"old", "a.txt": b"new"}


@pytest.mark.parametrize(("count", "end"), [(20, ", 19.txt. "), (22, ", 19.txt and 2 more. ")])
def test_twenty_names_are_enough(job: Job, count: int, end: str) -> None:
    files = [f"{number:02}.txt" for number in range(count)]
    job.colleague(dict.fromkeys(files, b"of a colleague"))
    job.pr(*map(new, files))
    assert f"too: 00.txt, 01.txt, {', '.join(files[2:19])}{end}Resolve" in job.heard.warnings[0]


def test_a_note_stands_once_in_the_words_that_are_kept(job: Job) -> None:
    job.colleague({"a.txt": b"of a colleague"})
    job.pr(new("a.txt"), body="Words.")
    assert job.pr(new("a.txt", "newer")).body.count("Since the checkout") == 1


def test_what_others_changed_on_the_branch_stays_and_is_told(job: Job) -> None:
    pull = job.pr(new("a.txt"), new("b.txt"))
    by_hand = Changes(message="By hand", files=[NewFile(path="a.txt", content=b"by hand")])
    job.forge.commit(by_hand, branch=pull.head, parent=job.forge.branches[pull.head], is_new=False)
    job.forge.authors[1], job.forge.author = {"toy", "ann"}, "ann"
    again = job.pr(new("a.txt", "of the job"), new("c.txt"), auto_merge="merge")
    assert job.files() == {"old.txt": b"old", "a.txt": b"by hand", "b.txt": b"new", "c.txt": b"new"}
    note = (
        "Others have changed these files on {} in the same lines as the job: {}. They stay as they are there; another"
        " branch (--branch) takes the job's."
    )
    assert job.heard.warnings == [note.format(pull.head, "a.txt")]
    assert again.body == f"{marker()}\nOf the run {URL}\n\n{note.format(f'`{pull.head}`', '`a.txt`')}"
    assert job.forge.merging == []


def test_a_file_that_only_the_job_has_written_gets_its_latest_version(job: Job) -> None:
    job.pr(new("a.txt"), new("b.txt"))
    job.forge.author = "ann"
    job.pr(new("a.txt", "newer"))
    assert job.files() == {"old.txt": b"old", "a.txt": b"newer", "b.txt": b"new"}
    assert job.heard.warnings == []


def test_a_merge_that_is_refused_is_told(job: Job) -> None:
    job.forge.failures["merge_when_ready"] = PermissionDenied("403 Forbidden")
    job.pr(new("a.txt"), auto_merge="merge")
    assert job.heard.warnings == ["The pull request #1 is not merged by itself: 403 Forbidden"]


def test_a_commit_is_tried_again_after_a_pause(job: Job) -> None:
    job.forge.busy = 2
    job.pr(new("a.txt"))
    assert len(job.clock.slept) == 2
    assert job.files()["a.txt"] == b"new"


def test_a_fork_is_refused_before_anything_is_written(job: Job) -> None:
    run = WorkflowRun(
        repository="octo/forest", run_id="100", event="pull_request", from_fork=True, trigger=Trigger(kind="fork")
    )
    with pytest.raises(SettingsError):
        publish_files(
            Selection(commit=job.checkout, files=(new("a.txt"),)),
            PullRequestSpec(),
            directory=job.directory,
            forge=job.forge,
            workflow_run=run,
            progress=job.heard,
        )
    assert set(job.forge.branches) == {"main"}


def test_pull_requests_of_other_branches_and_to_other_bases_are_left_alone(job: Job) -> None:
    job.forge.branches |= {"by-hand": job.checkout, "release": job.checkout, "cmlkit/pr/main/100": job.checkout}
    for head, base in (("by-hand", "main"), ("cmlkit/pr/main/100", "release")):
        job.forge.create_pull_request(head=head, base=base, title="By hand", body="Words of a person.", draft=False)
    before = dict(job.forge.pulls)
    # Both are also by somebody whose changes on a branch of the job's own would stay.
    job.forge.authors, job.forge.author = {1: {"ann"}, 2: {"ann"}}, "ann"
    pull = job.pr(new("old.txt", "new", before="another"))
    assert (pull.number, pull.title, pull.body) == (3, "Update old.txt", f"{marker()}\nOf the run {URL}")
    assert {number: job.forge.pulls[number] for number in before} == before
    assert (job.files(), job.heard.warnings) == ({"old.txt": b"new"}, [])


def test_a_branch_whose_pull_request_was_closed_gets_another(job: Job) -> None:
    job.pr(new("a.txt"))
    job.forge.pulls[1] = dataclasses.replace(job.forge.pulls[1], state="closed")
    pull = job.pr(new("b.txt"))
    assert (pull.number, pull.title) == (2, "Update b.txt")
    assert job.files() == {"old.txt": b"old", "a.txt": b"new", "b.txt": b"new"}


def test_a_start_that_the_forge_will_refuse_is_an_error_before_anything_is_written(job: Job) -> None:
    job.colleague({"workflow.yml": b"on: push"})
    job.forge.refused_start = job.forge.branches["main"]
    with pytest.raises(PermissionDenied, match="may not start there"):
        job.pr(new("a.txt"))
    assert (set(job.forge.branches), job.forge.pulls) == ({"main"}, {})


def test_bytes_for_git_lfs_are_there_before_the_commit_has_their_pointers(job: Job) -> None:
    weights = ModelFile(path="weights", file=job.directory / "weights", sha256="a" * 64, size=1)
    stopped = ServiceError("There is no Git LFS here.")
    job.forge.failures["git_access"] = stopped
    with pytest.raises(ServiceError) as caught:
        job.pr(new("weights"), stored=(weights,))
    assert caught.value is stopped
    assert set(job.forge.branches) == {"main"}


@pytest.mark.parametrize(("head", "rest"), [("", "Two\nlines."), (marker(), "Two\nlines."), (marker(), "One line.")])
def test_of_a_text_that_is_kept_only_the_marker_is_replaced(job: Job, head: str, rest: str) -> None:
    pull = job.pr(new("a.txt"))
    job.forge.update_pull_request(pull.number, body=f"{head}\n{rest}".strip())
    assert job.pr(new("a.txt", "newer"), attempt=2).body == f"{marker(2)}\n{rest}"


@pytest.mark.parametrize("excess", [0, 1])
def test_the_room_for_words_is_what_the_notes_leave(job: Job, excess: int) -> None:
    job.colleague({"a.txt": b"of a colleague"})
    note = job.pr(new("a.txt")).body.partition("\n\n")[2]
    limit = job.forge.facts.limits.text
    words = "x" * (limit - len(marker()) - len(note) - 4 + excess)
    body = job.pr(new("a.txt", "newer"), body=words).body
    assert len(body) < limit
    assert body.endswith(f"\n\n{note}")
    assert ("too long for a pull request" in body) is bool(excess)


def test_a_file_that_the_job_deleted_goes_from_the_branch(job: Job) -> None:
    gone = JobFile(path="old.txt", before=new("old.txt", before="old").before, after=None)
    job.pr(gone, new("a.txt"))
    assert job.files() == {"a.txt": b"new"}


def test_what_the_base_and_what_others_changed_is_told_apart(job: Job) -> None:
    pull = job.pr(new("a.txt"))
    by_hand = Changes(message="By hand", files=[NewFile(path="a.txt", content=b"by hand")])
    job.forge.commit(by_hand, branch=pull.head, parent=job.forge.branches[pull.head], is_new=False)
    job.forge.authors[1], job.forge.author = {"toy", "ann"}, "ann"
    job.colleague({"a.txt": b"of a colleague"})
    _, conflict, left = job.pr(new("a.txt", "of the job")).body.split("\n\n")
    assert conflict.startswith("Since the checkout, `main` has changed")
    assert conflict.endswith("it is not merged by itself.")
    assert left.startswith("Others have changed these files on `cmlkit/pr/main/100`")
