"""The start of a branch for named files: what the job checked out, as far as the forge has it, in real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import NotFound, PermissionDenied
from cmlkit.forges.base import Divergence
from cmlkit.publishing.start import Start, locate, uploaded
from cmlkit.records.workflow_run import WorkflowRun
from tests.toys.forge import ToyForge

BASE = "b" * 40
ELSEWHERE = Start(commit=BASE, known=BASE, is_checkout=False, is_foreign=True)

Git = Callable[..., str]


@dataclass
class Known(ToyForge):
    """A forge that knows some commits: id -> how far each is (ahead, behind) of the base."""

    known: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pushed: list[tuple[str, Path]] = field(default_factory=list)

    def divergence(self, base: str, head: str) -> Divergence:
        assert base == BASE
        self.asked.append(head)
        if head not in self.known:
            raise NotFound("Not Found", status=404)
        ahead, behind = self.known[head]
        return Divergence(ahead=ahead, behind=behind, changed=frozenset())

    def push_commit(self, commit: str, *, directory: Path) -> None:
        self.pushed.append((commit, directory))
        self.known[commit] = (2, 1)


@pytest.fixture
def git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git in an empty repository."""
    # Elsewhere than the working directory, so that git must be told where to look.
    monkeypatch.chdir(checkout.parent)

    def run(*arguments: str, send: str = "") -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=checkout, check=True, capture_output=True, text=True, input=send
        )
        return done.stdout.strip()

    return run


def commits(git: Git, count: int) -> list[str]:
    """Make a history of so many commits, and return their ids, newest first."""
    who = "committer Ann <ann@example.com> 1717142400 +0000"
    git("fast-import", "--quiet", send="".join(f"commit refs/heads/work\n{who}\ndata 4\nWork\n" for _ in range(count)))
    return git("rev-list", "work").splitlines()


def merge(git: Git, *parents: str) -> str:
    tree = git("rev-parse", f"{parents[0]}^{{tree}}")
    return git("commit-tree", "-m", "Merge", *(word for parent in parents for word in ("-p", parent)), tree)


def located(forge: Known, commit: str | None, checkout: Path, **run: Any) -> Start:
    workflow_run = WorkflowRun(repository="octo/forest", run_id="1", **run)
    return locate(commit, directory=checkout, base_head=BASE, forge=forge, workflow_run=workflow_run)


def test_without_a_commit_the_start_is_the_base(checkout: Path) -> None:
    assert located(Known("octo/forest"), None, checkout) == ELSEWHERE


@pytest.mark.parametrize(
    ("apart", "is_own", "base_moved"),
    [((0, 0), False, False), ((1, 0), True, False), ((0, 1), False, True), ((2, 3), True, True)],
)
def test_a_commit_that_the_forge_has_is_the_start(
    git: Git, checkout: Path, apart: tuple[int, int], is_own: bool, base_moved: bool
) -> None:
    [commit] = commits(git, 1)
    found = located(Known("octo/forest", known={commit: apart}), commit, checkout)
    assert found == Start(commit=commit, known=commit, is_own=is_own, base_moved=base_moved)


def test_a_commit_of_the_job_starts_from_the_nearest_one_that_the_forge_has(git: Git, checkout: Path) -> None:
    commit, between, known, older = commits(git, 4)
    forge = Known("octo/forest", known={known: (0, 0), older: (0, 0)})
    assert located(forge, commit, checkout) == Start(commit=commit, known=known, is_unknown=True)
    assert forge.asked == [commit, between, known]


def test_what_the_run_was_started_for_or_was_fetched_is_known_without_asking(git: Git, checkout: Path) -> None:
    commit, between, fetched = commits(git, 3)
    forge = Known("octo/forest")
    assert located(forge, commit, checkout, sha=fetched).known == fetched
    git("update-ref", "refs/remotes/origin/main", between)
    assert located(forge, commit, checkout).known == between
    assert forge.asked == [commit, between, commit]


def test_a_history_that_the_forge_does_not_have_is_another_repositorys(git: Git, checkout: Path) -> None:
    commit, *_ = commits(git, 3)
    assert located(Known("octo/forest"), commit, checkout) == ELSEWHERE


def test_fifty_ancestors_are_looked_at(git: Git, checkout: Path) -> None:
    commit, *ancestors = commits(git, 52)
    near, far = (Known("octo/forest", known={ancestors[index]: (0, 0)}) for index in (49, 50))
    assert located(near, commit, checkout).known == ancestors[49]
    assert located(far, commit, checkout) == ELSEWHERE


