"""Images on their own branch: stored once under the hash of their content, and linked at a commit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest

from cmlkit.errors import Conflict, SettingsError
from cmlkit.forges.base import Changes
from cmlkit.publishing.asset import BRANCH, Asset, asset_path, store_asset, store_assets
from tests.fake_forge import FastClock
from tests.toys.forge import ToyCommit
from tests.unit.publishing.in_memory import ToldForge

ROOT = "https://forge.example/octo/forest"
PNG = b"\x89PNG\r\n\x1a\n"
EMPTY = ToyCommit(parent="", files={})


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Forge(ToldForge):
    """A forge on which others write.

    Attributes:
        conflicts: Number of commits to the existing branch that meet one of others.
        rival: Whether another process creates the branch at the moment of our try.
        vanishing: Whether the branch is gone again after that.
    """

    conflicts: int = 0
    rival: bool = False
    vanishing: bool = False

    def commit(self, changes: Changes, *, branch: str, parent: str, is_new: bool) -> str:
        self.commits.setdefault("", EMPTY)
        if is_new and self.rival:
            super().commit(changes, branch=branch, parent="", is_new=True)
            if self.vanishing:
                del self.branches[branch]
            raise Conflict("The branch exists.", status=422)
        if not is_new and self.conflicts:
            self.conflicts -= 1
            raise Conflict("The branch has moved.", status=409)
        return super().commit(changes, branch=branch, parent=parent, is_new=is_new)

    def history(self) -> list[ToyCommit]:
        """The commits of the branch, newest first."""
        found, commit = list[ToyCommit](), self.branches.get(BRANCH, "")
        while commit:
            found.append(self.commits[commit])
            commit = found[-1].parent
        return found


@pytest.fixture
def forge() -> Forge:
    return Forge("octo/forest")


def stored(forge: Forge, *files: tuple[str, bytes], **options: Any) -> list[Asset]:
    return store_assets(files, forge=forge, root=ROOT, clock=FastClock(), **options)


def test_the_first_image_begins_a_branch_without_history(forge: Forge) -> None:
    asset = store_asset("model/plot.PNG", PNG, forge=forge, root=ROOT)
    path = f"{sha(PNG)}.png"
    assert asset == Asset(
        name="model/plot.PNG", path=path, commit=forge.branches[BRANCH], url=f"{ROOT}/i/{asset.commit}/{path}"
    )
    newest, first = forge.history()
    assert (set(newest.files), newest.files[path]) == ({"README.md", path}, PNG)
    assert (set(first.files), first.parent, first.message) == ({"README.md"}, "", "Start the branch of images")
    assert newest.message == f"Store {path[:12]}.png"
    assert b"cmlkit asset publish" in first.files["README.md"]


def test_several_images_are_one_commit_whose_message_names_each(forge: Forge) -> None:
    files = [("b.png", PNG + b"b"), ("a.txt", b"text"), ("again.png", PNG + b"b")]
    assets = stored(forge, *files)
    assert [asset.name for asset in assets] == ["b.png", "a.txt", "again.png"]
    assert [asset.path for asset in assets] == [f"{sha(PNG + b'b')}.png", f"{sha(b'text')}.txt", assets[0].path]
    newest, _ = forge.history()
    assert newest.message.split("\n") == [
        "Store 2 files", "", f"Store {sha(PNG + b'b')[:12]}.png", f"Store {sha(b'text')[:12]}.txt",
    ]  # fmt: skip


def test_an_image_that_is_there_already_is_linked_without_a_commit(forge: Forge) -> None:
    first, *_ = stored(forge, ("a.png", PNG))
    again, *_ = stored(forge, ("other.png", PNG))
    assert (again.path, again.commit, again.name) == (first.path, first.commit, "other.png")
    added, *_ = stored(forge, ("b.png", PNG + b"b"))
    assert set(forge.history()[0].files) == {"README.md", first.path, added.path}
    assert forge.history()[0].parent == first.commit


def test_without_images_nothing_is_written(forge: Forge) -> None:
    assert stored(forge) == []
    assert forge.branches == {}


def test_a_file_in_another_format_than_its_name_says_is_refused_before_anything_is_stored(forge: Forge) -> None:
    with pytest.raises(SettingsError) as caught:
        stored(forge, ("a.png", PNG), ("b.png", b"<html>"))
    assert caught.value.message == "b.png is not in PNG format: it begins with b'<html>'."
    assert "correct its name" in caught.value.next_step
    assert forge.branches == {}


def test_a_branch_that_another_process_creates_meanwhile_is_used() -> None:
    forge = Forge("octo/forest", rival=True)
    [asset] = stored(forge, ("a.png", PNG))
    assert set(forge.history()[0].files) == {"README.md", asset.path}
    assert len(forge.history()) == 2


def test_a_branch_that_can_neither_be_created_nor_found_is_an_error() -> None:
    with pytest.raises(Conflict, match="The branch exists"):
        stored(Forge("octo/forest", rival=True, vanishing=True), ("a.png", PNG))


def test_images_that_others_store_meanwhile_let_it_try_again_after_a_pause() -> None:
    forge, clock = Forge("octo/forest", conflicts=2), FastClock()
    asset = store_asset("a.png", PNG, forge=forge, root=ROOT, clock=clock)
    assert forge.branches[BRANCH] == asset.commit
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.png", ".png"), ("plots/A.JPeG", ".jpeg"), ("a.tar.gz", ".gz"), ("a.b c", ""), ("README", ""), ("a.(x)", "")],
)
def test_the_path_is_the_hash_with_the_suffix_if_that_is_plain(name: str, suffix: str) -> None:
    assert asset_path(name, b"x") == f"{sha(b'x')}{suffix}"


@pytest.mark.parametrize(
    ("path", "title", "expected"),
    [
        ("1.png", "", "[![a*b](https://x/1)](https://x/1)"),
        ("1.png", "Matrix", "[![Matrix](https://x/1)](https://x/1)"),
        ("1.pdf", "", "[a*b](https://x/1)"),
        ("1.txt", "Log", "[Log](https://x/1)"),
    ],
    ids=["an image", "an image with a title", "a PDF", "a text with a title"],
)
def test_images_are_shown_and_other_files_linked(path: str, title: str, expected: str) -> None:
    asset = Asset(name="a*b", path=path, commit="c", url="https://x/1")
    assert (asset.markdown(title) if title else asset.markdown()) == expected.replace("a*b", "a&#42;b")
