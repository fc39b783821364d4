"""The commits that a job made, in a pull request: a real git, and a forge in memory that has those it was sent."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import Conflict, NotFound
from cmlkit.forges.base import Divergence
from cmlkit.publishing.named_files import PullRequestSpec, publish_files
from cmlkit.publishing.selection import JobFile, Selection
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from tests.fake_forge import FastClock
from tests.toys.forge import ToyCommit
from tests.unit.publishing.in_memory import Heard
from tests.unit.publishing.test_named_files import JobForge, new

BRANCH = "cmlkit/pr/main/100"


@dataclass
class GitForge(JobForge):
    """Has the commits that it was sent, and those made of them.

    Attributes:
        merged: (branch, commit) of each merge; `refuses` says that it conflicts.
        freed: Commits that need no ref of their own any more.
    """

    clone: Path = Path()
    merged: list[tuple[str, str]] = field(default_factory=list)
    refuses: bool = False
    freed: list[str] = field(default_factory=list)

    def push_commit(self, commit: str, *, directory: Path) -> None:
        names = git(directory, "ls-tree", "-r", "--name-only", commit).splitlines()
        files = {name: git(directory, "show", f"{commit}:{name}").encode() for name in names}
        self.commits[commit] = ToyCommit(parent="", files=files)

    def let_go(self, commit: str) -> None:
        self.freed.append(commit)

    def merge_into(self, branch: str, commit: str) -> str:
        if self.refuses:
            raise Conflict("Merge conflict", status=409)
        self.merged.append((branch, commit))
        return self.branches[branch]

    def divergence(self, base: str, head: str) -> Divergence:
        if head not in self.commits:
            raise NotFound("No commit found", status=404)
        later, head = self._real(head)
        _, base = self._real(base)
        behind, ahead = git(self.clone, "rev-list", "--left-right", "--count", f"{base}...{head}").split()
        return Divergence(behind=int(behind), ahead=int(ahead) + later, changed=self.moved)

    def _real(self, commit: str) -> tuple[int, str]:
        """Return how many commits of its own it has up to this one, and the one of git that they are based on."""
        later = 0
        while parent := self.commits[commit].parent:
            later, commit = later + 1, parent
        return later, commit


def git(directory: Path, *arguments: str) -> str:
    author = ("-c", "user.name=Job", "-c", "user.email=job@example.com")
    done = subprocess.run(["git", "-C", directory, *author, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass(kw_only=True)
class Job:
    """A job in a clone of a repository with one commit."""

    directory: Path
    forge: GitForge = field(default_factory=lambda: GitForge("octo/forest"))
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        git(self.directory, "init", "-q", "-b", "main")
        self.forge.clone = self.directory
        self.forge.branches["main"] = self.begun = self.commit("Begin", {"old.txt": "old"})
        self.forge.push_commit(self.begun, directory=self.directory)

    def commit(self, message: str, files: dict[str, str]) -> str:
        for path, content in files.items():
            (self.directory / path).write_text(content)
        git(self.directory, "add", "--all")
        git(self.directory, "commit", "-q", "-m", message)
        return git(self.directory, "rev-parse", "HEAD")

    def colleague(self, files: dict[str, str]) -> str:
        """Move the base, as somebody else does meanwhile."""
        own = git(self.directory, "rev-parse", "HEAD")
        git(self.directory, "checkout", "-q", self.begun)
        self.forge.branches["main"] = theirs = self.commit("By hand", files)
        self.forge.push_commit(theirs, directory=self.directory)
        self.forge.moved = frozenset(files)
        git(self.directory, "checkout", "-q", own)
        return theirs

    def pr(self, *files: JobFile, **spec: Any) -> Any:
        return publish_files(
            Selection(commit=git(self.directory, "rev-parse", "HEAD"), files=files),
            PullRequestSpec(**spec),
            directory=self.directory,
            forge=self.forge,
            workflow_run=WorkflowRun(
                repository="octo/forest",
                run_id="100",
                sha=self.begun,
                event="push",
                trigger=Trigger(kind="branch", branch="main"),
            ),
            progress=self.heard,
            clock=FastClock(),
        )


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(directory=tmp_path)


def test_commits_alone_are_the_branch_and_name_the_pull_request(job: Job) -> None:
    commit = job.commit("Add  results, see #1", {"a.json": "{}"})
    pull = job.pr(auto_merge="merge")
    assert pull.title == "Add results, see #1"
    assert (job.forge.branches[BRANCH], job.forge.freed, job.forge.merged) == (commit, [commit], [])
    assert job.forge.merging == [(pull.number, "merge")]
    assert job.heard.warnings == []


def test_files_come_on_top_of_the_jobs_commits(job: Job) -> None:
    commit = job.commit("Add results", {"a.json": "{}"})
    assert job.pr(new("b.json")).title == "Update b.json"
    there = job.forge.commits[job.forge.branches[BRANCH]]
    assert (there.parent, there.message) == (commit, "Update b.json [skip ci]")
    assert there.files == {"old.txt": b"old", "a.json": b"{}", "b.json": b"new"}


def test_a_change_of_the_base_that_conflicts_with_a_commit_is_told(job: Job) -> None:
    job.commit("Change", {"old.txt": "of the job", "a.json": "{}"})
    job.colleague({"old.txt": "of a colleague", "c.txt": "new"})
    pull = job.pr(new("b.json"), auto_merge="merge")
    [warning] = job.heard.warnings
    assert "main has changed in files that the job changed, too: old.txt. Resolve" in warning
    assert "`old.txt`" in pull.body
    assert job.forge.merging == []


def test_a_base_that_moved_elsewhere_is_no_conflict_with_the_jobs_commits(job: Job) -> None:
    job.commit("Add results", {"a.json": "{}"})
    job.colleague({"c.txt": "new"})
    job.pr()
    assert job.heard.warnings == []


def test_commits_of_a_later_try_are_merged_into_the_branch_of_the_first_unless_they_conflict(job: Job) -> None:
    first = job.commit("Add results", {"a.json": "{}"})
    job.pr()
    git(job.directory, "reset", "-q", "--hard", job.begun)
    second = job.commit("Add other results", {"b.json": "{}"})
    job.pr(new("c.json"))
    assert job.forge.merged == [(BRANCH, second)]
    assert job.forge.commits[job.forge.branches[BRANCH]].parent == first
    job.forge.refuses = True
    with pytest.raises(Conflict, match=f"The job's own commits conflict with those on the branch '{BRANCH}'") as caught:
        job.pr(new("d.json"))
    assert "--branch 'cmlkit/pr/{base}/{run}-{attempt}'" in caught.value.next_step


def test_the_same_commits_again_are_not_merged_again(job: Job) -> None:
    job.commit("Add results", {"a.json": "{}"})
    for _ in range(2):
        job.pr(new("b.json"))
    assert job.forge.merged == []


def test_a_checkout_of_another_history_brings_what_undoes_nothing(job: Job) -> None:
    git(job.directory, "checkout", "-q", "--orphan", "fresh")
    job.begun = job.commit("Start over", {"old.txt": "q: 1"})
    base = job.forge.branches["main"]
    pull = job.pr(new("old.txt", "q: 2", before="q: 1"), new("b.json"), auto_merge="merge")
    there = job.forge.commits[job.forge.branches[BRANCH]]
    assert (there.parent, there.files) == (base, {"old.txt": b"old", "b.json": b"new"})
    assert "too: old.txt. Resolve" in job.heard.warnings[0]
    assert (pull.title, job.forge.merging, job.forge.freed) == ("Update b.json", [], [])
    job.forge.branches.pop(BRANCH)
    assert job.pr(new("old.txt", "old")) is None
