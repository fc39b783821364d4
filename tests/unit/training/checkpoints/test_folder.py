"""The checkpoint folder: what is seen in it, and how saved files come into it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmlkit.errors import ServiceError
from cmlkit.training.checkpoints.folder import look, restore
from cmlkit.training.checkpoints.saved import Saved, SavedFile


def written(path: Path, content: str = "state", *, at: float = 1_700_000_000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (at, at))
    return path


class Kept:
    """Contents by their hash, and a list of them."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.files: tuple[SavedFile, ...] = ()

    def add(self, path: str, content: bytes = b"state", *, size: int | None = None) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        self.contents.setdefault(sha256, content)
        file = SavedFile(path=path, sha256=sha256, size=len(content) if size is None else size, modified=1e9)
        self.files = (*self.files, file)

    def read(self, sha256: str) -> Iterator[bytes]:
        yield self.contents[sha256]

    @property
    def saved(self) -> Saved:
        return Saved(key="k", attempt=1, owner="", files=self.files)


def test_files_and_folders_directly_in_the_folder_are_units_the_newest_first(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    written(folder / "epoch-1" / "model.pt", at=100)
    written(folder / "epoch-2" / "model.pt", at=300)
    written(folder / "epoch-2" / "optimizer" / "state.pt", at=200)
    written(folder / "log.txt", at=250)
    units = look(folder).units
    assert [unit.name for unit in units] == ["epoch-2", "log.txt", "epoch-1"]
    assert [file.path for file in units[0].files] == ["epoch-2/model.pt", "epoch-2/optimizer/state.pt"]


def test_a_link_in_the_folder_counts_as_the_file_that_it_leads_to(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    written(folder / "epoch-3.pt")
    (folder / "last.pt").symlink_to("epoch-3.pt")
    files = {file.path: file for unit in look(folder).units for file in unit.files}
    assert files["last.pt"].inode == files["epoch-3.pt"].inode


def test_what_is_no_file_in_the_folder_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    secret = written(tmp_path / "home" / "credentials")
    written(folder / "a.pt")
    (folder / "b").symlink_to(secret)
    (folder / "c").symlink_to(secret.parent)
    (folder / "d").symlink_to("missing")
    os.mkfifo(folder / "e")
    found = look(folder)
    assert [unit.name for unit in found.units] == ["a.pt"]
    assert set(found.left_out) == {"b", "c", "e"}


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert look(tmp_path / "checkpoints").units == ()


def test_files_come_back_with_their_times_beside_what_is_there(tmp_path: Path) -> None:
    folder, kept = tmp_path / "checkpoints", Kept()
    written(folder / "README")
    written(folder / "last.pt", "of the checkout")
    kept.add("epoch-2/model.pt", b"weights")
    kept.add("last.pt", b"weights")
    restore(kept.saved, folder, kept.read)
    assert {path.name for path in folder.iterdir()} == {"README", "epoch-2", "last.pt"}
    assert (folder / "epoch-2" / "model.pt").read_bytes() == (folder / "last.pt").read_bytes() == b"weights"
    assert (folder / "last.pt").stat().st_mtime == 1e9
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


@pytest.mark.parametrize(
    ("content", "size"), [(b"changed", 5), (b"stat", 5), (b"state and more", 5)], ids=["changed", "short", "long"]
)
def test_nothing_is_restored_if_one_file_is_not_as_it_was_saved(tmp_path: Path, content: bytes, size: int) -> None:
    folder, kept = tmp_path / "checkpoints", Kept()
    written(folder / "a.pt", "of the checkout")
    kept.add("a.pt", b"whole")
    kept.add("b.pt", b"state")
    kept.contents[kept.files[1].sha256] = content
    with pytest.raises(ServiceError, match=r"b\.pt of the checkpoint is not as it was saved"):
        restore(kept.saved, folder, kept.read)
    assert [path.read_text() for path in folder.iterdir()] == ["of the checkout"]


def test_no_link_in_the_folder_leads_a_restored_file_out_of_it(tmp_path: Path) -> None:
    folder, kept = tmp_path / "checkpoints", Kept()
    folder.mkdir()
    (tmp_path / "home").mkdir()
    (folder / "epoch-1").symlink_to(tmp_path / "home")
    kept.add("a.pt")
    kept.add("epoch-1/.bashrc")
    with pytest.raises(ServiceError, match="a link or a folder is in its way"):
        restore(kept.saved, folder, kept.read)
    assert list((tmp_path / "home").iterdir()) == []
    assert not (folder / "a.pt").exists()


def test_a_link_that_has_the_name_of_a_restored_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, kept = tmp_path / "checkpoints", Kept()
    folder.mkdir()
    outside = written(tmp_path / "outside", "as before")
    (folder / "last.pt").symlink_to(outside)
    kept.add("last.pt")
    restore(kept.saved, folder, kept.read)
    assert outside.read_text() == "as before"
    assert (folder / "last.pt").read_text() == "state"


def test_a_checkpoint_that_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    kept = Kept()
    kept.add("a.pt", size=2**62)
    with pytest.raises(ServiceError) as raised:
        restore(kept.saved, tmp_path / "checkpoints", kept.read)
    assert "the disk has" in raised.value.message
    assert raised.value.next_step == "Set runner.disk-size."
