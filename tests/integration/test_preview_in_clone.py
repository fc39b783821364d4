"""The report before a publish, compared with the clone: its branches as last fetched, if the forge does not tell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cmlkit.publishing.preview import Base, Clone, Uncompared, find_base
from cmlkit.records.workflow_run import Trigger, WorkflowRun
from tests.unit.publishing.in_memory import ToldForge


def git(directory: Path, *arguments: str) -> str:
    author = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
    done = subprocess.run(["git", "-C", directory, *author, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose origin had two commits of `main` and one of `develop` at its last fetch."""
    git(tmp_path, "init", "-q", "-b", "main")
    for number in range(3):
        (tmp_path / "m.json").write_text(f"{number}")
        (tmp_path / "other.txt").write_text("the same")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "-q", "-m", f"{number}")
    for name, commit in (("main", "HEAD~1"), ("develop", "HEAD~2")):
        git(tmp_path, "update-ref", f"refs/remotes/origin/{name}", commit)
    git(tmp_path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop")
    git(tmp_path, "tag", "v1")
    return tmp_path


def on(branch: str = "") -> WorkflowRun:
    trigger = Trigger(kind="branch", branch=branch) if branch else Trigger()
    return WorkflowRun(repository="octo/forest", run_id="1", event="push" if branch else "", trigger=trigger)


def found(
    clone: Path, run: WorkflowRun, *, named: str = "", forge: ToldForge | None = None
) -> tuple[object, list[str]]:
    warnings: list[str] = []
    base = find_base(forge, workflow_run=run, named=named, directory=clone, warn=warnings.append)
    return base, warnings


@pytest.mark.parametrize(
    ("event", "named", "branch", "commit"),
    [
        ("", "", "develop", "HEAD~2"),
        ("main", "", "main", "HEAD~1"),
        ("develop", "main", "main", "HEAD~1"),
        ("", "v1", "v1", "HEAD"),
    ],
)
def test_without_a_token_the_base_is_the_one_of_the_last_fetch(
    clone: Path, event: str, named: str, branch: str, commit: str
) -> None:
    head = git(clone, "rev-parse", commit)
    base = Base(branch=branch, head=head, files=Clone(directory=clone), is_fetched=True)
    assert found(clone, on(event), named=named) == (base, [])


def test_a_branch_that_the_forge_does_not_have_is_told_and_read_in_the_clone(clone: Path) -> None:
    forge = ToldForge("octo/forest")
    forge.start({})
    base, warnings = found(clone, on("develop"), forge=forge)
    assert isinstance(base, Base)
    assert base.is_fetched
    assert warnings == [
        "The report is compared with the clone, not with the forge: The repository has no branch 'develop'."
    ]


def test_without_the_branch_there_is_nothing_to_compare_with_and_the_reason_says_what_to_do(clone: Path) -> None:
    reason = "no token is set, and the clone has no branch x: set CMLKIT_TOKEN, or git fetch origin x"
    assert found(clone, on(), named="x") == (Uncompared(reason=reason), [])


def test_before_the_first_commit_the_reason_has_no_full_stop_of_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    base, _ = found(tmp_path, on())
    assert isinstance(base, Uncompared)
    assert base.reason.endswith("has no commit yet")


def test_a_clone_reads_its_commits_as_a_forge_does(clone: Path) -> None:
    files, head, first = Clone(directory=clone), git(clone, "rev-parse", "HEAD"), git(clone, "rev-parse", "HEAD~2")
    assert files.read_file("m.json", ref=head) == b"2"
    assert files.read_file("m.json", ref=first) == b"0"
    assert files.read_file("absent", ref=head) is None
    assert files.blob_ids(first, ["m.json", "absent"]) == {"m.json": git(clone, "rev-parse", f"{first}:m.json")}
    assert files.commits_of("m.json", ref=head, limit=2) == [head, git(clone, "rev-parse", "HEAD~1")]
    assert files.commits_of("other.txt", ref=head, limit=2) == [first]


def test_a_merge_counts_as_one_commit(clone: Path) -> None:
    git(clone, "checkout", "-q", "-b", "topic")
    (clone / "m.json").write_text("topic")
    git(clone, "commit", "-q", "-a", "-m", "topic")
    git(clone, "checkout", "-q", "main")
    git(clone, "merge", "-q", "--no-ff", "-m", "merge", "topic")
    head = git(clone, "rev-parse", "HEAD")
    mainline = git(clone, "rev-list", "--first-parent", "HEAD").splitlines()
    assert Clone(directory=clone).commits_of("m.json", ref=head, limit=9) == mainline
