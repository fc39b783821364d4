"""Which files `cmlkit pr` takes: those that git says have changed, in a clone of the sandbox's repository."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from cmlkit.__main__ import run
from cmlkit.git.access import GitAccess
from cmlkit.stores.lfs import LfsStore
from cmlkit.stores.pointer import Pointer
from tests.integration.clone import TRACKED, Job


def test_new_changed_and_deleted_files_are_taken_and_ignored_ones_are_not(job: Job) -> None:
    job.write("model/m.joblib", "weights")
    job.write("model/key.env", "SECRET=1")
    job.write("params.yaml", "p1: 2\n")
    (job.directory / "data/a.csv").unlink()
    job.pr(".")
    assert job.changes() == {"model/m.joblib": "A", "params.yaml": "M", "data/a.csv": "D"}


@pytest.mark.slow
def test_a_named_ignored_file_is_left_out_with_a_word_unless_forced(job: Job) -> None:
    job.write("model/m.joblib", "weights")
    job.write("model/key.env", "SECRET=1")
    assert "model/key.env" in job.pr("model/m.joblib", "model/key.env")["said"]
    assert job.changes() == {"model/m.joblib": "A"}
    job.pr("--force", "model/key.env")
    assert job.changes() == {"model/m.joblib": "A", "model/key.env": "A"}


@pytest.mark.slow
def test_a_subfolder_is_taken_without_what_tools_left_there(job: Job) -> None:
    job.write("pkg/.venv/bin/python", "x")
    job.write("pkg/__pycache__/module.pyc", "x")
    job.write("pkg/module.py", "x = 2\n")
    job.write("top.txt", "x")
    job.pr(".", folder="pkg")
    assert job.changes() == {"pkg/module.py": "M"}


@pytest.mark.slow
def test_inner_repositories_are_left_out_with_a_word(job: Job) -> None:
    job.write("a.txt", "a")
    job.git("init", "--quiet", "vendor/tool")
    job.write("vendor/tool/file", "x")
    assert "vendor/tool" in job.pr(".")["said"]
    assert job.changes() == {"a.txt": "A"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        (["**/*.json"], {"m.json", "out/deep/x.json"}),
        (["*.json"], {"m.json"}),
        (["out.*"], {"out.csv"}),
        (["out/{a,b}.txt"], {"out/a.txt", "out/b.txt"}),
        (["out", "!out/a.txt"], {"out/b.txt", "out/deep/x.json"}),
        ([":(glob)**/*.txt", ":!out/b.txt"], {"out/a.txt"}),
        (["out/"], {"out/a.txt", "out/b.txt", "out/deep/x.json"}),
        (["./m.json"], {"m.json"}),
    ],
)
def test_patterns_mean_what_they_mean_in_cml_and_git(job: Job, patterns: list[str], taken: set[str]) -> None:
    for path in ("m.json", "out.csv", "out/a.txt", "out/b.txt", "out/deep/x.json"):
        job.write(path, path)
    job.pr(*patterns)
    assert set(job.changes()) == taken


@pytest.mark.slow
def test_an_absolute_path_and_one_above_the_working_directory_are_in_the_repository(job: Job) -> None:
    job.write("m.json", "{}")
    job.write("n.json", "{}")
    job.pr(str(job.directory / "m.json"), "../n.json", folder="pkg")
    assert set(job.changes()) == {"m.json", "n.json"}


@pytest.mark.parametrize("length", [256, 257])
def test_a_title_that_github_would_refuse_is_refused_before_anything_is_written(job: Job, length: int) -> None:
    job.write("a.txt", "a")
    if length > 256:
        assert "The title has 257 characters; a pull request takes 256." in job.refused("--title", "x" * length, ".")
        assert [ref.name for ref in job.repository.git.refs("refs/")] == ["refs/heads/main"]
    else:
        job.pr("--title", "x" * length, ".")
        assert job.repository.pulls[0].title == "x" * length


@pytest.mark.parametrize("arguments", [["README.md"], ["."], ["*.onnx"], [], ["data"]])
def test_without_a_change_there_is_no_pull_request(job: Job, arguments: list[str]) -> None:
    shown = job.pr(*arguments)
    assert (shown["changed"], shown["pull_request_number"]) == (False, None)
    assert "Nothing changed" in shown["said"]
    assert not job.repository.pulls


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("absent.bin", "absent.bin does not exist"),
        ("../out.txt", "leads out of the repository"),
        (".git/config", "leads into .git"),
        ("", "A path is empty"),
        ("link/passwd", "link, a symbolic link"),
        (":(bad)x", "Invalid pathspec magic"),
    ],
)
def test_a_path_that_names_nothing_is_refused(job: Job, path: str, why: str) -> None:
    (job.directory / "link").symlink_to("/etc")
    assert why in job.refused(path)


@pytest.mark.slow
def test_modes_and_links_stay(job: Job) -> None:
    job.write("run.sh", "#!/bin/sh\n")
    (job.directory / "run.sh").chmod(0o755)
    (job.directory / "train.py").chmod(0o755)
    (job.directory / "latest").symlink_to("data/a.csv")
    job.pr(".")
    assert (job.mode("run.sh"), job.mode("train.py"), job.mode("latest")) == ("100755", "100755", "120000")
    assert job.content("latest") == b"data/a.csv"


@pytest.mark.slow
def test_a_persons_token_keeps_modes_too(job: Job) -> None:
    job.sandbox.github.add_token("ghp_person", "ann")
    job.monkeypatch.setenv("GITHUB_TOKEN", "ghp_person")
    job.monkeypatch.delenv("CMLKIT_TOKEN", raising=False)
    job.write("run.sh", "#!/bin/sh\n")
    (job.directory / "run.sh").chmod(0o755)
    job.pr("run.sh")
    assert job.mode("run.sh") == "100755"


@pytest.mark.slow
def test_git_attributes_and_filters_apply(job: Job) -> None:
    job.write(".gitattributes", "*.txt text eol=lf\n*.ipynb filter=upper\n")
    job.git("config", "filter.upper.clean", "tr a-z A-Z")
    job.write("a.txt", "one\r\ntwo\r\n")
    job.write("n.ipynb", "cells")
    job.pr(".")
    assert (job.content("a.txt"), job.content("n.ipynb")) == (b"one\ntwo\n", b"CELLS")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["with blank.txt", "ümläut/größe.txt", "-dash.txt", "new\nline.txt", 'quo"te.txt', "back\\slash.txt", "[a]*?.txt"],
)
def test_any_name_is_taken_as_it_is(job: Job, name: str) -> None:
    job.write(name, name)
    job.pr("--", name)
    assert (job.changes(), job.content(name)) == ({name: "A"}, name.encode())


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["feature/größe/v1.2", "a-b_c"])
def test_branches_may_have_any_name(job: Job, branch: str) -> None:
    job.write("a.txt", "a")
    assert job.pr("--branch", branch, "a.txt")["branch"] == branch
    assert job.changes() == {"a.txt": "A"}


@pytest.mark.slow
def test_the_checkout_and_its_index_are_left_alone(job: Job) -> None:
    job.write("staged.txt", "staged")
    job.git("add", "staged.txt")
    job.write("a.txt", "a")
    before = (job.git("status", "--porcelain"), (job.directory / ".git/index").read_bytes(), job.git("count-objects"))
    job.pr(".")
    after = (job.git("status", "--porcelain"), (job.directory / ".git/index").read_bytes(), job.git("count-objects"))
    assert after == before
    assert job.changes() == {"staged.txt": "A", "a.txt": "A"}


def test_a_colleagues_change_since_the_checkout_stays(job: Job) -> None:
    job.colleague({"params.yaml": TRACKED["params.yaml"].replace("p1: 1", "p1: 100"), "data/b.csv": "3\n"})
    job.write("params.yaml", TRACKED["params.yaml"].replace("p9: 9", "p9: 900"))
    job.write("model/m.joblib", "weights")
    assert "changed in files" not in job.pr(".")["said"]
    assert job.changes() == {"params.yaml": "M", "model/m.joblib": "A"}
    assert {b"p1: 100", b"p9: 900"} <= set(job.merged("params.yaml").splitlines())
    assert job.merged("data/b.csv") == b"3\n"


def test_a_conflict_with_a_colleagues_change_is_named_and_not_merged(job: Job) -> None:
    job.repository.settings.allow_auto_merge = True
    job.colleague({"params.yaml": TRACKED["params.yaml"].replace("p1: 1", "p1: 100")})
    job.write("params.yaml", TRACKED["params.yaml"].replace("p1: 1", "p1: 200"))
    job.write("model/m.joblib", "weights")
    said = job.pr("--merge", ".")["said"]
    [pull] = job.repository.pulls
    assert "params.yaml" in said
    assert "`params.yaml`" in (pull.body or "")
    assert not pull.merged
    assert (b"p1: 200" in job.content("params.yaml"), job.content("model/m.joblib")) == (True, b"weights")


def test_commits_of_the_job_are_part_of_the_pull_request(job: Job) -> None:
    job.write("results/a.json", "{}")
    job.commit("Add results")
    job.write("later.txt", "x")
    assert job.pr()["changed"]
    assert job.changes() == {"results/a.json": "A"}
    assert job.repository.pulls[0].title == "Add results"
    job.pr("later.txt")
    assert job.changes() == {"results/a.json": "A", "later.txt": "A"}


@pytest.mark.slow
def test_commits_of_a_second_try_join_those_of_the_first_unless_they_conflict(job: Job) -> None:
    job.write("results/a.json", "{}")
    job.commit("Add results")
    job.pr()
    job.git("reset", "--quiet", "--hard", "HEAD^")
    job.write("results/b.json", "{}")
    job.commit("Add other results")
    job.pr()
    assert job.changes() == {"results/a.json": "A", "results/b.json": "A"}
    job.git("reset", "--quiet", "--hard", "HEAD^")
    job.write("results/a.json", "[]")
    job.commit("Add the same results differently")
    assert run(["pr"], environ=os.environ) == 7
    assert "{attempt}" in job.capsys.readouterr().err


@pytest.mark.slow
def test_commits_and_files_come_together(job: Job) -> None:
    job.write("results/a.json", "{}")
    job.commit("Add results")
    job.write("results/a.json", "[]")
    job.pr("results")
    assert (job.changes(), job.content("results/a.json")) == ({"results/a.json": "A"}, b"[]")
    refs = job.repository.git.line("for-each-ref", "--format=%(refname)")
    assert "uploads" not in refs


@pytest.mark.parametrize(
    ("count", "a_minute"), [(120, 20), pytest.param(5000, 80, marks=pytest.mark.slow)], ids=["many", "thousands"]
)
def test_many_files_stay_below_githubs_limits(job: Job, count: int, a_minute: int) -> None:
    limits = job.sandbox.github.hub.limits
    limits.content_a_minute, limits.content_an_hour = a_minute, 500
    for number in range(count):
        job.write(f"out/{number % 10}/{number}.json", f"{number}")
    job.pr("out")
    assert len(job.changes()) == count
    assert job.content("out/7/117.json") == b"117"
    assert "uploads" not in job.repository.git.line("for-each-ref", "--format=%(refname)")


def test_a_file_above_githubs_limit_is_refused_before_anything_is_sent(job: Job) -> None:
    job.write("small.txt", "x")
    job.write("model/huge.bin", b"")
    os.truncate(job.directory / "model/huge.bin", 101 * 1024**2)
    refs = job.repository.git.line("for-each-ref")
    said = job.refused(".")
    assert "model/huge.bin (101 MiB)" in said
    assert "git lfs track" in said
    assert job.repository.git.line("for-each-ref") == refs


@pytest.mark.slow
def test_a_file_of_git_lfs_becomes_a_pointer_and_its_bytes_are_uploaded(job: Job) -> None:
    job.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    job.git("config", "filter.lfs.clean", "false")
    job.git("config", "filter.lfs.required", "true")
    job.write("model/m.bin", b"weights")
    job.write("empty.bin", b"")
    job.pr("model", ".gitattributes", "empty.bin")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    assert f"oid sha256:{sha256}\nsize 7\n" in job.content("model/m.bin").decode()
    assert job.content("empty.bin") == b""
    url = f"{job.sandbox.github.url}/{job.sandbox.repository}.git"
    pointer = Pointer(store="lfs", sha256=sha256, size=7)
    assert b"".join(LfsStore(lambda: GitAccess(url=url)).read(pointer, 0)) == b"weights"


@pytest.mark.slow
def test_bytes_that_git_lfs_keeps_for_the_jobs_commits_are_uploaded_first(job: Job) -> None:
    """git-lfs keeps objects in .git/lfs, and uploads them in a hook of git push; GitHub refuses pointers without."""
    sha256 = hashlib.sha256(b"weights").hexdigest()
    job.write(f".git/lfs/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}", b"weights")
    job.write("m.bin", f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 7\n")
    job.commit("Train")
    assert job.pr()["changed"]
    url = f"{job.sandbox.github.url}/{job.sandbox.repository}.git"
    pointer = Pointer(store="lfs", sha256=sha256, size=7)
    assert b"".join(LfsStore(lambda: GitAccess(url=url)).read(pointer, 0)) == b"weights"


@pytest.mark.slow
def test_an_unchanged_pointer_is_no_change(job: Job) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 7\n"
    job.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    job.write("m.bin", pointer)
    job.commit("Add a pointer")
    stored = job.repository.git.path / "lfs" / "objects" / "00" / "00" / ("0" * 64)
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"weights")
    job.git("push", "--quiet", str(job.repository.git.path), "HEAD:main")
    assert job.pr(".")["changed"] is False


@pytest.mark.slow
def test_on_a_pull_request_the_merge_commit_does_not_come_along(job: Job, tmp_path: Path) -> None:
    """The event's file has the fields of GitHub's webhook payload."""
    git = job.repository.git
    git.line("branch", "feature", "main")
    head = job.colleague({"feature.txt": "x"}, branch="feature")
    main = job.colleague({"other.txt": "y", "params.yaml": TRACKED["params.yaml"].replace("p1: 1", "p1: 100")})
    tree = git.line("merge-tree", "--write-tree", main, head)
    identity = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    merge = git.line("commit-tree", tree, "-p", main, "-p", head, "-m", "Merge", environ=identity)
    git.line("update-ref", "refs/pull/9/merge", merge)
    job.git("fetch", "--quiet", "--depth", "1", "origin", f"+{merge}:refs/remotes/pull/9/merge")
    job.git("checkout", "--quiet", "--detach", "refs/remotes/pull/9/merge")
    job.monkeypatch.setenv("GITHUB_SHA", merge)
    own = {"ref": "feature", "sha": head, "repo": {"full_name": job.sandbox.repository}}
    event = {"pull_request": {"number": 9, "head": own, "base": {**own, "ref": "main", "sha": main}, "body": ""}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    facts = {"REF": "refs/pull/9/merge", "EVENT_NAME": "pull_request", "EVENT_PATH": str(tmp_path / "event.json")}
    for name, value in {**facts, "HEAD_REF": "feature", "BASE_REF": "main"}.items():
        job.monkeypatch.setenv(f"GITHUB_{name}", value)
    job.write("params.yaml", (job.directory / "params.yaml").read_text().replace("p9: 9", "p9: 900"))
    job.write("model.bin", "weights")
    job.pr(".")
    assert job.changes("feature") == {"params.yaml": "M", "model.bin": "A"}
    assert (b"p1: 1\n" in job.content("params.yaml"), b"p9: 900\n" in job.content("params.yaml")) == (True, True)


@pytest.mark.slow
def test_a_checkout_of_another_history_undoes_nothing(job: Job) -> None:
    job.git("checkout", "--quiet", "--orphan", "fresh")
    job.write("params.yaml", "q: 1\n")
    job.commit("Start over")
    job.git("update-ref", "-d", "refs/remotes/origin/HEAD")
    job.write("params.yaml", "q: 2\n")
    job.write("model.bin", "weights")
    said = job.pr(".")["said"]
    assert "params.yaml" in said
    assert job.changes() == {"model.bin": "A"}


@pytest.mark.slow
def test_a_later_call_brings_the_latest_version_and_no_mixture(job: Job) -> None:
    job.write("params.yaml", TRACKED["params.yaml"].replace("p1: 1", "p1: 100"))
    job.pr("params.yaml")
    job.write("params.yaml", TRACKED["params.yaml"].replace("p9: 9", "p9: 900"))
    job.pr("params.yaml")
    assert {b"p1: 1", b"p9: 900"} <= set(job.content("params.yaml").splitlines())


@pytest.mark.slow
def test_a_persons_commit_on_the_branch_stays(job: Job) -> None:
    job.write("params.yaml", TRACKED["params.yaml"].replace("p1: 1", "p1: 100"))
    job.write("notes.txt", "first")
    branch = str(job.pr("params.yaml", "notes.txt")["branch"])
    by_hand = TRACKED["params.yaml"].replace("p1: 1", "p1: 100").replace("p5: 5", "p5: 500")
    job.colleague({"params.yaml": by_hand}, branch=branch)
    job.write("params.yaml", TRACKED["params.yaml"].replace("p1: 1", "p1: 111").replace("p5: 5", "p5: 555"))
    job.write("notes.txt", "second")
    said = job.pr("params.yaml", "notes.txt")["said"]
    assert (job.content("params.yaml"), job.content("notes.txt")) == (by_hand.encode(), b"second")
    assert "params.yaml" in said
    assert "`params.yaml`" in (job.repository.pulls[0].body or "")


@pytest.mark.slow
def test_folders_files_and_links_may_take_each_others_place(job: Job) -> None:
    shutil.rmtree(job.directory / "data")
    job.write("data", "now a file")
    (job.directory / "train.py").unlink()
    job.write("train.py/main.py", "x")
    shutil.rmtree(job.directory / "pkg")
    (job.directory / "pkg").symlink_to("train.py")
    job.pr(".")
    assert job.changes() == {
        "data": "A",
        "data/a.csv": "D",
        "data/b.csv": "D",
        "train.py": "D",
        "train.py/main.py": "A",
        "pkg": "A",
        "pkg/module.py": "D",
    }


@pytest.mark.slow
def test_a_deleted_file_and_a_deleted_folder_can_be_named(job: Job) -> None:
    (job.directory / "train.py").unlink()
    shutil.rmtree(job.directory / "data")
    job.pr("train.py", "data")
    assert job.changes() == {"train.py": "D", "data/a.csv": "D", "data/b.csv": "D"}


@pytest.mark.slow
def test_a_moved_submodule_is_left_out_with_a_word(job: Job) -> None:
    job.git("init", "--quiet", "vendor/tool")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    job.git("-C", "vendor/tool", *author, "commit", "--quiet", "--allow-empty", "-m", "one")
    job.git("add", "vendor/tool")
    job.git(*author, "commit", "--quiet", "-m", "Add tool")
    job.git("-C", "vendor/tool", *author, "commit", "--quiet", "--allow-empty", "-m", "two")
    job.write("a.txt", "a")
    assert "vendor/tool" in job.pr(".")["said"]
    assert job.changes() == {"a.txt": "A", "vendor/tool": "A"}
