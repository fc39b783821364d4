"""Files of a training that a real repository's .gitattributes and .gitignore give to somebody else."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from cmlkit.publishing.files import CommitFile, Role
from cmlkit.publishing.git_owners import GitOwners, as_pointers, warn_of_ignored
from cmlkit.stores.attributes import with_entry
from cmlkit.stores.base import ModelFile
from cmlkit.stores.pointer import Pointer, lfs_text

CONTENT = {"m.json": b"{}", "m.txt": b"accuracy: 0.9\n", "p.png": b"pixels", "empty.png": b"", "notes.md": b"text"}
ROLES: dict[str, Role] = {
    "m.json": "manifest", "m.txt": "metrics", "p.png": "plot", "empty.png": "plot", "notes.md": "extra",
}  # fmt: skip


@pytest.fixture
def owners(checkout: Path) -> GitOwners:
    """Those of a repository, seen from a folder in it, with the training's files in place."""
    (checkout / "sub").mkdir()
    for path, content in CONTENT.items():
        (checkout / path).write_bytes(content)
    return GitOwners.of(checkout / "sub")


def top(owners: GitOwners) -> Path:
    assert owners.root is not None
    return owners.root


def files() -> list[CommitFile]:
    return [CommitFile(path=path, role=role, content=CONTENT[path]) for path, role in ROLES.items()]


def test_the_rules_are_those_of_the_repository_around_a_folder(owners: GitOwners, checkout: Path) -> None:
    assert owners.root == checkout.resolve()


def test_outside_of_a_repository_nothing_has_an_owner(tmp_path: Path) -> None:
    owners = GitOwners.of(tmp_path)
    assert owners.root is None
    assert (owners.in_lfs(["a"]), owners.ignored(["a"])) == (set(), [])
    assert as_pointers(files(), owners, warn=pytest.fail) == (tuple(files()), ())
    warn_of_ignored(["a"], owners, warn=pytest.fail)


def test_patterns_give_files_to_lfs_but_cmlkits_own_entry_does_not(owners: GitOwners) -> None:
    own = with_entry("m.txt", lambda path: b"*.png filter=lfs -text\n")[".gitattributes"]
    (top(owners) / ".gitattributes").write_bytes(own)
    assert owners.in_lfs(path for path in CONTENT) == {"p.png", "empty.png"}
    assert owners.in_lfs([]) == set()


def test_attributes_outside_of_the_project_count_too(owners: GitOwners) -> None:
    (top(owners) / ".git/info").mkdir(exist_ok=True)
    (top(owners) / ".git/info/attributes").write_text("m.txt filter=lfs\n")
    assert owners.in_lfs(["m.txt", "p.png"]) == {"m.txt"}


def test_metrics_and_plots_of_lfs_become_pointers_and_other_files_stay(owners: GitOwners) -> None:
    (top(owners) / ".gitattributes").write_text("*.txt filter=lfs\n*.png filter=lfs\n*.md filter=lfs\n")
    changed, stored = as_pointers(files(), owners, warn=pytest.fail)
    sha256 = {path: hashlib.sha256(content).hexdigest() for path, content in CONTENT.items()}
    assert stored == tuple(
        ModelFile(path=path, file=top(owners) / path, sha256=sha256[path], size=len(CONTENT[path]))
        for path in ("m.txt", "p.png")
    )
    pointers = {item.path: lfs_text(Pointer(store="lfs", sha256=sha256[item.path], size=item.size)) for item in stored}
    assert {file.path: file.content for file in changed} == {**CONTENT, **pointers}
    assert [(file.path, file.role) for file in changed] == list(ROLES.items())


def test_a_manifest_that_lfs_would_get_is_committed_with_the_line_that_mends_it(owners: GitOwners) -> None:
    (top(owners) / ".gitattributes").write_text("*.json filter=lfs\n")
    warnings: list[str] = []
    assert as_pointers(files(), owners, warn=warnings.append) == (tuple(files()), ())
    [warning] = warnings
    assert warning.startswith(".gitattributes gives m.json to Git LFS, but the manifest is read in git itself")
    assert warning.endswith(" Add the line `/m.json !filter !diff !merge text` to the end of .gitattributes.")
    (top(owners) / ".gitattributes").write_text("*.json filter=lfs\n/m.json !filter !diff !merge text\n")
    as_pointers(files(), owners, warn=pytest.fail)


def test_ignored_files_are_those_that_git_does_not_track(owners: GitOwners) -> None:
    subprocess.run(["git", "add", "p.png"], cwd=top(owners), check=True)
    (top(owners) / ".gitignore").write_text("*.png\n")
    assert owners.ignored(path for path in CONTENT) == ["empty.png"]
    assert owners.ignored([]) == []


@pytest.mark.parametrize(
    ("count", "named"),
    [(0, ""), (1, "f0.bin"), (5, "f0.bin, f1.bin, f2.bin, f3.bin, f4.bin"),
     (7, "f0.bin, f1.bin, f2.bin, f3.bin, f4.bin and 2 more")],
)  # fmt: skip
def test_ignored_results_are_named_up_to_five(owners: GitOwners, count: int, named: str) -> None:
    paths = [f"f{number}.bin" for number in range(count)]
    for path in paths:
        (top(owners) / path).write_bytes(b"")
    (top(owners) / ".gitignore").write_text("*.bin\n")
    warnings: list[str] = []
    warn_of_ignored([*paths, "m.txt"], owners, warn=warnings.append)
    assert [warning.split(";")[0] for warning in warnings] == [f"git ignores {named}"] * bool(named)
