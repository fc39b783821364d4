"""Which images go: those that nothing open shows. The branch moves last, and only if nobody stored more meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from cmlkit.errors import Conflict
from cmlkit.forges.base import AssetForge, Comment
from cmlkit.publishing.asset import BRANCH
from cmlkit.publishing.asset_pruning import TRIES_AGAINST_OTHERS, Pruned, prune_assets
from tests.fake_forge import FastClock
from tests.toys.forge import FACTS

ROOT = "toy://forge/octo/forest"
HEAD, NEXT = "a" * 40, "c" * 40
SHOWN, UNSHOWN = f"{'1' * 64}.png", f"{'2' * 64}.png"


def link(name: str, commit: str = HEAD) -> str:
    return f"![plot]({ROOT}/f/{commit}/{name})"


@dataclass
class Forge:
    """A forge with two stored images, and the open discussions of a test."""

    bodies: dict[int, str] = field(default_factory=dict)
    texts: list[Comment] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    others: int = 0
    head: str | None = HEAD
    done: list[Any] = field(default_factory=list)
    facts: Any = FACTS

    def branch_head(self, branch: str) -> str | None:
        assert branch == BRANCH
        return self.head

    def root_files(self, commit: str) -> dict[str, str]:
        assert commit == self.head
        return {"README.md": "0" * 40, SHOWN: "1" * 40, UNSHOWN: "2" * 40}

    def messages_since(self, ref: str, moment: float) -> list[str]:
        assert (ref, moment) == (BRANCH, FastClock().now() - 3600)
        return self.fresh

    def open_discussions(self) -> dict[int, str]:
        return self.bodies

    def comments(self, number: int) -> list[Comment]:
        return [text for text in self.texts if text.place == number]

    def create_commit(self, *, parent: str, files: list[Any], message: str) -> str:
        assert {file.path: file.blob for file in files}.items() <= self.root_files(HEAD).items()
        self.done.append(("commit", sorted(file.path for file in files), parent, message))
        return NEXT

    def update_body(self, number: int, body: str) -> None:
        self.done.append(("body", number, body))

    def update_comment(self, comment: Comment, body: str) -> Comment:
        self.done.append(("comment", comment.id, body))
        return comment

    def replace_branch(self, branch: str, commit: str, *, expected: str) -> None:
        assert branch == BRANCH
        if self.others:
            self.others -= 1
            raise Conflict("The branch is at another commit by now.", status=409)
        self.done.append(("branch", commit, expected))


def prune(forge: Forge, *, dry_run: bool = False) -> Pruned:
    return prune_assets(forge=cast("AssetForge", forge), root=ROOT, dry_run=dry_run, clock=FastClock())


def comment(text: str) -> Comment:
    return Comment(id=9, place=1, url="", body=text, author="bot")


@pytest.mark.parametrize(
    ("bodies", "texts", "removed"),
    [
        ({1: link(SHOWN)}, [], (UNSHOWN,)),
        ({1: "Text"}, [comment(f"See {link(SHOWN)}.")], (UNSHOWN,)),
        ({1: link(SHOWN)}, [comment(link(UNSHOWN, NEXT))], ()),
        ({}, [], (SHOWN, UNSHOWN)),
        ({1: f"{ROOT}/f/main/{SHOWN}"}, [], (SHOWN, UNSHOWN)),
    ],
    ids=["in a body", "in a comment", "at another commit", "nowhere", "in a link to a branch"],
)
def test_what_a_link_to_a_commit_shows_is_kept(
    bodies: dict[int, str], texts: list[Comment], removed: tuple[str, ...]
) -> None:
    assert prune(Forge(bodies, texts)).removed == removed


def test_texts_get_their_new_links_before_the_branch_moves() -> None:
    forge = Forge({1: link(SHOWN), 2: "Text"}, [comment(f"See {link(SHOWN)}.")])
    pruned = prune(forge)
    assert (pruned.rewritten, pruned.kept) == (2, 1)
    assert forge.done == [
        ("commit", [SHOWN, "README.md"], "", "Keep 1 images that are shown"),
        ("body", 1, link(SHOWN, NEXT)),
        ("comment", 9, f"See {link(SHOWN, NEXT)}."),
        ("branch", NEXT, HEAD),
    ]


@pytest.mark.parametrize(
    ("forge", "dry_run"),
    [
        (Forge({1: link(SHOWN)}), True),
        (Forge({1: link(SHOWN) + link(UNSHOWN)}), False),
        (Forge({1: link(SHOWN)}, fresh=[f"Store {'2' * 12}.png"]), False),
        (Forge(head=None), False),
    ],
    ids=["a dry run", "nothing to remove", "stored within the hour", "no branch"],
)
def test_nothing_is_written(forge: Forge, dry_run: bool) -> None:
    prune(forge, dry_run=dry_run)
    assert forge.done == []


def test_an_image_of_the_last_hour_that_nothing_shows_yet_is_waited_for() -> None:
    found = prune(Forge({1: link(SHOWN)}, fresh=[f"Store 2 files\n\nStore {'2' * 12}.png"]))
    assert (found.waiting, found.removed, found.kept) == ((UNSHOWN,), (), 2)


@pytest.mark.parametrize("others", [1, TRIES_AGAINST_OTHERS - 1])
def test_what_others_store_meanwhile_makes_it_look_again(others: int) -> None:
    forge = Forge({1: link(SHOWN)}, others=others)
    assert prune(forge).commit == NEXT
    assert forge.done[-1] == ("branch", NEXT, HEAD)


def test_others_at_every_try_are_an_error() -> None:
    with pytest.raises(Conflict, match="at each of 5 tries") as caught:
        prune(Forge({1: link(SHOWN)}, others=TRIES_AGAINST_OTHERS))
    assert caught.value.next_step == "Run it again later."
