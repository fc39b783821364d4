"""Disks that refuse what is written: one that is mounted read-only, one that becomes so, and one with a quota.

The mounts are real, in a mount namespace of their own, for which this needs root, and for the quota btrfs-progs:
https://man7.org/linux/man-pages/man7/mount_namespaces.7.html, https://btrfs.readthedocs.io/en/latest/Qgroups.html
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cmlkit.model.manifest import manifest_path
from cmlkit.records.training_run import RECORD
from cmlkit_sandbox import Sandbox

pytestmark = pytest.mark.slow

MODEL = Path("model/m.joblib")
TRAIN = f"mkdir -p model && echo 'accuracy: 0.9' > model/metrics.txt && echo weights > {MODEL}"
AS_READ_ONLY = 'mount --bind "$PWD" "$PWD" && cd "$PWD" && mount -o remount,bind,ro .'
NOT_READ_ONLY = "next: Work in a folder on a file system that is not read-only."


def command(*arguments: str) -> str:
    return shlex.join([sys.executable, "-m", "cmlkit", *arguments])


def train(line: str) -> str:
    places = ["--data", "", "--plots", "", "--metrics", "model/metrics.txt", "--model", str(MODEL)]
    return command("train", *places, "--", "sh", "-ec", line)


def in_namespace(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines of shell with mounts that nobody else sees, until one fails."""
    program = ["unshare", "--mount", "sh", "-ec", "\n".join(lines)]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_training_on_a_read_only_disk_is_refused_before_it_begins(tmp_path: Path, is_first: bool) -> None:
    before = [] if is_first else [train(TRAIN)]
    done = in_namespace(tmp_path, *before, AS_READ_ONLY, train("echo it began >&2"))
    assert done.returncode == 2, done.stderr
    assert f"error: {tmp_path}/.cmlkit" in done.stderr
    assert "cannot be used: Read-only file system." in done.stderr
    assert NOT_READ_ONLY in done.stderr
    assert "it began" not in done.stderr
    assert (tmp_path / RECORD).exists() is not is_first


def test_a_disk_that_becomes_read_only_while_it_trains_keeps_the_results_and_the_error_names_them(
    tmp_path: Path,
) -> None:
    done = in_namespace(
        tmp_path, 'mount --bind "$PWD" "$PWD" && cd "$PWD"', train(f"{TRAIN}; mount -o remount,bind,ro .")
    )
    assert done.returncode == 2, done.stderr
    assert (
        f"error: The training ended, but it cannot be recorded: {tmp_path / manifest_path(MODEL)} cannot be used:"
        f" Read-only file system. Its results are kept: {MODEL}, model/metrics.txt." in done.stderr
    )
    assert f"{NOT_READ_ONLY} cmlkit publish needs the record" in done.stderr
    assert (tmp_path / MODEL).read_text() == "weights\n"
    assert not (tmp_path / RECORD).exists()


def test_report_and_publish_of_a_checkout_that_is_read_only_need_no_place_in_it(sandbox: Sandbox) -> None:
    done = in_namespace(Path.cwd(), train(TRAIN), AS_READ_ONLY, command("report"), command("publish"))
    assert done.returncode == 0, done.stderr
    assert len(sandbox.github.hub.repository(sandbox.repository).pulls) == 1


def test_an_outputs_file_on_a_read_only_disk_is_told_with_the_pull_request_that_is_open(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runner"
    folder.mkdir()
    (folder / "output").touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "output"))
    done = in_namespace(Path.cwd(), train(TRAIN), f"(cd {folder}; {AS_READ_ONLY})", command("publish"))
    assert done.returncode == 2, done.stderr
    assert f"{folder / 'output'}: Read-only file system. All is published: http" in done.stderr
    assert "/pull/1; only this step's outputs are missing." in done.stderr
    assert NOT_READ_ONLY in done.stderr
    assert len(sandbox.github.hub.repository(sandbox.repository).pulls) == 1


def test_a_model_is_neither_pulled_nor_saved_to_a_read_only_disk(tmp_path: Path) -> None:
    identity = "git -c user.name=a -c user.email=a@b"
    commit = f"git init -q; git add -A; {identity} commit -qm model; rm {MODEL}"
    done = in_namespace(tmp_path, train(TRAIN), commit, AS_READ_ONLY, command("model", "pull", str(MODEL)))
    assert done.returncode == 2, done.stderr
    assert f"error: The model cannot be written to {MODEL}: Read-only file system." in done.stderr
    assert NOT_READ_ONLY in done.stderr
    save = "import cmlkit; cmlkit.save_model({}, 'm.joblib')"
    done = in_namespace(tmp_path, AS_READ_ONLY, shlex.join([sys.executable, "-c", save]))
    assert "cmlkit.errors.ModelError: The model cannot be written to m.joblib: Read-only" in done.stderr
    assert not (tmp_path / "m.joblib").exists()


def test_a_quota_that_the_training_uses_up_keeps_the_results_and_the_error_names_them(tmp_path: Path) -> None:
    image, folder, kept = tmp_path / "image", tmp_path / "project", tmp_path / "kept"
    folder.mkdir()
    quota = (
        f"truncate -s 128M {image}; mkfs.btrfs -q {image} >&2; mount -o loop {image} {folder}; cd {folder}",
        "btrfs quota enable .; btrfs qgroup limit 1M .",
    )
    fill = f"{TRAIN}; dd if=/dev/zero of=checkpoint bs=64k 2>&1 || true"
    done = in_namespace(tmp_path, *quota, f"{train(fill)} || cp -r model {kept}; ls -a .cmlkit model")
    assert (
        f"error: The training ended, but it cannot be recorded: {folder / manifest_path(MODEL)} cannot be used:"
        f" Disk quota exceeded. Its results are kept: {MODEL}, model/metrics.txt." in done.stderr
    )
    assert "next: Free space: the disk quota of this user is used up." in done.stderr
    assert sorted(path.name for path in kept.iterdir()) == ["m.joblib", "metrics.txt"]
    assert (kept / "m.joblib").read_text() == "weights\n"