def test_the_parent_that_a_shallow_clone_leaves_out_is_looked_at(git: Git, checkout: Path, tmp_path: Path) -> None:
    commit, parent, _ = commits(git, 3)
    shallow = tmp_path / "shallow"
    git("clone", "--quiet", "--depth", "1", "--branch", "work", f"file://{checkout}", str(shallow))
    git("-C", str(shallow), "update-ref", "-d", "refs/remotes/origin/work")
    forge = Known("octo/forest", known={parent: (0, 0)})
    assert located(forge, commit, shallow) == Start(commit=commit, known=parent, is_unknown=True)


def test_only_the_branchs_own_ancestors_are_looked_at(git: Git, checkout: Path) -> None:
    """A branch that the job merged does not say where its own began."""
    merged, first, second = commits(git, 3)
    commit = merge(git, first, merged)
    forge = Known("octo/forest", known={second: (0, 0)})
    assert located(forge, commit, checkout).known == second
    assert merged not in forge.asked


PULL = "refs/pull/7/merge"


@pytest.mark.parametrize(
    ("ref", "fetched", "is_the_forges"),
    [
        (PULL, "", True),
        ("refs/heads/main", "", False),
        ("", "refs/remotes/pull/7/merge", True),
        ("", "refs/remotes/pull/7/head", False),
        ("", "refs/remotes/origin/merge", False),
    ],
)
def test_the_merge_commit_that_the_forge_made_for_a_pull_request_is_no_start(
    git: Git, checkout: Path, ref: str, fetched: str, is_the_forges: bool
) -> None:
    head, base = commits(git, 2)
    commit = merge(git, base, head)
    if fetched:
        git("update-ref", "refs/remotes/origin/main", base)
        git("update-ref", fetched, commit)
    forge = Known("octo/forest", known={commit: (2, 1), base: (0, 3), head: (1, 3)})
    found = located(forge, commit, checkout, ref=ref, sha=commit if ref else "")
    if is_the_forges:
        assert found == Start(commit=base, known=base, is_checkout=False, base_moved=True)
    else:
        assert found == Start(commit=commit, known=commit, is_own=True, base_moved=True)


def test_a_commit_of_the_job_on_top_of_the_forges_merge_is_no_merge_of_the_forge(git: Git, checkout: Path) -> None:
    head, base = commits(git, 2)
    commit = merge(git, base, head)
    git("update-ref", "refs/remotes/pull/7/merge", base)
    found = located(Known("octo/forest", known={commit: (1, 0)}), commit, checkout, sha=head, ref=PULL)
    assert found == Start(commit=commit, known=commit, is_own=True)


@pytest.mark.parametrize(
    ("apart", "parent"),
    [
        ({"base": (0, 0), "head": (1, 0)}, "base"),
        ({"base": (1, 0), "head": (0, 0)}, "head"),
        ({"base": (0, 0), "head": (0, 0)}, "head"),
        ({"base": (0, 0)}, "base"),
        ({"base": (2, 0), "head": (1, 0)}, ""),
    ],
)
def test_the_start_for_a_merge_of_the_forge_is_the_parent_in_the_bases_history(
    git: Git, checkout: Path, apart: dict[str, tuple[int, int]], parent: str
) -> None:
    head, base = commits(git, 2)
    named = {"head": head, "base": base, "": merge(git, base, head)}
    forge = Known("octo/forest", known={named[""]: (1, 0), **{named[name]: far for name, far in apart.items()}})
    found = located(forge, named[""], checkout, ref=PULL, sha=named[""])
    assert (found.commit, found.known, found.is_checkout) == (named[parent], named[parent], not parent)
    assert found.base_moved is False


def test_what_the_forge_refuses_is_no_unknown_commit(git: Git, checkout: Path) -> None:
    class Refusing(Known):
        def divergence(self, base: str, head: str) -> Divergence:
            raise PermissionDenied("Resource not accessible.")

    [commit] = commits(git, 1)
    with pytest.raises(PermissionDenied):
        located(Refusing("octo/forest"), commit, checkout)


@pytest.mark.parametrize(
    ("apart", "is_own", "base_moved"), [((0, 0), False, False), ((1, 1), True, True), ((0, 2), False, True)]
)
def test_a_start_that_was_uploaded_is_compared_with_the_base(
    tmp_path: Path, apart: tuple[int, int], is_own: bool, base_moved: bool
) -> None:
    class Taking(Known):
        def push_commit(self, commit: str, *, directory: Path) -> None:
            super().push_commit(commit, directory=directory)
            self.known[commit] = apart

    forge = Taking("octo/forest")
    start = Start(commit="c" * 40, known="d" * 40, is_unknown=True)
    found = uploaded(start, directory=tmp_path, base_head=BASE, forge=forge)
    assert forge.pushed == [("c" * 40, tmp_path)]
    assert found == Start(commit="c" * 40, known="d" * 40, is_unknown=True, is_own=is_own, base_moved=base_moved)
