"""The files that paths stand for, with content and mode as git gives them, in a repository in a temporary folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cmlkit.errors import ModelError, SettingsError
from cmlkit.git.changes import Version
from cmlkit.git.limits import FileLimits
from cmlkit.git.objects import blob_id
from cmlkit.publishing.selection import Selection, committed_to_lfs, files_on_disk, select_files
from cmlkit.stores.base import ModelFile
from cmlkit.stores.pointer import Pointer, lfs_text, s3_text

MIB = 1024**2
LIMITS = FileLimits(
    host="Toy Forge", git=2 * MIB, git_advised=MIB, lfs=3 * MIB, lfs_everybody=3 * MIB, lfs_plans="none"
)


@dataclass(kw_only=True)
class Tree:
    """A checkout, and the warnings about it."""

    directory: Path
    warnings: list[str] = field(default_factory=list)

    def git(self, *arguments: str, fails: bool = False) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.directory, check=not fails, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, path: str, content: bytes = b"new") -> Path:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def commit(self, *paths: str) -> str:
        for path in paths:
            self.write(path, b"old")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Work")
        return self.git("rev-parse", "HEAD")

    def select(self, *given: str, folder: str = "", **options: Any) -> Selection:
        options = {"limits": LIMITS, **options}
        return select_files(given, directory=self.directory / folder, warn=self.warnings.append, **options)

    def taken(self, *given: str, **options: Any) -> set[str]:
        return {file.path for file in self.select(*given, **options).files}

    def refused(self, *given: str, **options: Any) -> str:
        with pytest.raises((SettingsError, ModelError)) as caught:
            self.select(*given, **options)
        return f"{caught.value.message} {caught.value.next_step}".rstrip()


@pytest.fixture
def tree(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    # Elsewhere than the working directory, so that git must be told where to look.
    monkeypatch.chdir(checkout.parent)
    return Tree(directory=checkout)


def test_each_file_has_its_version_in_the_commit_and_the_one_to_commit(tree: Tree) -> None:
    commit = tree.commit("a", "b", "gone", "same")
    tree.write("a")
    (tree.directory / "b").chmod(0o755)
    (tree.directory / "gone").unlink()
    tree.write("sub/new")
    found = tree.select(".")
    old = Version(mode="100644", blob=blob_id(b"old"))
    assert found.commit == commit
    assert found.stored == ()
    assert {file.path: file.before for file in found.files} == {"a": old, "b": old, "gone": old, "sub/new": None}
    after = {file.path: file.after and (file.after.content, file.after.mode) for file in found.files}
    assert after == {"a": (b"new", "100644"), "b": (b"old", "100755"), "gone": None, "sub/new": (b"new", "100644")}
    assert {(file.after.path, file.after.role) for file in found.files if file.after} == {
        ("a", "extra"),
        ("b", "extra"),
        ("sub/new", "extra"),
    }
    assert tree.warnings == []


def test_without_a_commit_each_file_is_new(tree: Tree) -> None:
    tree.write("a")
    found = tree.select(".")
    assert found.commit is None
    assert [(file.path, file.before) for file in found.files] == [("a", None)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("a.log",), "a.log"),
        (("cache",), "cache"),
        (("cache/deep/x", "new"), "cache/deep/x"),
        (("a.log", "cache/deep"), "a.log, cache/deep"),
        (tuple(f"{number}.log" for number in range(7)), "0.log, 1.log, 2.log, 3.log, 4.log and 2 more"),
        (tuple(f"{number}.log" for number in range(5)), "0.log, 1.log, 2.log, 3.log, 4.log"),
        ((".",), ""),
    ],
)
def test_a_named_file_that_git_ignores_is_left_out_with_a_warning(
    tree: Tree, given: tuple[str, ...], told: str
) -> None:
    tree.write(".gitignore", b"*.log\ncache/\n")
    tree.commit()
    for path in ("a.log", "cache/deep/x", "new", *(f"{number}.log" for number in range(7))):
        tree.write(path)
    assert tree.taken(*given) == ({"new"} if set(given) & {".", "new"} else set())
    line = f"git ignores what .gitignore names, so it is not committed: {told}. --force takes it."
    assert tree.warnings == ([line] if told else [])


def test_the_way_out_for_ignored_files_is_the_commands_own(tree: Tree) -> None:
    tree.write(".gitignore", b"*.log\n")
    tree.write("a.log")
    tree.select("a.log", way_out="Name it otherwise.")
    assert tree.warnings[0].endswith("so it is not committed: a.log. Name it otherwise.")


def test_forced_ignored_files_are_taken_without_the_repositories_among_them(tree: Tree) -> None:
    tree.write(".gitignore", b"*.log\ncache/\n")
    tree.commit()
    for path in ("a.log", "cache/deep/x"):
        tree.write(path)
    tree.git("init", "--quiet", "cache/tool")
    tree.write("cache/tool/file")
    assert tree.taken("a.log", "cache", force=True) == {"a.log", "cache/deep/x"}
    assert tree.warnings == []


def test_repositories_inside_are_left_out_with_a_warning(tree: Tree) -> None:
    for number in range(6):
        tree.git("init", "--quiet", f"vendor/{number}")
        tree.write(f"vendor/{number}/file")
    tree.write("a")
    assert tree.taken(".") == {"a"}
    names = ", ".join(f"vendor/{number}" for number in range(5))
    assert tree.warnings == [f"Repositories inside this one are not committed: {names} and 1 more."]


def test_a_file_with_a_merge_conflict_is_refused(tree: Tree) -> None:
    tree.commit("a", "b")
    tree.git("branch", "other")
    tree.write("a", b"ours")
    tree.commit()
    tree.git("checkout", "--quiet", "other")
    tree.write("a", b"theirs")
    tree.commit()
    tree.git("merge", "-", fails=True)
    said = tree.refused(".")
    assert said.startswith("Files with a merge conflict cannot be committed: a. Resolve it")
    assert "git add" in said
    tree.write("b")
    assert tree.taken("b") == {"b"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent", "absent does not exist. Check the path."),
        ("", "A path is empty. Look for a variable that is not set."),
        ("../out", "The path '../out' leads out of the repository. Name files inside it."),
        (".git/config", "The path '.git/config' leads into .git, from which git commits nothing."),
        ("sub/.GIT/config", "The path 'sub/.GIT/config' leads into .git, from which git commits nothing."),
        ("link/b", "The path 'link/b' leads through link, a symbolic link. Name the files at their place."),
        ("link/c/d", "The path 'link/c/d' leads through link, a symbolic link. Name the files at their place."),
    ],
)
def test_a_path_of_nothing_or_of_nothing_to_commit_is_refused(tree: Tree, path: str, said: str) -> None:
    tree.commit("a", "sub/b", "was/here/c")
    (tree.directory / "link").symlink_to("sub")
    (tree.directory / "was/here/c").unlink()
    # Others before it make no difference: a file, a link, a deleted file, and the folder that it was in.
    assert tree.refused("a", "link", "was/here/c", "was", path) == said


def test_a_link_to_the_repository_is_a_way_into_it(tree: Tree, tmp_path: Path) -> None:
    tree.write("sub/a")
    (tmp_path / "way").symlink_to(tree.directory)
    found = select_files(["a", "../sub"], directory=tmp_path / "way/sub", limits=LIMITS, warn=tree.warnings.append)
    assert [file.path for file in found.files] == ["sub/a"]


def test_a_tracked_file_that_is_not_checked_out_is_a_known_name(tree: Tree) -> None:
    tree.commit("a", "far/b")
    tree.git("update-index", "--skip-worktree", "far/b")
    (tree.directory / "far/b").unlink()
    assert tree.taken("far/b", "far", "a") == set()


def test_names_are_those_below_the_working_directory(tree: Tree) -> None:
    tree.commit("top", "sub/gone", "sub/stays")
    (tree.directory / "sub/gone").unlink()
    tree.write("top")
    tree.write("sub/new")
    assert tree.taken("gone", "new", folder="sub") == {"sub/gone", "sub/new"}
    assert tree.taken("../top", folder="sub") == {"top"}


def test_a_name_that_is_not_in_utf_8_is_refused(tree: Tree) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        tree.write(name)
    except OSError:
        pytest.skip("this file system takes no such names")
    assert tree.refused(".") == f"The name {name!r} is not in UTF-8, which the API takes only. Rename the file."


WEIGHTS = b"weights"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
POINTER = lfs_text(Pointer(store="lfs", sha256=SHA256, size=len(WEIGHTS)))
ELSEWHERE = s3_text(Pointer(store="s3", sha256=SHA256, size=7, url="s3://bucket/m.bin"))


@pytest.mark.parametrize(
    ("content", "mode", "committed", "is_stored"),
    [
        (WEIGHTS, 0o644, POINTER, True),
        (WEIGHTS, 0o755, POINTER, True),
        (b"", 0o644, b"", False),
        (b"", 0o755, b"", False),
        (POINTER, 0o644, POINTER, False),
        (POINTER, 0o755, POINTER, False),
    ],
    ids=["a file", "a program", "empty", "an empty program", "a pointer", "a pointer of a program"],
)
def test_a_file_of_git_lfs_is_committed_as_its_pointer(
    tree: Tree, content: bytes, mode: int, committed: bytes, is_stored: bool
) -> None:
    tree.write(".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n")
    tree.commit()
    file = tree.write("out/m.bin", content)
    file.chmod(mode)
    found = tree.select("out")
    [taken] = found.files
    assert taken.after is not None
    assert (taken.after.content, taken.after.mode) == (committed, f"100{mode:o}")
    stored = ModelFile(path="out/m.bin", file=file, sha256=SHA256, size=len(WEIGHTS))
    assert found.stored == ((stored,) if is_stored else ())


def test_git_lfs_gets_each_changed_file_once_whatever_it_looks_like(tree: Tree) -> None:
    tree.write(".gitattributes", b"*.bin filter=lfs\n")
    tree.write("same.bin", POINTER)
    tree.commit()
    tree.write("same.bin", WEIGHTS)  # as git lfs pull leaves it
    tree.write("plain.txt")
    elsewhere = tree.write("elsewhere.bin", ELSEWHERE)
    (tree.directory / "link.bin").symlink_to("plain.txt")
    found = tree.select(".")
    after = {file.path: file.after for file in found.files}
    assert set(after) == {"plain.txt", "elsewhere.bin", "link.bin"}
    assert [stored.file for stored in found.stored] == [elsewhere]
    assert after["link.bin"] is not None
    assert (after["link.bin"].content, after["link.bin"].mode) == (b"plain.txt", "120000")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"a": 2 * MIB}, ""),
        ({"m.bin": 3 * MIB}, ""),
        ({"a": 2 * MIB + 1}, "Toy Forge takes no file over 2 MiB in git: a (2 MiB). Nothing was sent."),
        (
            {"a": 2 * MIB + 1, "b": 3 * MIB, "c": 5},
            "Toy Forge takes no file over 2 MiB in git: b (3 MiB), a (2 MiB). Nothing was sent.",
        ),
        ({"m.bin": 4 * MIB}, "m.bin has 4 MiB; Toy Forge's LFS takes no file over 3 MiB. Nothing was sent."),
    ],
)
def test_a_file_that_the_host_does_not_take_is_refused(tree: Tree, sizes: dict[str, int], said: str) -> None:
    tree.write(".gitattributes", b"*.bin filter=lfs\n")
    tree.commit()
    for path, size in sizes.items():
        tree.write(path, os.urandom(8) + bytes(size - 8) if size > 8 else bytes(size))
    if said:
        assert tree.refused(".").startswith(f"{said} ")
    else:
        assert tree.taken(".") == set(sizes)


def test_the_jobs_own_commits_need_the_bytes_that_git_lfs_keeps_for_them(tree: Tree) -> None:
    """A pushed pointer is refused as long as its bytes are missing."""
    old = b"old weights"
    tree.write("old.bin", lfs_text(Pointer(store="lfs", sha256=hashlib.sha256(old).hexdigest(), size=len(old))))
    since = tree.commit()
    missing = lfs_text(Pointer(store="lfs", sha256="a" * 64, size=3))
    for path, content in {"m.bin": POINTER, "missing.bin": missing, "s3.bin": ELSEWHERE, "a": b"text"}.items():
        tree.write(path, content)
        commit = tree.commit()
    kept = tree.write(f".git/lfs/objects/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}", WEIGHTS)
    (tree.directory / "sub").mkdir()
    for directory in (tree.directory, tree.directory / "sub"):
        assert committed_to_lfs(commit, since=since, directory=directory) == (
            ModelFile(path=f"the LFS object {SHA256[:12]}…", file=kept.resolve(), sha256=SHA256, size=len(WEIGHTS)),
        )


def on_disk(directory: Path, *given: str, prefix: str = "") -> Selection:
    return files_on_disk(given, directory=directory, prefix=PurePosixPath(prefix), limits=LIMITS)


def test_without_git_files_and_those_in_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for path in ("a", "out/b", "out/deep/c"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    found = on_disk(tmp_path, "out/b", "out", "a", prefix="pkg")
    assert (found.commit, found.stored) == (None, ())
    assert [(file.path, file.before) for file in found.files] == [
        ("pkg/out/b", None),
        ("pkg/out/deep/c", None),
        ("pkg/a", None),
    ]
    after = [(file.after.path, file.after.role, file.after.content) for file in found.files if file.after]
    assert after == [
        ("pkg/out/b", "extra", b"out/b"),
        ("pkg/out/deep/c", "extra", b"out/deep/c"),
        ("pkg/a", "extra", b"a"),
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent", "absent cannot be read: No such file or directory. Check the path."),
        ("../out", "The path '../out' does not lie inside the working directory. Give paths relative to"),
        ("link", "link leads out of the working directory. Name files inside it."),
        ("large", "large has 2.0 MiB; Toy Forge takes no file over 2 MiB in git."),
    ],
)
def test_without_git_a_file_outside_or_a_large_one_is_refused(tmp_path: Path, path: str, said: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "out").write_bytes(b"x")
    (work / "link").symlink_to(tmp_path / "out")
    (work / "large").write_bytes(bytes(2 * MIB + 1))
    with pytest.raises((SettingsError, ModelError)) as caught:
        on_disk(work, path)
    assert f"{caught.value.message} {caught.value.next_step}".startswith(said)


def test_without_git_a_file_of_the_largest_size_is_taken(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    assert len(on_disk(tmp_path, "large").files) == 1
