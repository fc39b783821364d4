"""A disk that is full, in each place to which cmlkit writes: an error that says what helps, and nothing half done.

A limit on the size of files fails each further write, as a full disk does: https://man7.org/linux/man-pages/man2/setrlimit.2.html
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cmlkit.errors import CmlkitError, FileError, GitError, ModelError, file_error, is_of_files
from cmlkit.files import write_whole
from cmlkit.git.access import GitAccess
from cmlkit.git.merge import merged
from cmlkit.git.push import push_blob
from cmlkit.model.file import save_model, write_model
from cmlkit.records.training_run import RECORD
from cmlkit.registry.pulling import pull_model
from cmlkit.settings.schema import TrainSpec
from cmlkit.stores.checkpoints import FolderCheckpoints
from cmlkit.stores.download import download
from cmlkit.stores.pointer import Pointer
from cmlkit.training.checkpoints.folder import restore
from cmlkit.training.checkpoints.saved import Saved, SavedFile
from cmlkit.training.plots import save
from cmlkit.training.train import train
from tests.unit.test_files import no_room_beyond

PACKAGE = Path(__file__).parents[2] / "cmlkit"
LARGE = b"a model " * 50_000
SHA256 = hashlib.sha256(LARGE).hexdigest()


class Place:
    """A source of the bytes, and a picture of them."""

    def read(self, pointer: Pointer, offset: int) -> Iterator[bytes]:
        yield LARGE[offset:]

    def savefig(self, path: str, **options: Any) -> None:
        Path(path).write_bytes(LARGE)


def _restore(target: Path) -> None:
    file = SavedFile(path=target.name, sha256=SHA256, size=len(LARGE), modified=1e9)
    saved = Saved(key="k", attempt=1, owner="o", files=(file,))
    restore(saved, target.parent, lambda sha256: iter([LARGE]))


# What writes -> the call that writes to a file, which exists.
WRITERS: dict[str, Callable[[Path], object]] = {
    "files": lambda target: write_whole(target, LARGE),
    "model": lambda target: write_model({"weights": LARGE}, target),
    "plots": lambda target: save(cast("Any", Place()), target),
    "checkpoints that come back": _restore,
    "texts that are merged": lambda target: merged(b"a\n" + LARGE, b"b\n" + LARGE, b"c\n" + LARGE),
}


def told(error: BaseException) -> CmlkitError:
    """The error as a command tells it."""
    if isinstance(error, CmlkitError):
        return error
    assert isinstance(error, OSError)
    assert is_of_files(error)
    return file_error(error)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_told_with_what_helps_and_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, temporary: Path, writer: str
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    target = folder / "m.joblib"
    target.write_bytes(b"old")
    with no_room_beyond(1000), pytest.raises((CmlkitError, OSError)) as refused:
        WRITERS[writer](target)
    assert "File too large" in told(refused.value).message
    assert told(refused.value).next_step == "Allow larger files: ulimit -f."
    assert [(path, path.read_bytes()) for path in folder.rglob("*")] == [(target, b"old")]
    assert list(temporary.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named_and_not_its_temporary_one(tmp_path: Path) -> None:
    with no_room_beyond(1000), pytest.raises(OSError, match="too large") as full:
        write_whole(tmp_path / "m.joblib", LARGE)
    assert told(full.value).message == f"{tmp_path}/m.joblib cannot be used: File too large."
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as refused:
        write_whole(tmp_path / "folder", b"new")
    assert told(refused.value).message == f"{tmp_path}/folder cannot be used: Is a directory."
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_model_whose_manifest_has_no_room_is_a_model_error(tmp_path: Path) -> None:
    with no_room_beyond(1000), pytest.raises(ModelError, match="manifest of .* cannot be written: File too") as refused:
        save_model({}, tmp_path / "m.joblib", parameters={"weights": "x" * 2000})
    assert refused.value.next_step == "Allow larger files: ulimit -f."


@pytest.mark.parametrize("what", ["file", "link"])
def test_a_training_whose_record_has_no_place_is_refused_before_it_begins(tmp_path: Path, what: str) -> None:
    place, spec = tmp_path / RECORD.parent, TrainSpec(run="touch began", data=())
    if what == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "missing")
    with pytest.raises(FileError, match=re.escape(str(place))):
        train(spec, directory=tmp_path)
    assert list(tmp_path.iterdir()) == [place]


def test_a_training_that_cannot_be_recorded_keeps_its_results_and_names_them(tmp_path: Path) -> None:
    run = "echo 'accuracy: 0.9' > scores.txt; echo weights > m; rm -r .cmlkit; touch .cmlkit"
    spec = TrainSpec(run=run, model="m", metrics=("scores.txt",), plots=(), data=())
    with pytest.raises(
        FileError, match=r"The training ended, but .* Its results are kept: m, scores\.txt\."
    ) as refused:
        train(spec, directory=tmp_path, environ={"PATH": os.environ["PATH"]})
    assert str(tmp_path / RECORD.parent) in refused.value.message
    assert "cmlkit publish needs the record" in refused.value.next_step
    assert (tmp_path / "m").read_text() == "weights\n"


def test_a_download_keeps_the_old_file_and_the_bytes_to_resume_from(tmp_path: Path) -> None:
    target = tmp_path / "m.joblib"
    target.write_bytes(b"old")
    pointer = Pointer(store="lfs", sha256=SHA256, size=len(LARGE))
    with no_room_beyond(1000), pytest.raises(CmlkitError, match="File too large") as refused:
        download(pointer, target, Place())
    assert refused.value.next_step == "Allow larger files: ulimit -f."
    assert target.read_bytes() == b"old"
    download(pointer, target, Place())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [LARGE]


def test_a_checkpoint_that_cannot_be_copied_is_not_there(tmp_path: Path) -> None:
    kept = FolderCheckpoints(tmp_path / "kept")
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    (tmp_path / "kept" / "files").mkdir(parents=True)
    # An open file without a name cannot be linked, as one on another file system.
    with source.open("rb") as file, no_room_beyond(1000):
        source.unlink()
        with pytest.raises(OSError, match="too large") as refused:
            kept.put(file, SHA256, size=len(LARGE), still=lambda: None)
    assert told(refused.value).next_step
    assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == []


def test_a_folder_in_the_place_of_a_pulled_file_stays_until_the_file_is_there(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    model = tmp_path / "m.joblib"
    git("init", "--quiet")
    save_model({"weights": LARGE}, model)
    git("add", ".")
    git("commit", "--quiet", "-m", "model")
    model.unlink()
    model.mkdir()
    (model / "mine").write_bytes(b"old")
    with no_room_beyond(1000), pytest.raises(CmlkitError, match="File too large") as refused:
        pull_model(tmp_path, model="m.joblib", at="HEAD", force=True)
    assert refused.value.next_step
    assert (model / "mine").read_bytes() == b"old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".m.joblib")]
    pull_model(tmp_path, model="m.joblib", at="HEAD", force=True)
    assert model.is_file()


def test_a_git_that_finds_the_disk_full_is_told_with_what_helps(tmp_path: Path, temporary: Path) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase "$*" in *hash-object*) echo \'fatal: sha1 file x write error. Out of diskspace:'
        " No space left on device' >&2; exit 128;; esac\n"
    )
    program.chmod(0o755)
    access = GitAccess(url="https://forge.example/octo/forest.git", authorization="Basic x")
    old = os.environ["PATH"]
    os.environ["PATH"] = f"{program.parent}:{old}"
    try:
        with pytest.raises(GitError, match="No space left on device") as refused:
            push_blob(LARGE, access=access, ref="refs/x", author="a <a@b>", environ={"PATH": os.environ["PATH"]})
    finally:
        os.environ["PATH"] = old
    assert "TMPDIR" in refused.value.next_step
    assert list(temporary.iterdir()) == []


def test_every_temporary_folder_goes_with_its_block_and_every_temporary_file_with_its_function() -> None:
    makers = {"mkdtemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mktemp", "mkstemp"}
    left = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        entered = {
            id(item.context_expr) for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items
        }
        entered |= {
            id(node.args[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "enter_context"
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in makers or (node.func.attr == "TemporaryDirectory" and id(node) not in entered):
                left.add(path.relative_to(PACKAGE).as_posix())
    assert left == {"files.py", "training/plots.py", "training/cache/keeping.py"}, "each has a test, here or beside it"
